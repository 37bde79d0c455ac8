//! Lists in a table of two million tasks: which indexes they read, and how much of them.
//!
//! One user has a million tasks. A thousand users have a thousand each. The ids of both alternate. A tenth of the million
//! is assigned to one of the thousand users. No task has failed.

pub(crate) mod postgres;
pub(crate) mod sqlite;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};
use tasks::model::listing::{By, Filter, Order, Query, Scope, Start};
use tasks::model::task::{Kind, Priority, Status, TaskId};
use tasks::model::user::UserId;
use tasks::store::{Store, StoreError};
use uuid::Uuid;

/// All tasks. Half of them belong to [`LARGE`].
const TASKS: u64 = 2_000_000;
/// The user with a million tasks.
const LARGE: u64 = 0;
/// A user with a thousand tasks, to whom [`LARGE`] has assigned a hundred thousand.
const SMALL: u64 = 1;

/// The indexes that the measured lists need. The others would only cost the test time.
const NEEDED: [&str; 5] = [
    "tasks_user_created",
    "tasks_assignee_created",
    "tasks_user_group_created",
    "tasks_assignee_group_created",
    "tasks_group_created",
];

const NEWEST: Order = Order { by: By::CreatedAt, descending: true };

pub(crate) fn user(number: u64) -> UserId {
    UserId(Uuid::from_u64_pair(0x7000, number))
}

pub(crate) fn task(number: u64) -> TaskId {
    TaskId(Uuid::from_u64_pair(0x0190_0000_0000_7000, number))
}

fn none() -> Filter {
    Filter::default()
}

fn query(scope: Scope, filter: Filter, start: Start) -> Query {
    Query {
        scope,
        filter,
        order: NEWEST,
        start,
        per_page: 20,
        kinds: tasks::jobs::kinds().collect(),
    }
}

fn scopes(number: u64) -> [Scope; 3] {
    [Scope::Visible(user(number)), Scope::Owned(user(number)), Scope::All]
}

/// Every kind of list without a text.
fn kinds_of_lists() -> Vec<Query> {
    let filters = [
        none(),
        Filter { statuses: vec![Status::Failed], ..none() },
        Filter { statuses: vec![Status::Pending, Status::Failed], ..none() },
        Filter { kinds: vec![Kind::new("send_email")], ..none() },
        Filter { priorities: vec![Priority::Urgent], ..none() },
        Filter { assignee: Some(user(SMALL)), ..none() },
        Filter { assignee: Some(user(LARGE)), ..none() },
        Filter {
            statuses: vec![Status::Pending],
            kinds: vec![Kind::MANUAL],
            priorities: vec![Priority::Low],
            assignee: Some(user(SMALL)),
            text: None,
        },
    ];
    let mut lists = Vec::new();
    for scope in scopes(LARGE) {
        for filter in &filters {
            for &by in By::ALL {
                for descending in [true, false] {
                    let order = Order { by, descending };
                    let mut add = |start| {
                        lists.push(Query { order, ..query(scope, filter.clone(), start) });
                    };
                    add(Start::Page(1));
                    add(Start::Page(1000));
                    if by == By::CreatedAt {
                        add(Start::After(task(TASKS / 2)));
                    }
                }
            }
        }
    }
    lists
}

/// A search without a result.
fn search() -> Query {
    let text = Some("no such text".into());
    query(Scope::Owned(user(LARGE)), Filter { text, ..none() }, Start::Page(1))
}

/// Lists whose work a test measures, and their names in the documentation.
fn measured() -> Vec<(&'static str, Query)> {
    let [visible, owned, all] = scopes(LARGE);
    let [of_small, ..] = scopes(SMALL);
    let first = |scope, filter| query(scope, filter, Start::Page(1));
    let after = |scope, depth: u64| {
        let last = task(TASKS - 2 * depth);
        query(scope, none(), Start::After(last))
    };
    let page = |per_page| Query { per_page, ..query(visible, none(), Start::Page(1000)) };
    let failed = || Filter { statuses: vec![Status::Failed], ..none() };
    vec![
        ("a thousand own tasks, first page", first(Scope::Owned(user(2)), none())),
        ("a million own tasks, first page", first(owned, none())),
        ("own and assigned tasks, first page", first(visible, none())),
        ("own tasks and 100,000 assigned ones, first page", first(of_small, none())),
        ("all tasks, first page", first(all, none())),
        ("`after` the first task", after(visible, 0)),
        ("`after` 10,000 tasks", after(visible, 10_000)),
        ("`after` 500,000 tasks", after(visible, 500_000)),
        ("`after` 990,000 tasks", after(visible, 990_000)),
        ("page 1,000 of 20", page(20)),
        ("page 1,000 of 100", page(100)),
        ("`status=failed` without such a task", first(visible, failed())),
        ("all tasks with `status=failed`, without such a task", first(all, failed())),
    ]
}

/// The measured work of one engine: for each list, that of the part and that of the total.
#[derive(Default)]
struct Work(Vec<(&'static str, u64, Option<u64>)>);

impl Work {
    /// The work for the part of a list.
    fn page(&self, name: &str) -> u64 {
        let found = self.0.iter().find(|(measured, ..)| measured.starts_with(name));
        found.unwrap_or_else(|| panic!("{name} is not measured")).1
    }

    /// Checks the bounds. The work for all tasks of [`LARGE`] would be at least their number.
    fn check(&self) {
        let of = |name| self.page(name);
        let (few, many) = (of("a thousand own"), of("a million own"));
        assert!(many * 10 <= few * 11, "the number of tasks does not matter: {few}, {many}");
        let after = [of("`after` the"), of("`after` 10,"), of("`after` 500"), of("`after` 990")];
        let (least, most) = (after.iter().min().unwrap(), after.iter().max().unwrap());
        assert!(most * 10 <= least * 11, "the depth does not matter: {after:?}");
        let first = of("own and assigned tasks");
        for (tasks, name) in [(20_000, "page 1,000 of 20"), (100_000, "page 1,000 of 100")] {
            // The first page reads 21 tasks.
            let bound = first * 2 * tasks / 21;
            assert!(of(name) <= bound, "{name}: {} of {bound}", of(name));
        }
        for (name, page, count) in &self.0 {
            let whole = TASKS / 2;
            assert!(name.starts_with("page") || page * 20 < whole, "{name}: {page} of {whole}");
            assert!(count.is_none_or(|count| count * 2 < whole), "{name}: {count:?} of {whole}");
        }
    }

    /// Checks that the documentation has these figures, in two columns of its table.
    fn check_documentation(&self, column: usize) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/tasks.md");
        let text = fs::read_to_string(path).unwrap();
        let mut wrong = Vec::new();
        for (name, page, count) in &self.0 {
            let figures = [page.to_string(), count.map_or("–".into(), |count| count.to_string())];
            let row = text.lines().find(|line| line.starts_with(&format!("| {name} |")));
            let cells: Vec<_> = row.unwrap_or_default().split('|').map(str::trim).collect();
            if cells.get(column..column + 2) != Some(&[&*figures[0], &*figures[1]]) {
                wrong.push(format!("| {name} | {}", figures.join(" | ")));
            }
        }
        assert!(wrong.is_empty(), "docs/tasks.md has other figures than\n{}", wrong.join("\n"));
    }
}

/// A search without a result reads all texts of a list, until its time is over. Other requests are served meanwhile.
async fn check_search(store: &dyn Store) {
    let limit = Duration::from_millis(100);
    let start = Instant::now();
    let search = store.list(search(), Some(limit));
    let others = async {
        let mut served = 0;
        while start.elapsed() < limit {
            assert!(store.task(task(served)).await.unwrap().is_some());
            served += 1;
        }
        served
    };
    let (found, served) = tokio::join!(search, others);
    println!("a search of {limit:?} ended after {:?}; {served} others", start.elapsed());
    assert!(matches!(found, Err(StoreError::TooSlow)), "{found:?}");
    assert!(start.elapsed() < limit * 20);
    assert!(served > 0);
}
