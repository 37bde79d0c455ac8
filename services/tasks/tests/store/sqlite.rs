//! The file of SQLite: its modes, its lock, and its end.

use super::{create, name, new_user};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Executor as _};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tasks::store::{Lock, Options, Store, StoreError, Target, open};
use tempfile::TempDir;

/// A path in a folder that does not exist.
fn new_path() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state/tasks.db");
    (folder, path)
}

async fn open_file(path: &Path) -> Arc<dyn Store> {
    open(&Target::SqliteFile(path.into()), Options::default()).await.unwrap()
}

/// A connection of another program.
async fn connect(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).connect().await.unwrap()
}

#[tokio::test]
async fn files_belong_to_their_owner_only() {
    let (_folder, path) = new_path();
    let store = open_file(&path).await;
    create(&*store, "someone").await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let folder = path.parent().unwrap();
    assert_eq!(mode(folder), 0o700);
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), 3, "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    store.close().await;
    assert_eq!(fs::read_dir(folder).unwrap().count(), 1, "the WAL is written back");
}

#[tokio::test]
async fn second_process_waits_for_the_lock() {
    let (_folder, path) = new_path();
    let lock = Lock::acquire(&path, Duration::ZERO).await.unwrap();
    let options = Options { lock: Some(lock), ..Options::default() };
    let store = open(&Target::SqliteFile(path.clone()), options).await.unwrap();
    match Lock::acquire(&path, Duration::from_millis(100)).await {
        Err(StoreError::Away(text)) => assert!(text.contains("another process uses"), "{text}"),
        other => panic!("{other:?}"),
    }
    // A command that only creates a user does not need the lock.
    let command = open_file(&path).await;
    create(&*command, "created-meanwhile").await;
    command.close().await;
    assert!(store.user_named(&name("created-meanwhile")).await.unwrap().is_some());
    let close = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        store.close().await;
    };
    let (lock, ()) = tokio::join!(Lock::acquire(&path, Duration::from_secs(10)), close);
    lock.unwrap();
}

#[tokio::test]
async fn migrated_file_opens_within_100_ms() {
    let (_folder, path) = new_path();
    open_file(&path).await.close().await;
    let mut fastest = Duration::MAX;
    for _ in 0..5 {
        let start = Instant::now();
        let store = open_file(&path).await;
        store.check().await.unwrap();
        fastest = fastest.min(start.elapsed());
        store.close().await;
    }
    println!("a migrated file opens in {fastest:?}");
    assert!(fastest < Duration::from_millis(100), "{fastest:?}");
}

#[tokio::test]
async fn two_programs_create_a_file_at_once() {
    for _ in 0..10 {
        let (_folder, path) = new_path();
        let (one, other) = tokio::join!(open_file(&path), open_file(&path));
        create(&*one, "someone").await;
        assert!(other.user_named(&name("someone")).await.unwrap().is_some());
        one.close().await;
        other.close().await;
    }
}

#[tokio::test]
async fn schema_of_a_newer_program_is_accepted() {
    let (_folder, path) = new_path();
    open_file(&path).await.close().await;
    let mut other = connect(&path).await;
    let newer = "INSERT INTO _sqlx_migrations \
        SELECT 9999, 'newer', installed_on, true, checksum, 0 FROM _sqlx_migrations LIMIT 1";
    other.execute(newer).await.unwrap();
    let store = open_file(&path).await;
    store.check().await.unwrap();
    create(&*store, "someone").await;
    other.execute("DELETE FROM _sqlx_migrations").await.unwrap();
    match store.check().await {
        Err(StoreError::Failed(text)) => assert!(text.contains("tasks migrate"), "{text}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn busy_file_is_away_for_writers_only() {
    let (_folder, path) = new_path();
    let store = open_file(&path).await;
    create(&*store, "before").await;
    let mut other = connect(&path).await;
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    match store.create_user(new_user("meanwhile")).await {
        Err(StoreError::Away(text)) => assert!(text.contains("locked"), "{text}"),
        other => panic!("{other:?}"),
    }
    assert!(store.user_named(&name("before")).await.unwrap().is_some());
    other.execute("ROLLBACK").await.unwrap();
    create(&*store, "meanwhile").await;
}

#[tokio::test]
async fn close_answers_all_waiting_writes() {
    let (_folder, path) = new_path();
    let store = open_file(&path).await;
    let writes: Vec<_> = (0..600)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(
                async move { store.create_user(new_user(&format!("user-{number}"))).await },
            )
        })
        .collect();
    tokio::task::yield_now().await;
    store.close().await;
    let store = open_file(&path).await;
    let mut created = 0;
    for (number, write) in writes.into_iter().enumerate() {
        // A write that comes after `close` is refused.
        let is_created = match write.await.unwrap() {
            Err(StoreError::Away(_)) => false,
            result => result.unwrap(),
        };
        let stored = store.user_named(&name(&format!("user-{number}"))).await.unwrap();
        assert_eq!(stored.is_some(), is_created, "{number}");
        created += usize::from(is_created);
    }
    assert!(created > 0);
}

#[tokio::test]
async fn file_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let no_database = folder.path().join("text");
    fs::write(&no_database, "text ".repeat(1000)).unwrap();
    let below_a_file = no_database.join("tasks.db");
    for path in [folder.path(), &no_database, &below_a_file] {
        let error = open(&Target::SqliteFile(path.into()), Options::default()).await.err().unwrap();
        let text = error.to_string();
        assert!(matches!(error, StoreError::Failed(_)), "{text}");
        assert!(text.contains(path.to_str().unwrap()), "{text}");
    }
}
