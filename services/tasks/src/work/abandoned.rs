//! The jobs that were abandoned and still run.
//!
//! A thread cannot be killed, so each of them keeps its memory until it ends. With too many of them, the process claims no
//! more jobs. If they never end, it must be restarted.

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::sync::oneshot::Receiver;
use tokio::sync::watch;

/// With this many, no job is claimed.
const TOO_MANY: i64 = 32;

/// Their number. A clone shares it.
#[derive(Debug, Clone, Default)]
pub(super) struct Abandoned {
    number: watch::Sender<i64>,
    shown: Gauge,
}

impl Abandoned {
    /// Shows the number.
    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Jobs that were abandoned and still run";
        registry.register("tasks_abandoned_running", help, self.shown.clone());
    }

    /// Counts a job until its thread ends.
    pub(super) fn begin<T: Send + 'static>(&self, end: Receiver<T>) {
        self.change(1);
        let all = self.clone();
        tokio::spawn(async move {
            let _ = end.await;
            all.change(-1);
        });
    }

    fn change(&self, by: i64) {
        self.number.send_modify(|number| *number += by);
        self.shown.inc_by(by);
    }

    /// Waits until there are few enough to begin a job.
    pub(super) async fn are_few(&self) {
        let mut number = self.number.subscribe();
        if *number.borrow() >= TOO_MANY {
            tracing::error!(
                "too many abandoned jobs still run, so no job is claimed; restart the process if they do not end"
            );
        }
        // The sender is in `self`, so the channel is open.
        let _ = number.wait_for(|number| *number < TOO_MANY).await;
    }
}
