//! Events: their numbers, who gets them, and how a reader continues.

use super::task::{WIDE, changed, manual, store_task};
use super::work::{claimed, ending, failed, job};
use crate::{NOW, create, later, open_session};
use std::sync::Arc;
use std::time::Duration;
use tasks::model::event::{Kind, Numbers};
use tasks::model::run::End;
use tasks::model::session::SessionId;
use tasks::model::task::{Status, Task};
use tasks::model::timestamp::Timestamp;
use tasks::model::user::User;
use tasks::store::events::Page;
use tasks::store::{Change, News, Store};
use tokio::sync::broadcast::Receiver;
use tokio::task::JoinSet;
use uuid::Uuid;

/// After now on every clock.
const FUTURE: Timestamp = Timestamp::from_millis(4_000_000_000_000);

async fn page(store: &dyn Store, user: &User, after: i64) -> Page {
    store.events().events_after(user.id, Some(after), 1000).await.unwrap()
}

/// The numbers, kinds and versions of all events.
async fn all(store: &dyn Store, user: &User) -> Vec<(i64, Kind, i64)> {
    let events = page(store, user, 0).await.events;
    assert!(events.iter().all(|event| event.note.user == user.id));
    events.iter().map(|event| (event.number, event.note.kind, event.note.version)).collect()
}

async fn change(store: &dyn Store, from: &Task, step: impl FnOnce(&mut Task)) -> Task {
    let to = changed(from, step);
    let done = store.change_task(from.clone(), to.clone(), WIDE).await.unwrap();
    assert_eq!(done, Change::Done);
    to
}

/// The next news of this process. PostgreSQL also brings its announcements back.
async fn next(news: &mut Receiver<News>) -> News {
    loop {
        match news.recv().await.unwrap() {
            News::CommittedElsewhere(_) => {}
            own => return own,
        }
    }
}

pub(super) async fn each_change_is_one_event_for_each_viewer(store: Arc<dyn Store>) {
    use Kind::{Removed, Task};
    let (ada, bob) = (create(&*store, "event-ada").await, create(&*store, "event-bob").await);
    assert_eq!(page(&*store, &ada, 0).await.numbers, Numbers::default());
    let new = manual(&ada);
    store_task(&*store, &new).await;
    let assigned = change(&*store, &new, |task| task.summary.assignee_id = Some(bob.id)).await;
    let stale = changed(&new, |task| task.summary.title = None);
    assert_eq!(store.change_task(new, stale, WIDE).await.unwrap(), Change::Stale);
    let ended = change(&*store, &assigned, |task| task.summary.status = Status::Completed).await;
    let [first, _, last] = &page(&*store, &ada, 0).await.events[..] else { panic!("3 events") };
    assert_eq!((first.note.task, first.note.status), (ended.summary.id, Status::Pending));
    assert_eq!((last.note.task, last.note.status), (ended.summary.id, Status::Completed));
    assert_eq!(all(&*store, &bob).await, [(1, Task, 2), (2, Task, 3)]);
    let alone = change(&*store, &ended, |task| task.summary.assignee_id = None).await;
    assert_eq!(all(&*store, &bob).await, [(3, Removed, 3)], "the earlier ones are hidden now");
    let own = change(&*store, &alone, |task| task.summary.assignee_id = Some(ada.id)).await;
    assert_eq!(all(&*store, &ada).await.len(), 5);
    assert_eq!(store.delete_task(own.clone()).await.unwrap(), Change::Done);
    assert_eq!(store.delete_task(own).await.unwrap(), Change::Stale);
    assert_eq!(all(&*store, &ada).await, [(6, Removed, 5)]);
    assert_eq!(page(&*store, &bob, 0).await.numbers, Numbers { last: 3, removed_up_to: 0 });
}

pub(super) async fn changes_of_workers_are_events(store: Arc<dyn Store>) {
    use Status::{Completed, Failed, Pending, Processing};
    let ada = create(&*store, "event-work").await;
    let states = async || -> Vec<Status> {
        let events = page(&*store, &ada, 0).await.events;
        events.iter().map(|event| event.note.status).collect()
    };
    let mut task = job(&ada, "event");
    task.summary.max_attempts = 1;
    store_task(&*store, &task).await;
    let run = claimed(&*store, "event").await.run();
    store.work().renew(vec![run], Duration::from_secs(30)).await.unwrap();
    assert_eq!(states().await, [Pending, Processing], "a renewal is no event");
    assert!(store.work().finish(run, ending(failed())).await.unwrap().is_some());
    assert!(store.work().finish(run, ending(failed())).await.unwrap().is_none());
    let kind = task.summary.kind.clone();
    assert_eq!(store.work().retry_failed(kind.clone(), None).await.unwrap(), 1);
    assert_eq!(store.work().retry_failed(kind, None).await.unwrap(), 0);
    let run = claimed(&*store, "event").await.run();
    store.work().renew(vec![run], Duration::ZERO).await.unwrap();
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert!(store.work().expire(run, ending(End::Lost)).await.unwrap().is_some());
    let run = claimed(&*store, "event").await.run();
    assert!(store.work().finish(run, ending(End::Completed(None))).await.unwrap().is_some());
    let expected =
        [Pending, Processing, Failed, Pending, Processing, Pending, Processing, Completed];
    assert_eq!(states().await, expected);
    let versions: Vec<_> = all(&*store, &ada).await.into_iter().map(|(_, _, one)| one).collect();
    assert_eq!(versions, [1, 2, 3, 4, 5, 6, 7, 8], "one event for each version");
}

/// Two users own tasks that are assigned to the other one, so that their counters are locked from both sides.
pub(super) async fn numbers_have_no_gap_under_concurrency(store: Arc<dyn Store>) {
    const TASKS: i64 = 12;
    const CHANGES: i64 = 5;
    const EACH: i64 = 2 * TASKS * (1 + CHANGES);
    let (ada, bob) =
        (create(&*store, "event-race-ada").await, create(&*store, "event-race-bob").await);
    let mut writers = JoinSet::new();
    for (owner, assignee) in [(&ada, &bob), (&bob, &ada)] {
        for _ in 0..TASKS {
            let (store, mut task) = (Arc::clone(&store), manual(owner));
            task.summary.assignee_id = Some(assignee.id);
            writers.spawn(async move {
                store_task(&*store, &task).await;
                for _ in 0..CHANGES {
                    task = change(&*store, &task, |_| {}).await;
                }
            });
        }
    }
    let mut readers = JoinSet::new();
    for user in [ada, bob] {
        let store = Arc::clone(&store);
        readers.spawn(async move {
            let (mut at, mut parts) = (0, 0);
            while at < EACH {
                let page = store.events().events_after(user.id, Some(at), 7).await.unwrap();
                for event in page.events {
                    assert_eq!(event.number, at + 1, "a gap, or the same event again");
                    at = event.number;
                }
                parts += 1;
                tokio::task::yield_now().await;
            }
            (at, parts)
        });
    }
    writers.join_all().await;
    for (read, parts) in readers.join_all().await {
        assert_eq!(read, EACH);
        assert!(parts > EACH / 7, "{parts}");
    }
}

pub(super) async fn reader_continues_at_every_point(store: Arc<dyn Store>) {
    let ada = create(&*store, "event-resume").await;
    for _ in 0..6 {
        store_task(&*store, &manual(&ada)).await;
    }
    let whole = page(&*store, &ada, 0).await;
    assert_eq!((whole.events.len(), whole.through, whole.is_full), (6, 6, false));
    for at in 0..=7 {
        let rest = page(&*store, &ada, at).await;
        let skipped = usize::try_from(at.min(6)).unwrap();
        assert_eq!(rest.events, whole.events[skipped..]);
        assert_eq!((rest.through, rest.numbers), (at.max(6), whole.numbers));
        assert_eq!(rest.numbers.continue_after(at), at <= 6);
        let two = store.events().events_after(ada.id, Some(at), 2).await.unwrap();
        assert_eq!(two.events, whole.events[skipped..(skipped + 2).min(6)]);
        assert_eq!(two.is_full, at <= 4);
    }
    let now = store.events().events_after(ada.id, None, 0).await.unwrap();
    assert_eq!((now.events.len(), now.through, now.is_full), (0, 6, false));
}

pub(super) async fn event_of_a_hidden_task_is_skipped(store: Arc<dyn Store>) {
    let (ada, bob) =
        (create(&*store, "event-hide-ada").await, create(&*store, "event-hide-bob").await);
    let mut task = manual(&ada);
    task.summary.assignee_id = Some(bob.id);
    store_task(&*store, &task).await;
    assert_eq!(page(&*store, &bob, 0).await.events.len(), 1);
    // Bob has not read his event yet.
    let taken = change(&*store, &task, |task| task.summary.assignee_id = None).await;
    let one = store.events().events_after(bob.id, Some(0), 1).await.unwrap();
    assert_eq!((one.events.len(), one.through, one.is_full), (0, 1, true));
    assert_eq!(all(&*store, &bob).await, [(2, Kind::Removed, 1)]);
    // The task is his again, and so are its events.
    change(&*store, &taken, |task| task.summary.assignee_id = Some(bob.id)).await;
    assert_eq!(
        all(&*store, &bob).await,
        [(1, Kind::Task, 1), (2, Kind::Removed, 1), (3, Kind::Task, 3)]
    );
}

pub(super) async fn deletion_of_a_user_tells_the_others(store: Arc<dyn Store>) {
    let (ada, bob) = (create(&*store, "event-leaver").await, create(&*store, "event-stayer").await);
    let pair = |owner: &User, assignee: &User| {
        let mut task = manual(owner);
        task.summary.assignee_id = Some(assignee.id);
        task
    };
    let tasks = [pair(&ada, &bob), pair(&bob, &ada), pair(&ada, &ada)];
    for task in &tasks {
        store_task(&*store, task).await;
    }
    let mut news = store.signals().news();
    assert!(store.delete_user(ada.id, later(1)).await.unwrap());
    let [unassigned, removed] = &page(&*store, &bob, 2).await.events[..] else {
        panic!("2 events")
    };
    assert_eq!((unassigned.note.task, unassigned.note.version), (tasks[1].summary.id, 2));
    assert_eq!((removed.note.task, removed.note.kind), (tasks[0].summary.id, Kind::Removed));
    assert_eq!(page(&*store, &ada, 0).await.numbers, Numbers::default());
    assert_eq!(next(&mut news).await, News::Committed(vec![(bob.id, 3)]));
    assert_eq!(next(&mut news).await, News::Committed(vec![(bob.id, 4)]));
    assert_eq!(next(&mut news).await, News::SessionsEnded(ada.id, None));
}

pub(super) async fn old_events_are_removed_without_a_gap(store: Arc<dyn Store>) {
    let (ada, bob) =
        (create(&*store, "event-old-ada").await, create(&*store, "event-old-bob").await);
    for owner in [&ada, &bob] {
        for _ in 0..3 {
            store_task(&*store, &manual(owner)).await;
        }
    }
    let early = Timestamp::from_millis(1_700_000_000_000);
    assert_eq!(store.events().remove_events(early, 1000).await.unwrap(), 0);
    let (mut removed, mut parts) = (0, 0);
    loop {
        let part = store.events().remove_events(FUTURE, 50).await.unwrap();
        if part == 0 {
            break;
        }
        (removed, parts) = (removed + part, parts + 1);
    }
    assert!(removed >= 6 && parts > 1, "{removed} in {parts}");
    for user in [&ada, &bob] {
        assert_eq!(page(&*store, user, 3).await.numbers, Numbers { last: 3, removed_up_to: 3 });
        assert!(!page(&*store, user, 2).await.numbers.continue_after(2));
    }
    store_task(&*store, &manual(&ada)).await;
    assert_eq!(all(&*store, &ada).await, [(4, Kind::Task, 1)], "numbers go on");
}

pub(super) async fn looks_find_numbers_and_sessions(store: Arc<dyn Store>) {
    let (ada, bob) =
        (create(&*store, "event-look-ada").await, create(&*store, "event-look-bob").await);
    store_task(&*store, &manual(&ada)).await;
    let numbers = store.events().last_numbers(vec![bob.id, ada.id]).await.unwrap();
    assert_eq!(numbers, [(ada.id, 1)]);
    let (session, token) = open_session(&*store, &ada).await;
    let sessions = || vec![SessionId(Uuid::now_v7()), session.id];
    let open = async |now| store.events().open_sessions(sessions(), now).await.unwrap();
    assert_eq!(open(NOW).await, [session.id]);
    assert_eq!(open(session.expires_at).await, []);
    store.end_session(token).await.unwrap();
    assert_eq!(open(NOW).await, []);
    // More ids than one statement takes.
    let many = (0..20_001).map(|_| ada.id).collect();
    assert_eq!(store.events().last_numbers(many).await.unwrap().len(), 3);
}

pub(super) async fn commits_and_ends_are_news(store: Arc<dyn Store>) {
    let ada = create(&*store, "event-news").await;
    let (one, token) = open_session(&*store, &ada).await;
    let (kept, reused) = open_session(&*store, &ada).await;
    let mut news = store.signals().news();
    let task = manual(&ada);
    store_task(&*store, &task).await;
    assert_eq!(next(&mut news).await, News::Committed(vec![(ada.id, 1)]));
    assert_eq!(page(&*store, &ada, 0).await.numbers.last, 1, "they come after the commit");
    store.end_session(token).await.unwrap();
    assert_eq!(next(&mut news).await, News::SessionEnded(one.id));
    let (old, new) = (crate::password("first"), crate::password("second"));
    assert!(store.change_password(ada.id, kept.id, old, new).await.unwrap());
    assert_eq!(next(&mut news).await, News::SessionsEnded(ada.id, Some(kept.id)));
    let rotate = || store.rotate(reused, crate::successor(), NOW, Duration::ZERO);
    rotate().await.unwrap();
    rotate().await.unwrap();
    assert_eq!(next(&mut news).await, News::SessionEnded(kept.id));
}
