//! The migrations in this program.
//!
//! Each change is made in two releases (expand and contract). The first release adds what the new program needs and
//! keeps what the old program uses. A later release removes the rest. So an old and a new program can run on one
//! schema, in both orders.

use super::StoreError;
use sqlx::SqlSafeStr;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

/// A migration that runs in a transaction.
macro_rules! migrations {
    ($engine:literal: $($version:literal $name:literal,)+) => {
        vec![$(Migration::new(
            $version,
            $name.into(),
            MigrationType::Simple,
            include_str!(concat!("migrations/", $engine, "/", $name, ".sql")).into_sql_str(),
            false,
        )),+]
    };
}

/// The newest migration that this program needs.
pub(super) const NEWEST: i64 = 1;

/// The migrations of SQLite.
pub(super) fn sqlite() -> Migrator {
    accept_newer(migrations!("sqlite": 1 "0001_users",))
}

/// The migrations of PostgreSQL. An index on a table with rows needs `CREATE INDEX CONCURRENTLY`, in a file of its own
/// that runs without a transaction (the last argument of `Migration::new`).
pub(super) fn postgres() -> Migrator {
    accept_newer(migrations!("postgres": 1 "0001_users",))
}

/// A program also starts on a schema that a newer program has migrated. A rollback needs this.
fn accept_newer(migrations: Vec<Migration>) -> Migrator {
    let mut migrator = Migrator::with_migrations(migrations);
    migrator.set_ignore_missing(true);
    migrator
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
    fn both_engines_have_the_same_migrations() {
        let versions = |migrator: Migrator| -> Vec<(i64, String)> {
            migrator.iter().map(|one| (one.version, one.description.to_string())).collect()
        };
        let sqlite = versions(sqlite());
        assert_eq!(sqlite, versions(postgres()));
        assert_eq!(sqlite.last().map(|(version, _)| *version), Some(NEWEST));
    }
}
