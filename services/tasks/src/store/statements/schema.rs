//! The state of the schema, and the end of the store.

use super::super::Database;
use crate::store::events::Events;
use crate::store::outbox::Outbox;
use crate::store::retention::Retention;
use crate::store::work::Work;
use crate::store::{Signals, Store, StoreError};
use async_trait::async_trait;

#[async_trait]
impl Store for Database {
    fn work(&self) -> &dyn Work {
        self
    }

    fn retention(&self) -> &dyn Retention {
        self
    }

    fn outbox(&self) -> &dyn Outbox {
        self
    }

    fn events(&self) -> &dyn Events {
        self
    }

    fn signals(&self) -> &Signals {
        &self.signals
    }

    async fn check(&self) -> Result<(), StoreError> {
        let newest = self.newest;
        let applied = self.read(move |mut connection| {
            Box::pin(async move {
                let sql = "SELECT success FROM _sqlx_migrations WHERE version = $1";
                connection.row(sqlx::query_as::<_, (bool,)>(sql).bind(newest)).await
            })
        });
        match applied.await {
            Ok(Some((true,))) => Ok(()),
            Ok(Some((false,))) => Err(StoreError::Failed(format!(
                "migration {newest} did not succeed. Repair the schema and run `tasks migrate`"
            ))),
            Ok(None) => Err(StoreError::Failed(format!(
                "the schema is older than this program, which needs migration {newest}. Run `tasks migrate`"
            ))),
            Err(StoreError::Failed(text)) => Err(StoreError::Failed(format!(
                "the schema cannot be read. Run `tasks migrate` if this database is new: {text}"
            ))),
            Err(error) => Err(error),
        }
    }

    async fn close(&self) {
        self.shut_down().await;
    }
}
