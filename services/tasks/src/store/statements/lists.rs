//! The statement of a list.
//!
//! A list reads ranges of indexes. Each range contains exactly the tasks of one list or of one group of it, in the order
//! of the list, and its reading stops when the part is full. So no statement reads tasks that a filter excludes, and none
//! sorts more than the ends of its ranges. The statement reads only ids and keys of the order, and at the end the tasks
//! of the part.

use super::super::{CONTAINS, Connection, Engine};
use super::task_rows::{SummaryRow, summary_columns};
use crate::model::listing::{By, Listed, Query, Scope, Start, TOTAL_MAX};
use crate::model::task::{Kind, Priority, Status};
use crate::model::user::UserId;
use crate::store::StoreError;
use sqlx::QueryBuilder;

/// The ranges of a statement whose plan is kept. The plan of more ranges takes much memory.
const FEW: usize = 2;

/// Tasks that have all of these members.
#[derive(Debug, Clone, Copy)]
struct Range<'q> {
    owner: Option<UserId>,
    assignee: Option<UserId>,
    group: Option<(Status, &'q Kind, Priority)>,
}

/// Reads a part of a list, and counts the whole list.
pub(super) async fn read(
    connection: &mut Connection<'_>,
    query: &Query,
) -> Result<Listed, StoreError> {
    connection.persistent &= sets(query).iter().map(Vec::len).sum::<usize>() <= FEW;
    let mut page = page(query);
    let rows = connection.rows(page.build_query_as::<SummaryRow>()).await?;
    let mut tasks: Vec<_> = rows.into_iter().map(|SummaryRow(summary)| summary).collect();
    let most = usize::try_from(query.per_page).unwrap_or(usize::MAX);
    let has_more = tasks.len() > most;
    tasks.truncate(most);
    let total = match query.start {
        Start::After(_) => None,
        Start::Page(page) if !has_more && (page == 1 || !tasks.is_empty()) => {
            let before = u64::from(query.per_page) * u64::from(page - 1);
            Some((before + tasks.len() as u64).min(TOTAL_MAX + 1))
        }
        Start::Page(_) => {
            let mut count = count(query);
            let row = connection.row(count.build_query_as::<(i64,)>()).await?;
            row.and_then(|(total,)| u64::try_from(total).ok())
        }
    };
    Ok(Listed { tasks, has_more, total })
}

/// The statements of a list, for tests of their plans.
#[cfg(feature = "test-support")]
#[must_use]
pub fn list(query: &Query) -> [QueryBuilder<Engine>; 2] {
    [page(query), count(query)]
}

/// The tasks of a part, and one more if there is one.
fn page(query: &Query) -> QueryBuilder<Engine> {
    let rows = i64::from(query.per_page) + 1;
    let skipped = match query.start {
        Start::Page(page) => i64::from(query.per_page) * (i64::from(page) - 1),
        Start::After(_) => 0,
    };
    let direction = if query.order.descending { "DESC" } else { "ASC" };
    let key = match query.order.by {
        By::CreatedAt => None,
        by => Some(by.as_str()),
    };
    let columns = key.map_or("id".into(), |key| format!("{key}, id"));
    let order = key.map_or(String::new(), |key| format!("{key} {direction}, "));
    let order = format!(" ORDER BY {order}id {direction}");
    let mut sql =
        QueryBuilder::new(concat!("SELECT ", summary_columns!(), " FROM tasks WHERE id IN ("));
    sql.push("SELECT id FROM (");
    merge(&mut sql, query, &columns, &order, skipped + rows);
    sql.push(format_args!(") AS part{order} LIMIT ")).push_bind(rows);
    sql.push(" OFFSET ").push_bind(skipped);
    sql.push(format_args!("){order}"));
    sql
}

/// The number of tasks, at most one more than [`TOTAL_MAX`].
fn count(query: &Query) -> QueryBuilder<Engine> {
    let most = i64::try_from(TOTAL_MAX).unwrap_or(i64::MAX) + 1;
    let mut sql = QueryBuilder::new("SELECT count(*) FROM (SELECT id FROM (");
    merge(&mut sql, query, "id", "", most);
    sql.push(") AS part LIMIT ").push_bind(most).push(") AS counted");
    sql
}

/// The ranges of a list, in one or two sets. Both sets can contain the same tasks: those that a user owns and that are
/// assigned to the same user.
fn sets(query: &Query) -> Vec<Vec<Range<'_>>> {
    let sides = match (query.scope, query.filter.assignee) {
        (Scope::All, assignee) => vec![(None, assignee)],
        (Scope::Visible(user), None) => vec![(Some(user), None), (None, Some(user))],
        (Scope::Visible(user), Some(assignee)) if assignee == user => vec![(None, Some(user))],
        (Scope::Owned(user) | Scope::Visible(user), assignee) => vec![(Some(user), assignee)],
    };
    let ranges = |(owner, assignee)| {
        let range = Range { owner, assignee, group: None };
        if is_whole(range, query) { vec![range] } else { groups(range, query) }
    };
    sides.into_iter().map(ranges).collect()
}

/// Whether an index has the tasks of the range in the order of the list. Otherwise the list reads a range for each group:
/// all tasks with the same status, type and priority. There is an index of groups for each owner, assignee, owner with
/// assignee, and for all tasks.
fn is_whole(range: Range<'_>, query: &Query) -> bool {
    let filter = &query.filter;
    let all = filter.statuses.is_empty() && filter.kinds.is_empty() && filter.priorities.is_empty();
    all && match (range.owner, range.assignee) {
        (Some(_), None) | (None, Some(_)) => true,
        (None, None) => query.order.by == By::CreatedAt,
        (Some(_), Some(_)) => false,
    }
}

/// The groups that a filter admits, each of them once.
fn groups<'q>(range: Range<'q>, query: &'q Query) -> Vec<Range<'q>> {
    let mut groups = Vec::new();
    for &status in Status::ALL.iter().filter(|it| admits(&query.filter.statuses, it)) {
        for kind in query.kinds.iter().filter(|kind| admits(&query.filter.kinds, kind)) {
            for &priority in Priority::ALL.iter().filter(|it| admits(&query.filter.priorities, it))
            {
                groups.push(Range { group: Some((status, kind, priority)), ..range });
            }
        }
    }
    groups
}

fn admits<T: PartialEq>(chosen: &[T], value: &T) -> bool {
    chosen.is_empty() || chosen.contains(value)
}

/// Writes the first tasks of all ranges, without duplicates.
fn merge(sql: &mut QueryBuilder<Engine>, query: &Query, columns: &str, order: &str, most: i64) {
    let select = format!("SELECT {columns} FROM (");
    for (at, ranges) in sets(query).into_iter().enumerate() {
        sql.push(if at == 0 { "" } else { " UNION " }).push(&select);
        let is_one = ranges.len() == 1;
        sql.push(if is_one { "" } else { &select });
        for (at, range) in ranges.into_iter().enumerate() {
            sql.push(if at == 0 { "" } else { " UNION ALL " }).push(&select);
            sql.push(format_args!("SELECT {columns} FROM tasks WHERE TRUE"));
            restrict(sql, range, query);
            sql.push(format_args!("{order} LIMIT ")).push_bind(most).push(") AS one");
        }
        if !is_one {
            sql.push(format_args!(") AS several{order} LIMIT ")).push_bind(most);
        }
        sql.push(") AS side");
    }
}

/// Writes the conditions of a range.
fn restrict(sql: &mut QueryBuilder<Engine>, range: Range<'_>, query: &Query) {
    if let Some(owner) = range.owner {
        sql.push(" AND user_id = ").push_bind(owner.0);
    }
    if let Some(assignee) = range.assignee {
        sql.push(" AND assignee_id = ").push_bind(assignee.0);
    }
    if let Some((status, kind, priority)) = range.group {
        sql.push(" AND status = ").push_bind(status.as_str());
        sql.push(" AND type = ").push_bind(kind.as_str().to_owned());
        sql.push(" AND priority = ").push_bind(priority.rank());
        // The condition of the index, which is always true. So PostgreSQL cannot use the index of other groups, also
        // with wrong statistics.
        let index = u8::from(query.order.by == By::UpdatedAt)
            + 2 * u8::from(range.owner.is_some())
            + 4 * u8::from(range.assignee.is_some());
        sql.push(format_args!(" AND length(type) <> {}", 100 + index));
    }
    if let Start::After(id) = query.start {
        sql.push(if query.order.descending { " AND id < " } else { " AND id > " }).push_bind(id.0);
    }
    if let Some(text) = &query.filter.text {
        sql.push(format_args!(" AND {CONTAINS}(search, ")).push_bind(text.clone()).push(") > 0");
    }
}
