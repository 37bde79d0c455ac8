//! The statement of a list.
//!
//! A list walks an index in its order and stops when the part is full. A user sees tasks of two kinds: owned and
//! assigned ones. Each kind is one walk. The statement merges both, reads only ids and keys of the order, and at the end
//! the tasks of the part.

use super::super::{CONTAINS, Connection, Engine};
use super::task_rows::{SummaryRow, summary_columns};
use crate::model::listing::{By, Filter, Listed, Query, Scope, Start, TOTAL_MAX};
use crate::model::task::{Kind, Priority, Status};
use crate::model::user::UserId;
use crate::store::StoreError;
use sqlx::QueryBuilder;

/// The tasks of one walk.
#[derive(Debug, Clone, Copy)]
enum Walk {
    All,
    Owned(UserId),
    /// Without those that the user also owns, which are in the other walk.
    Assigned(UserId),
}

/// Reads a part of a list, and counts the whole list.
pub(super) async fn read(
    connection: &mut Connection<'_>,
    query: &Query,
) -> Result<Listed, StoreError> {
    let mut page = page(query);
    let rows = connection.rows(page.build_query_as::<SummaryRow>()).await?;
    let mut tasks: Vec<_> = rows.into_iter().map(|SummaryRow(summary)| summary).collect();
    let most = usize::try_from(query.per_page).unwrap_or(usize::MAX);
    let has_more = tasks.len() > most;
    tasks.truncate(most);
    let total = match query.start {
        Start::After(_) => None,
        Start::Page(_) => {
            let mut count = count(query);
            let row = connection.row(count.build_query_as::<(i64,)>()).await?;
            row.and_then(|(total,)| u64::try_from(total).ok())
        }
    };
    Ok(Listed { tasks, has_more, total })
}

fn walks(scope: Scope) -> Vec<Walk> {
    match scope {
        Scope::All => vec![Walk::All],
        Scope::Owned(user) => vec![Walk::Owned(user)],
        Scope::Visible(user) => vec![Walk::Owned(user), Walk::Assigned(user)],
    }
}

/// The tasks of a part, and one more if there is one.
pub(super) fn page(query: &Query) -> QueryBuilder<Engine> {
    let rows = i64::from(query.per_page) + 1;
    let skipped = match query.start {
        Start::Page(page) => i64::from(query.per_page) * (i64::from(page) - 1),
        Start::After(_) => 0,
    };
    let key = match query.order.by {
        By::CreatedAt => "",
        By::UpdatedAt => "updated_at, ",
        By::Priority => "priority, ",
    };
    let order = order(query);
    let mut sql =
        QueryBuilder::new(concat!("SELECT ", summary_columns!(), " FROM tasks WHERE id IN ("));
    sql.push("SELECT id FROM (");
    for (at, walk) in walks(query.scope).into_iter().enumerate() {
        sql.push(if at == 0 { "" } else { " UNION ALL " });
        sql.push(format_args!("SELECT {key}id FROM (SELECT {key}id FROM tasks WHERE "));
        restrict(&mut sql, walk, query);
        sql.push(format_args!(" ORDER BY {order} LIMIT ")).push_bind(skipped + rows);
        sql.push(format_args!(") AS walk{at}"));
    }
    sql.push(format_args!(") AS walks ORDER BY {order} LIMIT ")).push_bind(rows);
    sql.push(" OFFSET ").push_bind(skipped);
    sql.push(format_args!(") ORDER BY {order}"));
    sql
}

/// The number of tasks, at most one more than [`TOTAL_MAX`].
pub(super) fn count(query: &Query) -> QueryBuilder<Engine> {
    let most = i64::try_from(TOTAL_MAX).unwrap_or(i64::MAX) + 1;
    let mut sql = QueryBuilder::new("SELECT count(*) FROM (SELECT 1 FROM (");
    for (at, walk) in walks(query.scope).into_iter().enumerate() {
        sql.push(if at == 0 { "" } else { " UNION ALL " });
        sql.push("SELECT 1 FROM (SELECT 1 FROM tasks WHERE ");
        restrict(&mut sql, walk, query);
        sql.push(" LIMIT ").push_bind(most).push(format_args!(") AS walk{at}"));
    }
    sql.push(") AS walks LIMIT ").push_bind(most).push(") AS counted");
    sql
}

fn order(query: &Query) -> String {
    let direction = if query.order.descending { "DESC" } else { "ASC" };
    let key = match query.order.by {
        By::CreatedAt => String::new(),
        By::UpdatedAt => format!("updated_at {direction}, "),
        By::Priority => format!("priority {direction}, "),
    };
    format!("{key}id {direction}")
}

/// Writes the conditions of a walk.
fn restrict(sql: &mut QueryBuilder<Engine>, walk: Walk, query: &Query) {
    match walk {
        Walk::All => drop(sql.push("TRUE")),
        Walk::Owned(user) => drop(sql.push("user_id = ").push_bind(user.0)),
        Walk::Assigned(user) => {
            sql.push("assignee_id = ").push_bind(user.0);
            sql.push(" AND user_id <> ").push_bind(user.0);
        }
    }
    if let Start::After(id) = query.start {
        sql.push(if query.order.descending { " AND id < " } else { " AND id > " }).push_bind(id.0);
    }
    let Filter { statuses, kinds, priorities, assignee, text } = &query.filter;
    one_of(sql, "status", statuses.iter().copied().map(Status::as_str));
    one_of(sql, "type", kinds.iter().copied().map(Kind::as_str));
    one_of(sql, "priority", priorities.iter().copied().map(Priority::rank));
    if let Some(assignee) = assignee {
        sql.push(" AND assignee_id = ").push_bind(assignee.0);
    }
    if let Some(text) = text {
        sql.push(format_args!(" AND {CONTAINS}(search, ")).push_bind(text.clone()).push(") > 0");
    }
}

fn one_of<T>(sql: &mut QueryBuilder<Engine>, column: &str, values: impl ExactSizeIterator<Item = T>)
where
    T: for<'q> sqlx::Encode<'q, Engine> + sqlx::Type<Engine> + Send + 'static,
{
    if values.len() == 0 {
        return;
    }
    sql.push(format_args!(" AND {column} IN ("));
    let mut list = sql.separated(", ");
    for value in values {
        list.push_bind(value);
    }
    sql.push(")");
}
