//! A session of PostgreSQL next to those of the service.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use tokio::runtime::{Builder, Runtime};

/// A session.
pub(crate) struct Sql {
    runtime: Runtime,
    connection: PgConnection,
}

impl Sql {
    pub(crate) fn connect(url: &str) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let connection = runtime.block_on(PgConnection::connect(url)).unwrap();
        Self { runtime, connection }
    }

    /// Runs statements.
    pub(crate) fn execute(&mut self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        self.runtime.block_on(self.connection.execute(sql)).unwrap();
    }

    /// The result of a query with one number.
    pub(crate) fn number(&mut self, sql: &str) -> i64 {
        let query = sqlx::query_as(AssertSqlSafe(sql.to_owned()));
        let (number,): (i64,) =
            self.runtime.block_on(query.fetch_one(&mut self.connection)).unwrap();
        number
    }
}
