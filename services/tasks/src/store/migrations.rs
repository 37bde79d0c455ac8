//! The migrations in this program.
//!
//! Each change is made in two releases (expand and contract). The first release adds what the new program needs and
//! keeps what the old program uses. A later release removes the rest. So an old and a new program can run on one
//! schema, in both orders.

use super::StoreError;
use sqlx::SqlSafeStr;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

/// One change of the schema, for both engines. It runs in a transaction.
///
/// An index on a table with rows needs `CREATE INDEX CONCURRENTLY` on PostgreSQL, in a migration of its own that runs
/// without a transaction (the last argument of [`Migration::new`]).
#[derive(Debug, Clone)]
struct Change {
    version: i64,
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

/// The changes of a file in both folders.
macro_rules! change {
    ($version:literal, $name:literal) => {
        Change {
            version: $version,
            name: $name,
            sqlite: include_str!(concat!("migrations/sqlite/", $name, ".sql")),
            postgres: include_str!(concat!("migrations/postgres/", $name, ".sql")),
        }
    };
}

/// All changes of the schema that a program needs, in the order of their versions.
#[derive(Debug, Clone)]
pub struct Migrations(Vec<Change>);

/// The migrations of this release.
impl Default for Migrations {
    fn default() -> Self {
        Self(vec![
            change!(1, "0001_users"),
            change!(2, "0002_tasks"),
            change!(3, "0003_work"),
            change!(4, "0004_mail"),
            change!(5, "0005_events"),
            change!(6, "0006_origin"),
            change!(7, "0007_due"),
            change!(8, "0008_outbox"),
        ])
    }
}

impl Migrations {
    /// Those of a later release, for the test of an upgrade: one more, with the same SQL for both engines.
    #[must_use]
    pub fn and(mut self, name: &'static str, sql: &'static str) -> Self {
        let version = self.newest() + 1;
        self.0.push(Change { version, name, sqlite: sql, postgres: sql });
        self
    }

    /// The version of the newest one.
    pub(super) fn newest(&self) -> i64 {
        self.0.last().map_or(0, |change| change.version)
    }

    pub(super) fn sqlite(&self) -> Migrator {
        self.migrator(|change| change.sqlite)
    }

    pub(super) fn postgres(&self) -> Migrator {
        self.migrator(|change| change.postgres)
    }

    /// A program also starts on a schema that a newer program has migrated. A rollback needs this.
    fn migrator(&self, sql: impl Fn(&Change) -> &'static str) -> Migrator {
        let migration = |change: &Change| {
            let sql = sql(change).into_sql_str();
            Migration::new(change.version, change.name.into(), MigrationType::Simple, sql, false)
        };
        let mut migrator = Migrator::with_migrations(self.0.iter().map(migration).collect());
        migrator.set_ignore_missing(true);
        migrator
    }
}

/// The error of a migration. `cause` maps an error of the engine.
pub(super) fn failure(
    error: &MigrateError,
    cause: impl Fn(&sqlx::Error) -> StoreError,
) -> StoreError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => cause(error),
        _ => StoreError::Failed(format!("the schema cannot be migrated: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_of_a_migration_is_the_number_of_its_file() {
        let migrations = Migrations::default();
        assert!(migrations.0.is_sorted_by(|one, next| one.version < next.version));
        for change in &migrations.0 {
            assert!(change.name.starts_with(&format!("{:04}_", change.version)), "{}", change.name);
        }
        let versions = |migrator: Migrator| -> Vec<i64> {
            migrator.iter().map(|migration| migration.version).collect()
        };
        assert_eq!(versions(migrations.sqlite()), versions(migrations.postgres()));
        assert_eq!(versions(migrations.sqlite()).last(), Some(&migrations.newest()));
    }
}
