//! Wake-ups from other processes, by LISTEN.
//!
//! They need a connection of their own. PgBouncer in transaction mode has none, so there the polls of workers and streams are enough.

use super::announce;
use crate::store::signals::{News, Signal, Signals};
use sqlx::postgres::{PgListener, PgPool};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// The pause before a new connection.
const AGAIN: Duration = Duration::from_secs(1);

/// Listens until the task is aborted.
pub(super) async fn listen(pool: PgPool, signals: Arc<Signals>) {
    loop {
        if let Err(error) = receive(&pool, &signals).await {
            tracing::debug!(cause = %error, "no wake-ups from the database");
        }
        sleep(AGAIN).await;
    }
}

async fn receive(pool: &PgPool, signals: &Signals) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    let channels = Signal::ALL.map(Signal::channel).into_iter().chain([announce::CHANNEL]);
    listener.listen_all(channels).await?;
    // Something can have changed while no connection listened.
    for signal in Signal::ALL {
        signals.send(signal);
    }
    // `None` is a lost connection.
    while let Some(notification) = listener.try_recv().await? {
        if notification.channel() == announce::CHANNEL {
            signals.tell(News::CommittedElsewhere(announce::read(notification.payload())));
        }
        for signal in Signal::ALL {
            if signal.channel() == notification.channel() {
                signals.send(signal);
            }
        }
    }
    Ok(())
}
