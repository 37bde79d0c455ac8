//! The stream of events: what it sends, where it continues, and when it ends.

use crate::follower::{Stream, event};
use crate::support::{OTHER_PASSWORD, PASSWORD, Setup, Testbed, retry_after};
use chassis::testing::{Reply, ask};
use serde_json::{Value, json};
use std::time::Duration;
use tasks::model::task::Kind;
use tasks::model::timestamp::Timestamp;
use tasks::store::Store as _;
use tasks::store::events::Events as _;
use tasks::store::work::Wanted;
use tokio::time::{sleep, timeout};

/// After now on every clock.
const FUTURE: Timestamp = Timestamp::from_millis(4_000_000_000_000);

async fn create(bed: &Testbed, token: &str, body: Value) -> String {
    let created = bed.bearer(token, "POST /api/v1/tasks", &body).await;
    assert_eq!(created.status, 201, "{}", created.body);
    created.json()["id"].as_str().unwrap().to_owned()
}

async fn step(bed: &Testbed, token: &str, head: &str, body: &Value) {
    let reply = bed.bearer(token, head, body).await;
    assert!(reply.status.is_success(), "{head}: {}", reply.body);
}

#[tokio::test]
async fn owner_and_assignee_get_each_change() {
    let bed = Testbed::new().await;
    let ada = bed.user("ada").await.access;
    let bob_id = bed.register("bob").await["user_id"].clone();
    let bob = bed.session("bob").await.access;
    let mut owner = Stream::from_now(&bed, &ada).await;
    let mut assignee = Stream::from_now(&bed, &bob).await;
    let id = create(&bed, &ada, json!({ "title": "a" })).await;
    assert_eq!(owner.event().await, event(1, "task", 1, "pending"));
    let path = format!("/api/v1/tasks/{id}");
    step(&bed, &ada, &format!("PATCH {path}"), &json!({ "assignee_id": bob_id })).await;
    assert_eq!(owner.event().await, event(2, "task", 2, "pending"));
    assert_eq!(assignee.event().await, event(1, "task", 2, "pending"));
    step(&bed, &bob, &format!("POST {path}/complete"), &Value::Null).await;
    assert_eq!(owner.event().await, event(3, "task", 3, "completed"));
    assert_eq!(assignee.event().await, event(2, "task", 3, "completed"));
    step(&bed, &bob, &format!("DELETE {path}/assignee"), &Value::Null).await;
    assert_eq!(owner.event().await, event(4, "task", 4, "completed"));
    assert_eq!(assignee.event().await, event(3, "removed", 3, "completed"));
    step(&bed, &ada, &format!("DELETE {path}"), &Value::Null).await;
    assert_eq!(owner.event().await, event(5, "removed", 4, "completed"));
    // A change without an effect is no event.
    let other = create(&bed, &ada, json!({ "title": "b" })).await;
    step(&bed, &ada, &format!("PATCH /api/v1/tasks/{other}"), &json!({ "title": "b" })).await;
    step(&bed, &ada, &format!("DELETE /api/v1/tasks/{other}"), &Value::Null).await;
    let mut rest = owner.events().await;
    while rest.last().is_none_or(|last| last.1 != "removed") {
        rest.extend(owner.events().await);
    }
    assert_eq!(rest.last(), Some(&event(7, "removed", 1, "pending")));
}

#[tokio::test]
async fn stream_continues_after_the_last_event_or_with_one_reset() {
    let bed = Testbed::new().await;
    let ada = bed.user("ada").await.access;
    for _ in 0..3 {
        create(&bed, &ada, json!({ "title": "a" })).await;
    }
    for last in 0..=3 {
        let (mut stream, first) = Stream::open(&bed, &ada, Some(&last.to_string())).await;
        assert_eq!(first, format!("id: {last}\n\n"));
        if last < 3 {
            let ids: Vec<_> = stream.events().await.into_iter().map(|event| event.0).collect();
            assert_eq!(ids, (last + 1..=3).collect::<Vec<_>>());
        }
    }
    assert_eq!(bed.store.remove_events(FUTURE, 1000).await.unwrap(), 3);
    for last in ["2", "4"] {
        let (mut stream, first) = Stream::open(&bed, &ada, Some(last)).await;
        assert_eq!(first, "id: 3\nevent: reset\ndata: {}\n\n", "{last}");
        if last == "4" {
            create(&bed, &ada, json!({ "title": "b" })).await;
            assert_eq!(stream.event().await, event(4, "task", 1, "pending"));
        }
    }
    let (_stream, first) = Stream::open(&bed, &ada, None).await;
    assert_eq!(first, "id: 4\n\n");
}

/// A reader that is too far behind gets a reset too.
#[tokio::test]
async fn removal_of_unread_events_is_one_reset() {
    let bed = Testbed::new().await;
    let ada = bed.user("ada").await.access;
    let mut stream = Stream::from_now(&bed, &ada).await;
    for _ in 0..2 {
        create(&bed, &ada, json!({ "title": "a" })).await;
    }
    assert_eq!(bed.store.remove_events(FUTURE, 1000).await.unwrap(), 2);
    assert_eq!(stream.next().await.unwrap(), "id: 2\nevent: reset\ndata: {}\n\n");
    create(&bed, &ada, json!({ "title": "a" })).await;
    assert_eq!(stream.event().await, event(3, "task", 1, "pending"));
}

#[tokio::test]
async fn invalid_last_event_id_is_400() {
    let bed = Testbed::new().await;
    let authorization = format!("Bearer {}", bed.user("ada").await.access);
    for last in ["", "x", "-1", "+1", "01", "1.0", "9223372036854775808"] {
        let headers = [("authorization", &*authorization), ("last-event-id", last)];
        let reply = ask(&bed.app, "GET /api/v1/events", &headers, "").await;
        assert_eq!(reply.status, 400, "{last}: {}", reply.body);
        assert!(reply.json()["detail"].as_str().unwrap().contains("Last-Event-ID"));
    }
}

async fn open_one(bed: &Testbed, token: &str) -> Reply {
    bed.bearer(token, "GET /api/v1/events", &Value::Null).await
}

#[tokio::test]
async fn user_has_ten_streams() {
    let bed = Testbed::new().await;
    let (ada, bob) = (bed.user("ada").await.access, bed.user("bob").await.access);
    let mut open = Vec::new();
    for _ in 0..10 {
        open.push(Stream::from_now(&bed, &ada).await);
    }
    let refused = open_one(&bed, &ada).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.json()["type"], "urn:tasks:problem:too-many-streams");
    assert_eq!(retry_after(&refused), 10);
    assert_eq!(refused.header("ratelimit"), None);
    assert_eq!(open_one(&bed, &bob).await.status, 200);
    open.pop();
    assert_eq!(open_one(&bed, &ada).await.status, 200, "the place of a stream that has ended");
    open.push(Stream::from_now(&bed, &ada).await);
    assert_eq!(open_one(&bed, &ada).await.status, 429);
}

#[tokio::test]
async fn stream_ends_with_its_session() {
    let bed = Testbed::with(Setup::default()).await;
    bed.register("ada").await;
    let other = bed.user("bob").await.access;
    let mut untouched = Stream::from_now(&bed, &other).await;
    // At once, and not with the next look at the database.
    let soon = Duration::from_millis(500);
    let session = async || {
        let pair = bed.session("ada").await;
        let stream = Stream::from_now(&bed, &pair.access).await;
        (pair, stream)
    };
    let (pair, mut stream) = session().await;
    bed.logout(&pair.refresh).await;
    assert!(stream.ends("logout").await < soon);
    let (pair, mut stream) = session().await;
    let refreshed = bed.refresh(&pair.refresh).await;
    let mut same = Stream::from_now(&bed, &crate::support::Pair::of(&refreshed).access).await;
    bed.advance(Duration::from_secs(11));
    assert_eq!(bed.refresh(&pair.refresh).await.status, 401);
    assert!(stream.ends("reuse").await + same.ends("reuse").await < soon);
    let (pair, mut kept) = session().await;
    let (_, mut stream) = session().await;
    let changed = bed.change_password(&pair.access, PASSWORD, OTHER_PASSWORD).await;
    assert_eq!(changed.status, 204);
    assert!(stream.ends("password change").await < soon);
    create(&bed, &pair.access, json!({ "title": "a" })).await;
    assert_eq!(kept.event().await, event(1, "task", 1, "pending"), "this session stays");
    step(&bed, &pair.access, "DELETE /api/v1/users/me", &Value::Null).await;
    assert!(kept.ends("deletion").await < soon);
    create(&bed, &other, json!({ "title": "a" })).await;
    assert_eq!(untouched.event().await, event(1, "task", 1, "pending"));
}

#[tokio::test]
async fn stream_ends_with_its_token() {
    let bed = Testbed::new().await;
    let pair = bed.user("ada").await;
    let mut old = Stream::from_now(&bed, &pair.access).await;
    bed.advance(Duration::from_secs(14 * 60 + 59));
    let refreshed = crate::support::Pair::of(&bed.refresh(&pair.refresh).await);
    let mut new = Stream::from_now(&bed, &refreshed.access).await;
    sleep(Duration::from_millis(1200)).await;
    create(&bed, &refreshed.access, json!({ "title": "a" })).await;
    assert_eq!(old.event().await, event(1, "task", 1, "pending"));
    bed.advance(Duration::from_secs(1));
    assert!(old.ends("the end of the token").await < Duration::from_secs(5));
    assert_eq!(new.event().await, event(1, "task", 1, "pending"));
}

/// All streams together take two statements a second, and the streams of a user share what they read.
#[tokio::test]
async fn statements_do_not_grow_with_the_streams() {
    let bed = Testbed::new().await;
    let (ada, bob) = (bed.user("ada").await.access, bed.user("bob").await.access);
    let mut streams = Vec::new();
    for token in [&ada, &bob] {
        for _ in 0..10 {
            streams.push(Stream::from_now(&bed, token).await);
        }
    }
    bed.journal.take();
    sleep(Duration::from_millis(3200)).await;
    let calls = bed.journal.take();
    let count = |calls: &[&str], name| calls.iter().filter(|call| **call == name).count();
    let (numbers, sessions) = (count(&calls, "last_numbers"), count(&calls, "open_sessions"));
    assert!((2..=4).contains(&numbers) && (2..=4).contains(&sessions), "{calls:?}");
    assert_eq!(numbers + sessions, calls.len(), "{calls:?}");
    create(&bed, &ada, json!({ "title": "a" })).await;
    let events = streams.iter_mut().take(10).map(Stream::event);
    for found in futures_util::future::join_all(events).await {
        assert_eq!(found, event(1, "task", 1, "pending"));
    }
    let calls = bed.journal.take();
    assert_eq!(count(&calls, "events_after"), 1, "{calls:?}");
    drop(streams);
    sleep(Duration::from_millis(1200)).await;
    bed.journal.take();
    sleep(Duration::from_millis(2200)).await;
    assert_eq!(bed.journal.take(), Vec::<&str>::new(), "no stream, no statement");
}

#[tokio::test]
async fn stream_outlives_an_outage_and_misses_nothing() {
    let bed = Testbed::new().await;
    let ada = bed.user("ada").await.access;
    let mut job = json!({ "type": "generate_report", "payload": { "format": "csv" } });
    job["run_at"] = "2020-01-01T00:00:00Z".into();
    create(&bed, &ada, job).await;
    let mut stream = Stream::from_now(&bed, &ada).await;
    bed.store.set_away(true);
    let wanted = Wanted {
        worker: "w1".into(),
        kinds: vec![Kind::new("generate_report")],
        limits: Vec::new(),
        per_user: 1,
        lease: Duration::from_secs(30),
    };
    // The double lets the statements of workers pass.
    assert!(bed.store.work().claim(wanted).await.unwrap().is_some());
    let waiting = stream.events();
    tokio::pin!(waiting);
    assert!(timeout(Duration::from_millis(1500), &mut waiting).await.is_err());
    assert!(bed.journal.take().contains(&"events_after"), "the stream was woken");
    bed.store.set_away(false);
    assert_eq!(waiting.await, [event(2, "task", 2, "processing")]);
}
