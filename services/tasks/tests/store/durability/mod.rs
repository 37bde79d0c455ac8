//! An acknowledged write is on the disk, and many writes share one wait for it.
//!
//! Killing a process proves neither: the kernel still has all its writes. So `strace` records the calls of a writing
//! process. The first test counts the syncs. The second one replays the calls on a model of a disk that loses power.

mod disk;
mod trace;
mod writer;

use self::disk::Disk;
use self::trace::Event;
use self::writer::{Mode, record, username};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection as _};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use tasks::store::{Options, Target, open};

/// Prints that a test is skipped, if no process can be traced.
fn can_trace(test: &str) -> bool {
    let traced = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    let can = traced.is_ok_and(|output| output.status.success());
    if !can {
        println!("SKIPPED: {test}: strace is not installed or not permitted");
    }
    can
}

/// The numbers of the acknowledged writes so far.
fn acknowledged(events: &[Event]) -> BTreeSet<u32> {
    let number = |event: &Event| match event {
        Event::Said(text) => text.strip_prefix("ack ")?.strip_suffix(" true")?.parse().ok(),
        _ => None,
    };
    events.iter().filter_map(number).collect()
}

const SYNCS: [&str; 2] = ["-e", "trace=write,fsync,fdatasync"];
const CHANGES: [&str; 4] = [
    "-s",
    "100000",
    "-e",
    "trace=write,pwrite64,pwritev,ftruncate,fallocate,fsync,fdatasync,sync_file_range,unlink,rename",
];

#[test]
fn waiting_writes_share_a_sync() {
    if !can_trace("durability::waiting_writes_share_a_sync") {
        return;
    }
    // The fewest and the most syncs.
    for (callers, writes, expected) in
        [(1, 200, 200..=202), (16, 320, 20..=40), (256, 2048, 8..=64)]
    {
        let folder = tempfile::tempdir().unwrap();
        let log = record(&folder.path().join("tasks.db"), (Mode::Store, callers, writes), &SYNCS);
        let events = trace::parse(&log);
        assert_eq!(acknowledged(&events).len(), writes as usize);
        let (mut began, mut ended, mut syncs) = (false, false, 0);
        for event in events {
            match event {
                Event::Said(text) if text == "begin" => began = true,
                Event::Said(text) if text == "end" => ended = true,
                Event::SyncBegin { .. } if began && !ended => syncs += 1,
                _ => {}
            }
        }
        assert!(ended);
        println!(
            "{callers} callers: {writes} writes, {syncs} syncs, {} writes a sync",
            writes / syncs
        );
        assert!(expected.contains(&syncs), "{callers} callers: {syncs} syncs");
    }
}

/// The result of one loss of power.
#[derive(Debug, Default)]
struct Found {
    /// Losses of power that were tried.
    cuts: usize,
    /// Losses of power with writes that were not on the disk.
    with_pending: usize,
    /// Acknowledged writes that are missing, over all losses of power.
    lost: usize,
}

/// Whether the WAL is written back into the file.
fn is_checkpoint(event: &Event, database: &Path) -> bool {
    matches!(event, Event::Write { path, .. } if Path::new(path) == database)
}

/// Cuts the power after each `every`-th call, and after each call of a checkpoint. `chance` of 256 is the chance of a sector to survive
/// without a sync.
async fn cut(database: &Path, events: &[Event], every: usize, chance: u32) -> Found {
    let mut found = Found::default();
    let (mut disk, mut began) = (Disk::new(database), false);
    let mut random: u32 = 1;
    for (number, event) in events.iter().enumerate() {
        disk.apply(event);
        began |= matches!(event, Event::Said(text) if text == "begin");
        if !began || (number % every != 0 && !is_checkpoint(event, database)) {
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        disk.write_to(folder.path(), || {
            // Xorshift: the same cuts in each run.
            random ^= random << 13;
            random ^= random >> 17;
            random ^= random << 5;
            random % 256 < chance
        });
        found.cuts += 1;
        found.with_pending += usize::from(disk.pending() > 0);
        let present = names(&folder.path().join("tasks.db")).await;
        let certain = acknowledged(&events[..=number]);
        found.lost += certain.iter().filter(|it| !present.contains(&username(**it))).count();
    }
    println!("{found:?}, chance {chance}/256");
    found
}

/// Opens a database after a loss of power. Returns the names of its users.
async fn names(path: &Path) -> BTreeSet<String> {
    let store = open(&Target::SqliteFile(path.into()), Options::default()).await.unwrap();
    store.check().await.unwrap();
    store.close().await;
    let mut connection = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    let (verdict,): (String,) =
        sqlx::query_as("PRAGMA integrity_check").fetch_one(&mut connection).await.unwrap();
    assert_eq!(verdict, "ok");
    let names: Vec<(String,)> =
        sqlx::query_as("SELECT username FROM users").fetch_all(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    names.into_iter().map(|(name,)| name).collect()
}

#[tokio::test]
async fn acknowledged_write_survives_a_loss_of_power() {
    if !can_trace("durability::acknowledged_write_survives_a_loss_of_power") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("tasks.db");
    let events = trace::parse(&record(&database, (Mode::Store, 2, 1200), &CHANGES));
    let end = events.iter().position(|event| matches!(event, Event::Said(text) if text == "end"));
    let checkpoints = |event: &&Event| is_checkpoint(event, &database);
    assert!(events[..end.unwrap()].iter().filter(checkpoints).count() > 5);
    for chance in [0, 128, 250] {
        let found = cut(&database, &events, 101, chance).await;
        assert!(found.cuts > 40 && found.with_pending > 20, "{found:?}");
        assert_eq!(found.lost, 0);
    }
}

/// The same check finds the lost writes of a process that does not wait for the disk.
#[tokio::test]
async fn loss_of_unsynced_writes_is_found() {
    if !can_trace("durability::loss_of_unsynced_writes_is_found") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("tasks.db");
    let events = trace::parse(&record(&database, (Mode::Careless, 1, 50), &CHANGES));
    let found = cut(&database, &events, 20, 0).await;
    assert!(found.lost > 50, "{found:?}");
}

/// A full disk and a failed sync fail some writes. The writer continues when the disk works again.
#[tokio::test]
async fn writer_continues_after_an_error_of_the_disk() {
    if !can_trace("durability::writer_continues_after_an_error_of_the_disk") {
        return;
    }
    for fault in
        ["inject=pwrite64:error=ENOSPC:when=200..210", "inject=fsync:error=EIO:when=20..22"]
    {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("tasks.db");
        let options = [&CHANGES[..], &["-e", fault]].concat();
        let events = trace::parse(&record(&database, (Mode::Store, 4, 200), &options));
        let refused =
            |event: &Event| matches!(event, Event::Said(text) if text.contains("refused"));
        let last = events.iter().rposition(refused).unwrap();
        let (all, before) = (acknowledged(&events), acknowledged(&events[..last]));
        let count = events.iter().filter(|event| refused(event)).count();
        println!("{fault}: {count} writes refused, {} acknowledged", all.len());
        assert_eq!(all.len() + count, 200);
        assert!(!before.is_empty() && before.len() + 50 < all.len(), "{}", before.len());
        let expected: BTreeSet<String> = all.into_iter().map(username).collect();
        assert_eq!(names(&database).await, expected);
    }
}
