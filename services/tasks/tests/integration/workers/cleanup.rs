//! The cleanup of files, jobs and events.

use super::bench::{Bench, policy};
use std::time::Duration;
use tasks::jobs::cleanup_temp::{Retentions, clean};
use tasks::jobs::context::Unfinished;
use tasks::model::task::TaskId;
use uuid::Uuid;

fn files(bench: &Bench) -> usize {
    let tasks = std::fs::read_dir(bench.folder.path().join("results")).unwrap();
    tasks.map(|task| std::fs::read_dir(task.unwrap().path()).map_or(0, Iterator::count)).sum()
}

/// The rows: what is kept, and the tasks and files that are left of a job with a file, a failed job and a manual task.
#[tokio::test]
async fn cleanup_keeps_what_is_not_past_its_retention() {
    let bench = Bench::new().await;
    let workers = bench.workers("w", policy());
    let (file, failed) =
        (bench.create(&bench.owner, "file").await, bench.create(&bench.owner, "fail").await);
    let manual = bench.create(&bench.owner, "manual").await;
    for id in [file, failed] {
        bench.ended(id).await;
    }
    workers.stop().await;
    // Another file, which no task has. It is younger than a day, so it stays.
    bench.tools.results.put(TaskId(Uuid::now_v7()), 1, "text/csv", Vec::new()).await.unwrap();
    let (none, long) = (Duration::ZERO, Duration::from_hours(1));
    for (kept, tasks, number_of_files) in [
        (Retentions { results: long, jobs: long, events: long }, [true, true, true], 2),
        (Retentions { results: none, jobs: long, events: none }, [true, true, true], 1),
        (Retentions { results: none, jobs: none, events: none }, [false, false, true], 1),
    ] {
        clean(&bench.tools, kept, |_| Ok(())).await.unwrap();
        let mut found = Vec::new();
        for id in [file, failed, manual] {
            found.push(bench.store.task(id).await.unwrap().is_some());
        }
        assert_eq!((&*found, files(&bench)), (&tasks[..], number_of_files), "{kept:?}");
        if let Some(task) = bench.store.task(file).await.unwrap() {
            assert_eq!(task.summary.has_result, kept.results > none, "{kept:?}");
        }
    }
    let page = bench.store.events().events_after(bench.owner.id, Some(0), 100).await.unwrap();
    // Only the removals of the last cleanup are younger than its beginning.
    assert!(page.numbers.removed_up_to > 0 && page.events.len() <= 2, "{page:?}");
}

#[tokio::test]
async fn cleanup_stops_between_two_parts() {
    let bench = Bench::new().await;
    let stopped = clean(&bench.tools, Retentions::default(), |_| Err(Unfinished::Stopped)).await;
    assert_eq!(stopped, Err(Unfinished::Stopped));
}
