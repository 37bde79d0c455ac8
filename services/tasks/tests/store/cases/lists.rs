//! Lists of tasks.

use super::task::{WIDE, manual, store_all, store_task};
use crate::{NOW, create, later};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tasks::model::listing::{By, Filter, Listed, Order, Query, Scope, Start, TOTAL_MAX, folded};
use tasks::model::task::{Kind, Priority, Status, Summary, Task, TaskId};
use tasks::model::user::User;
use tasks::store::Store;
use uuid::{Builder, Uuid};

const NEWEST_FIRST: Order = Order { by: By::CreatedAt, descending: true };

fn query(scope: Scope) -> Query {
    let start = Start::Page(1);
    Query {
        scope,
        filter: Filter::default(),
        order: NEWEST_FIRST,
        start,
        per_page: 100,
        kinds: tasks::jobs::kinds().collect(),
    }
}

async fn list(store: &dyn Store, query: Query) -> Listed {
    store.list(query, None).await.unwrap()
}

fn ids(listed: &Listed) -> Vec<TaskId> {
    listed.tasks.iter().map(|task| task.id).collect()
}

/// Stores a task that is changed before.
async fn stored(store: &dyn Store, owner: &User, change: impl FnOnce(&mut Summary)) -> Task {
    let mut task = manual(owner);
    change(&mut task.summary);
    store_task(store, &task).await;
    task
}

/// The number of tasks of the test of orders. Many of them have equal keys.
const MANY: u64 = 60;

async fn many(store: &dyn Store, owner: &User, other: &User) {
    for number in 0..MANY {
        let own = number % 3 > 0;
        let mut task = manual(if own { owner } else { other });
        let millis = u64::try_from(NOW.as_millis()).unwrap() + number / 4;
        let id = Builder::from_unix_timestamp_millis(
            millis,
            &Uuid::now_v7().as_bytes()[6..].try_into().unwrap(),
        );
        task.summary.id = TaskId(id.into_uuid());
        task.summary.assignee_id = (number % 2 > 0 || !own).then_some(owner.id);
        task.summary.priority = Priority::at(i16::try_from(number % 4).unwrap()).unwrap();
        store_task(store, &task).await;
        let mut to = task.clone();
        to.summary.version += 1;
        to.summary.updated_at = later(number * 7 % 5);
        store.change_task(task, to, WIDE).await.unwrap();
    }
}

pub(super) async fn scopes_contain_their_tasks_once(store: Arc<dyn Store>) {
    let (ada, bob) = (create(&*store, "scope-ada").await, create(&*store, "scope-bob").await);
    let own = stored(&*store, &ada, |_| {}).await;
    let to_bob = stored(&*store, &ada, |task| task.assignee_id = Some(bob.id)).await;
    let to_self = stored(&*store, &ada, |task| task.assignee_id = Some(ada.id)).await;
    let of_bob = stored(&*store, &bob, |_| {}).await;
    let to_ada = stored(&*store, &bob, |task| task.assignee_id = Some(ada.id)).await;
    let set = |tasks: &[&Task]| tasks.iter().map(|task| task.summary.id).collect::<BTreeSet<_>>();
    for (scope, expected) in [
        (Scope::Visible(ada.id), set(&[&own, &to_bob, &to_self, &to_ada])),
        (Scope::Owned(ada.id), set(&[&own, &to_bob, &to_self])),
        (Scope::Visible(bob.id), set(&[&to_bob, &of_bob, &to_ada])),
        (Scope::Owned(bob.id), set(&[&of_bob, &to_ada])),
    ] {
        let listed = list(&*store, query(scope)).await;
        assert_eq!(listed.tasks.len(), expected.len(), "{scope:?}");
        assert_eq!(ids(&listed).into_iter().collect::<BTreeSet<_>>(), expected, "{scope:?}");
        assert_eq!(listed.total, u64::try_from(expected.len()).ok());
        assert!(!listed.has_more);
    }
    let all = list(&*store, query(Scope::All)).await;
    assert!(all.total.unwrap() >= 5);
    let read = all.tasks.into_iter().find(|task| task.id == to_ada.summary.id);
    assert_eq!(read, Some(to_ada.summary), "an item has all members");
}

pub(super) async fn filters_select(store: Arc<dyn Store>) {
    let (ada, bob) = (create(&*store, "filter-ada").await, create(&*store, "filter-bob").await);
    let kinds = [Kind::MANUAL, Kind::new("send_email"), Kind::new("generate_report")];
    for (number, kind) in kinds.into_iter().enumerate() {
        for status in [Status::Pending, Status::Completed] {
            stored(&*store, &ada, |task| {
                task.kind = kind.clone();
                task.status = status;
                task.priority = Priority::at(i16::try_from(number).unwrap()).unwrap();
                task.assignee_id = (status == Status::Pending).then_some(bob.id);
            })
            .await;
        }
    }
    let filter = Filter::default;
    for (filter, expected) in [
        (filter(), 6),
        (Filter { statuses: vec![Status::Pending], ..filter() }, 3),
        (Filter { statuses: vec![Status::Pending, Status::Completed], ..filter() }, 6),
        (Filter { statuses: vec![Status::Pending; 3], ..filter() }, 3),
        (Filter { statuses: vec![Status::Failed], ..filter() }, 0),
        (Filter { kinds: vec![Kind::MANUAL, Kind::new("send_email")], ..filter() }, 4),
        (Filter { priorities: vec![Priority::High, Priority::Low], ..filter() }, 4),
        (Filter { assignee: Some(bob.id), ..filter() }, 3),
        (Filter { assignee: Some(ada.id), ..filter() }, 0),
        (
            Filter {
                statuses: vec![Status::Completed],
                kinds: vec![Kind::new("send_email")],
                priorities: vec![Priority::Normal],
                ..filter()
            },
            1,
        ),
    ] {
        let listed = list(&*store, Query { filter: filter.clone(), ..query(Scope::Owned(ada.id)) });
        let listed = listed.await;
        let found = (listed.tasks.len(), listed.total);
        assert_eq!(found, (expected, u64::try_from(expected).ok()), "{filter:?}");
    }
    let assigned = Filter { assignee: Some(bob.id), ..filter() };
    let listed = list(&*store, Query { filter: assigned, ..query(Scope::Visible(bob.id)) }).await;
    assert_eq!(listed.tasks.len(), 3);
}

pub(super) async fn orders_are_total(store: Arc<dyn Store>) {
    let (ada, bob) = (create(&*store, "order-ada").await, create(&*store, "order-bob").await);
    many(&*store, &ada, &bob).await;
    for &by in By::ALL {
        for descending in [false, true] {
            let order = Order { by, descending };
            let listed = list(&*store, Query { order, ..query(Scope::Visible(ada.id)) }).await;
            assert_eq!(listed.total, Some(MANY));
            let key = |task: &Summary| match by {
                By::CreatedAt => (0, task.id),
                By::UpdatedAt => (task.updated_at.as_millis(), task.id),
                By::Priority => (task.priority.rank().into(), task.id),
            };
            let mut sorted = listed.tasks.clone();
            sorted.sort_by_key(key);
            if descending {
                sorted.reverse();
            }
            assert_eq!(listed.tasks, sorted, "{order:?}");
        }
    }
}

pub(super) async fn pages_and_keysets_agree(store: Arc<dyn Store>) {
    let (ada, bob) = (create(&*store, "pages-ada").await, create(&*store, "pages-bob").await);
    many(&*store, &ada, &bob).await;
    for descending in [false, true] {
        let order = Order { descending, ..NEWEST_FIRST };
        let whole = Query { order, ..query(Scope::Visible(ada.id)) };
        let expected = ids(&list(&*store, whole.clone()).await);
        let (mut paged, mut walked) = (Vec::new(), Vec::new());
        let mut last = None;
        for page in 1..=9 {
            let part = Query { per_page: 7, start: Start::Page(page), ..whole.clone() };
            let part = list(&*store, part).await;
            assert_eq!(part.has_more, page < 9, "60 tasks are nine pages");
            assert_eq!(part.total, Some(MANY));
            paged.extend(ids(&part));
            let start = last.map_or(Start::Page(1), Start::After);
            let part = list(&*store, Query { per_page: 7, start, ..whole.clone() }).await;
            assert_eq!((part.has_more, part.total.is_some()), (page < 9, page == 1));
            last = ids(&part).last().copied();
            walked.extend(ids(&part));
        }
        assert_eq!(paged, expected);
        assert_eq!(walked, expected);
        let beyond = list(&*store, Query { start: Start::Page(3), ..whole }).await;
        assert_eq!((beyond.tasks.len(), beyond.has_more, beyond.total), (0, false, Some(MANY)));
    }
}

pub(super) async fn totals_stop(store: Arc<dyn Store>) {
    let (ada, bob) = (create(&*store, "total-ada").await, create(&*store, "total-bob").await);
    let tasks = (0..=TOTAL_MAX).map(|number| {
        let mut task = manual(if number % 4 == 0 { &bob } else { &ada });
        task.summary.assignee_id = (number % 4 == 0).then_some(ada.id);
        (task, None)
    });
    store_all(&store, tasks.collect()).await;
    let part = Query { per_page: 1, ..query(Scope::Visible(ada.id)) };
    assert_eq!(list(&*store, part.clone()).await.total, Some(TOTAL_MAX + 1));
    stored(&*store, &ada, |_| {}).await;
    assert_eq!(list(&*store, part).await.total, Some(TOTAL_MAX + 1), "it stops there");
}

pub(super) async fn search_is_literal_and_without_case(store: Arc<dyn Store>) {
    let ada = create(&*store, "search-ada").await;
    for (title, description) in [
        (Some("100% Wasser"), None),
        (Some("a_b"), Some("ÜBER alles")),
        (None, Some("Straße")),
        (Some("x"), Some("y")),
    ] {
        stored(&*store, &ada, |task| {
            task.title = title.map(Into::into);
            task.description = description.map(Into::into);
        })
        .await;
    }
    for (text, expected) in [
        ("100%", 1),
        ("0% w", 1),
        ("1%w", 0),
        ("%%%", 0),
        ("___", 0),
        ("a_b", 1),
        ("axb", 0),
        ("über", 1),
        ("ÜBER", 1),
        ("straße", 1),
        ("wasser", 1),
        ("'; --", 0),
        ("\\", 0),
    ] {
        let filter = Filter { text: Some(folded(text)), ..Filter::default() };
        let search = Query { filter, ..query(Scope::Owned(ada.id)) };
        let listed = store.list(search, Some(Duration::from_secs(5))).await.unwrap();
        assert_eq!(listed.tasks.len(), expected, "{text}");
    }
}
