//! A migrated PostgreSQL server, and the settings of a process that uses it.

use super::service::{Settings, TASKS, migrate};
use super::sql::Sql;
use chassis::databases::{PgBouncer, Postgres, can_start};

/// A server with its settings.
pub(crate) struct Database {
    pub(crate) settings: Settings,
    pub(crate) server: Postgres,
    _pgbouncer: Option<PgBouncer>,
}

impl Database {
    /// A new server with these settings (`name=value`). `None` if a test is skipped, because a program is missing.
    pub(crate) fn start(test: &str, settings: &[&str]) -> Option<Self> {
        can_start(test).then(|| {
            let server = Postgres::start(settings);
            let settings = Settings::postgres(&server.url("postgres"));
            migrate(TASKS, &settings);
            Self { settings, server, _pgbouncer: None }
        })
    }

    /// A new server that processes reach only through PgBouncer.
    pub(crate) fn behind_pgbouncer(test: &str) -> Option<Self> {
        let Self { server, .. } = Self::start(test, &[])?;
        let pgbouncer = PgBouncer::start(&server);
        let settings = Settings::postgres(&pgbouncer.url("postgres"));
        let settings = settings.with("DATABASE_POOLER", "true");
        Some(Self { settings, server, _pgbouncer: Some(pgbouncer) })
    }

    /// A session of the server, not through PgBouncer.
    pub(crate) fn sql(&self) -> Sql {
        Sql::connect(&self.server.url("postgres"))
    }
}
