//! The ends of the process: its time limit, a cancellation, the end of its parent, and a wrong answer.

use super::samples::{FORMATS, decoded, encoded, gradient};
use super::{TASKS, runs, until_isolated};
use crate::{PATIENCE, until};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use image::GenericImageView;
use serde_json::json;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tasks::jobs::context::{Context, Stop, Tools, Unfinished};
use tasks::jobs::resize_image::{NotResized, Resizer};
use tasks::jobs::{self, Job};
use tasks::mail::{Mail, Way};
use tasks::model::mail::{Address, DailyLimit, Recipients};
use tasks::model::task::{Task, TaskId};
use tasks::model::user::UserId;
use tasks::results::Results;
use tasks::store::{Options, Target, open};
use tempfile::TempDir;
use tokio::sync::watch;
use uuid::Uuid;

/// A script that takes the place of the program. It writes its process id first.
fn hanging(folder: &TempDir, then: &str) -> (PathBuf, impl Fn() -> Option<u32> + use<>) {
    let (file, id) = (folder.path().join("program"), folder.path().join("id"));
    fs::write(&file, format!("#!/bin/sh\necho $$ >{}\n{then}\n", id.display())).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    (file, move || fs::read_to_string(&id).ok()?.trim().parse().ok())
}

/// A run of the job with this image.
async fn context(
    program: PathBuf,
    results: &Path,
    image: &[u8],
    timeout: Duration,
) -> (Context, watch::Sender<Option<Stop>>) {
    let store = open(&Target::SqliteMemory, Options::default()).await.unwrap();
    let now = chassis::clock::Clock::system().now().into();
    let (id, owner) = (TaskId(Uuid::now_v7()), UserId(Uuid::now_v7()));
    let mut task = Task::new(id, owner, jobs::kind("resize_image").unwrap(), now);
    let image = BASE64_STANDARD.encode(image);
    task.payload = Some(json!({ "image": image, "width": 20, "height": 20 }));
    let tools = Tools {
        store,
        results: Results::in_folder(&results.join("results")).unwrap(),
        mail: Mail {
            from: Address::parse("tasks@localhost").unwrap(),
            recipients: Recipients::default(),
            limit: DailyLimit::parse("20:1000").unwrap(),
            way: Way::into_folder(&results.join("mails")).unwrap(),
        },
        resizer: Resizer::new(program),
        clock: chassis::clock::Clock::system(),
    };
    Context::new(task, 7, Arc::new(tools), timeout)
}

fn job() -> &'static Job {
    Job::of(&jobs::kind("resize_image").unwrap()).unwrap()
}

#[tokio::test]
async fn result_is_stored_with_its_media_type() {
    for (format, media_type) in FORMATS {
        let folder = tempfile::tempdir().unwrap();
        let image = encoded(&gradient(40, 30), format);
        let (context, _stop) = context(TASKS.into(), folder.path(), &image, PATIENCE).await;
        let id = context.task.summary.id;
        let result = (job().run)(context).await.unwrap().unwrap();
        assert_eq!((&*result.media_type, &*result.key), (media_type, &*format!("{id}/7")));
        let file = fs::read(folder.path().join("results").join(&result.key)).unwrap();
        assert_eq!(result.bytes, file.len() as u64);
        assert_eq!(decoded(&file, format).dimensions(), (20, 15));
    }
}

#[tokio::test]
async fn owner_of_a_damaged_image_reads_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let image = b"\x89PNG\r\n\x1a\nnothing";
    let (context, _stop) = context(TASKS.into(), folder.path(), image, PATIENCE).await;
    let text = Unfinished::Failed(super::DAMAGED.into());
    assert_eq!((job().run)(context).await, Err(text));
}

#[tokio::test]
async fn cancelled_run_kills_its_process() {
    let folder = tempfile::tempdir().unwrap();
    let (program, id) = hanging(&folder, "exec sleep 1000");
    let image = b"\x89PNG\r\n\x1a\n";
    let (context, stop) = context(program, folder.path(), image, PATIENCE).await;
    let run = tokio::spawn((job().run)(context));
    tokio::task::spawn_blocking(move || {
        until("the process", PATIENCE, || id().is_some_and(runs));
        stop.send(Some(Stop::Cancelled)).unwrap();
        let time = until("its end", PATIENCE, || !runs(id().unwrap()));
        assert!(time < Duration::from_secs(5), "{time:?}");
    })
    .await
    .unwrap();
    assert_eq!(run.await.unwrap(), Err(Unfinished::Stopped));
}

#[tokio::test]
async fn process_that_hangs_is_killed_at_the_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let (program, id) = hanging(&folder, "exec sleep 1000");
    let image = b"\x89PNG\r\n\x1a\n";
    let limit = Duration::from_secs(1);
    let (context, _stop) = context(program, folder.path(), image, limit).await;
    let text = Unfinished::Failed("The image takes too long to resize.".into());
    assert_eq!((job().run)(context).await, Err(text));
    until("its end", PATIENCE, || id().is_none_or(|id| !runs(id)));
}

/// The clock of the runtime moves while it waits for the process, so the test does not wait for a minute.
#[tokio::test(start_paused = true)]
async fn process_has_a_time_limit_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let (program, id) = hanging(&folder, "exec sleep 1000");
    let processes = Resizer::new(program);
    assert_eq!(processes.resize(b"", 1, 1).await, Err(NotResized::TooSlow));
    assert!(id().is_none_or(|id| !runs(id)));
}

#[tokio::test]
async fn endless_answer_ends_at_its_limit() {
    let folder = tempfile::tempdir().unwrap();
    let (program, id) = hanging(&folder, "exec yes");
    assert_eq!(Resizer::new(program).resize(b"", 1, 1).await, Err(NotResized::Ended));
    assert!(!runs(id().unwrap()));
}

#[tokio::test]
async fn wrong_answer_is_no_result() {
    for (answer, expected) in [
        ("echo no image", NotResized::Ended),
        ("exit 3", NotResized::Ended),
        ("printf '\\377\\330\\377'", NotResized::Ended),
        ("kill -SYS $$", NotResized::Ended),
        ("kill -ABRT $$", NotResized::TooMuchMemory),
        ("kill -KILL $$", NotResized::TooMuchMemory),
        ("kill -XCPU $$", NotResized::TooSlow),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (program, _) = hanging(&folder, answer);
        let resized = Resizer::new(program).resize(b"\x89PNG\r\n\x1a\n", 1, 1).await;
        assert_eq!(resized, Err(expected), "{answer}");
    }
}

#[tokio::test]
async fn ended_processes_are_reaped() {
    let processes = super::resizer();
    let folder = tempfile::tempdir().unwrap();
    let (program, id) = hanging(&folder, "exec sleep 1000");
    for _ in 0..5 {
        assert!(processes.resize(b"", 1, 1).await.is_err());
    }
    let hanging = Resizer::new(program);
    let limit = Duration::from_millis(500);
    assert!(tokio::time::timeout(limit, hanging.resize(b"", 1, 1)).await.is_err());
    // The runtime reaps the process that nobody waits for.
    for _ in 0..1000 {
        if id().is_none_or(|id| !Path::new(&format!("/proc/{id}")).exists()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the process is a zombie");
}

/// The test keeps the input open, so only the end of the parent can end the process.
#[test]
fn process_ends_with_its_parent() {
    let script = format!("exec 3<&0; {TASKS} resize-image <&3 & echo $!; wait");
    let mut parent = Command::new("sh");
    parent.args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut parent = parent.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(parent.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let id = line.trim().parse().unwrap();
    until_isolated(id);
    parent.kill().unwrap();
    until("its end", PATIENCE, || !runs(id));
    parent.wait().unwrap();
}
