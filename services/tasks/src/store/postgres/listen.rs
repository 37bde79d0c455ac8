//! Wake-ups from other processes, by LISTEN.
//!
//! They need a connection of their own. PgBouncer in transaction mode has none, so there the poll of the workers is enough.

use crate::store::signals::{Signal, Signals};
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
    listener.listen_all(Signal::ALL.map(Signal::channel)).await?;
    // Something can have changed while no connection listened.
    for signal in Signal::ALL {
        signals.send(signal);
    }
    // `None` is a lost connection.
    while let Some(notification) = listener.try_recv().await? {
        for signal in Signal::ALL {
            if signal.channel() == notification.channel() {
                signals.send(signal);
            }
        }
    }
    Ok(())
}
