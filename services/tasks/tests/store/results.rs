//! The storage of results.

use super::jobs::files_below;
use futures_util::TryStreamExt;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};
use tasks::model::result::ResultFile;
use tasks::model::task::TaskId;
use tasks::model::timestamp::Timestamp;
use tasks::results::{Results, StorageError};
use tempfile::TempDir;
use uuid::Uuid;

const TASK: TaskId = TaskId(Uuid::from_u128(1));

fn storage() -> (TempDir, Results) {
    let folder = tempfile::tempdir().unwrap();
    let results = Results::in_folder(&folder.path().join("results")).unwrap();
    (folder, results)
}

async fn content(results: &Results, file: &ResultFile) -> Result<Option<Vec<u8>>, StorageError> {
    let Some(download) = results.open(file).await? else { return Ok(None) };
    let pieces: Vec<_> = download.pieces.try_collect().await?;
    Ok(Some(pieces.concat()))
}

/// Bytes that differ from place to place.
fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251).try_into().unwrap()).collect()
}

async fn write(results: &Results, fence: i64, file: &[u8], piece: usize) -> ResultFile {
    let mut writer = results.writer(TASK, fence, "text/csv").await.unwrap();
    for piece in file.chunks(piece) {
        writer.write(piece).await.unwrap();
    }
    writer.finish().await.unwrap()
}

#[tokio::test]
async fn file_is_read_as_it_was_written() {
    let (folder, results) = storage();
    let mebibyte = 1 << 20;
    for (fence, length, piece) in [
        (1, 0, 1),
        (2, 1, 1),
        (3, 5 * mebibyte, mebibyte),
        (4, 12 * mebibyte + 1, 777_777),
        (5, 11 * mebibyte, 11 * mebibyte),
    ] {
        let expected = bytes(length);
        let file = write(&results, fence, &expected, piece).await;
        assert_eq!(file.key, format!("{}/{fence}", TASK.0));
        assert_eq!(file.bytes, length as u64);
        let download = results.open(&file).await.unwrap().unwrap();
        assert_eq!((download.bytes, download.extension), (file.bytes, "csv"));
        assert!(content(&results, &file).await.unwrap().unwrap() == expected, "{length}");
    }
    let put = results.put(TASK, 6, "image/png", bytes(9)).await.unwrap();
    assert_eq!(content(&results, &put).await.unwrap(), Some(bytes(9)));
    let folder = folder.path().join("results");
    assert_eq!(files_below(&folder).len(), 6);
    let mode = fs::metadata(&folder).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "only the owner can enter");

    results.delete(&put.key).await.unwrap();
    results.delete(&put.key).await.unwrap();
    assert_eq!(content(&results, &put).await.unwrap(), None);
}

#[tokio::test]
async fn damaged_file_is_never_a_whole_one() {
    let (folder, results) = storage();
    let file = write(&results, 1, &bytes(100_000), 100_000).await;
    let path = folder.path().join("results").join(&file.key);
    let download = results.open(&file).await.unwrap().unwrap();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(50_000).unwrap();
    let pieces: Result<Vec<_>, _> = download.pieces.try_collect().await;
    assert_eq!(pieces.unwrap_err(), StorageError::Damaged, "it became shorter while it was read");
    assert_eq!(content(&results, &file).await, Err(StorageError::Damaged));
}

#[tokio::test]
async fn unfinished_file_is_invisible() {
    let (folder, results) = storage();
    let folder = folder.path().join("results");
    let mut writer = results.writer(TASK, 1, "text/csv").await.unwrap();
    writer.write(&bytes(6 << 20)).await.unwrap();
    let file = ResultFile { key: format!("{}/1", TASK.0), media_type: String::new(), bytes: 0 };
    assert!(results.open(&file).await.unwrap().is_none());
    let future = Timestamp::from(SystemTime::now() + Duration::from_mins(1));
    let listed: Vec<_> = results.older_than(future).try_collect().await.unwrap();
    assert!(listed.is_empty(), "{listed:?}");
    assert_eq!(files_below(&folder).len(), 1);
    drop(writer);
    let removed = async {
        while !files_below(&folder).is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), removed).await.unwrap();
}

/// As a process leaves them that is killed.
#[tokio::test]
async fn sweep_finds_old_files() {
    let (folder, results) = storage();
    let folder = folder.path().join("results");
    let (old, new) = (write(&results, 1, b"a", 1).await, write(&results, 2, b"a", 1).await);
    let leftover = |name: &str| folder.join(TASK.0.to_string()).join(name);
    let alone = folder.join(Uuid::from_u128(2).to_string());
    fs::create_dir(&alone).unwrap();
    for path in [leftover("3#1"), leftover("4#1"), alone.join("1#1")] {
        fs::write(path, "a").unwrap();
    }
    let age = |path: &Path| {
        let file = fs::OpenOptions::new().write(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_hours(2)).unwrap();
    };
    for path in [folder.join(&old.key), leftover("3#1"), alone.join("1#1")] {
        age(&path);
    }
    let hour_ago = Timestamp::from(SystemTime::now() - Duration::from_hours(1));
    let listed: Vec<_> = results.older_than(hour_ago).try_collect().await.unwrap();
    assert_eq!(listed, std::slice::from_ref(&old.key));
    assert_eq!(results.remove_unfinished(hour_ago).await, Ok(2));
    let mut left = files_below(&folder);
    left.sort();
    assert_eq!(left, [folder.join(old.key), folder.join(new.key), leftover("4#1")]);
    assert!(!alone.exists());
}

#[test]
fn folder_of_others_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for mode in [0o710, 0o701, 0o755] {
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
        let refused = Results::in_folder(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("chmod 700"), "{refused}");
    }
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(Results::in_folder(&file).is_err());
}

/// A file system of one MiB, which ends with its value.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs"]).arg(folder.path());
        mount.output().is_ok_and(|output| output.status.success()).then_some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("--lazy").arg(self.0.path()).status());
    }
}

#[tokio::test]
async fn full_disk_leaves_no_file() {
    let Some(disk) = SmallDisk::mount() else {
        println!("SKIPPED: results::full_disk_leaves_no_file: no file system can be mounted here");
        return;
    };
    let results = Results::in_folder(disk.0.path()).unwrap();
    let put = results.put(TASK, 1, "image/png", bytes(2 << 20)).await;
    assert_eq!(put, Err(StorageError::Full));
    let mut writer = results.writer(TASK, 2, "text/csv").await.unwrap();
    assert_eq!(writer.write(&bytes(6 << 20)).await, Err(StorageError::Full));
    drop(writer);
    let mut writer = results.writer(TASK, 3, "text/csv").await.unwrap();
    writer.write(&bytes(2 << 20)).await.unwrap();
    assert_eq!(writer.finish().await.unwrap_err(), StorageError::Full);
    let empty = async {
        while !files_below(disk.0.path()).is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), empty).await.unwrap();
    let file = results.put(TASK, 4, "image/png", bytes(1000)).await.unwrap();
    assert_eq!(content(&results, &file).await.unwrap(), Some(bytes(1000)));
}
