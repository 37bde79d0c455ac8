//! Tells other processes which users have new events, by NOTIFY.
//!
//! A transaction with NOTIFY holds a lock of the whole database while it commits, so that such commits wait for each other's
//! disk. So the notification follows the commit in a statement of its own, one for all commits of a short time.

use crate::model::user::UserId;
use crate::store::signals::{LastNumbers, News};
use sqlx::postgres::PgPool;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::sleep;
use uuid::Uuid;

/// The channel between processes.
pub(super) const CHANNEL: &str = "tasks_events";
/// The time in which commits are collected.
const COLLECT: Duration = Duration::from_millis(10);
/// The most users in a notification, which can have 8000 bytes.
const USERS: usize = 100;

/// Announces until the task is aborted. News that are lost are found by the poll of the other processes.
pub(super) async fn announce(pool: PgPool, mut news: Receiver<News>) {
    loop {
        let mut last = BTreeMap::new();
        match news.recv().await {
            Ok(one) => add(&mut last, one),
            Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return,
        }
        if last.is_empty() {
            continue;
        }
        sleep(COLLECT).await;
        loop {
            match news.try_recv() {
                Ok(one) => add(&mut last, one),
                Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        let last: LastNumbers = last.into_iter().collect();
        for part in last.chunks(USERS) {
            let sql = "SELECT 1 FROM pg_notify($1, $2)";
            let notify = sqlx::query(sql).bind(CHANNEL).bind(write(part));
            if let Err(error) = notify.execute(&pool).await {
                tracing::debug!(cause = %error, "events are not announced");
            }
        }
    }
}

fn add(last: &mut BTreeMap<UserId, i64>, news: News) {
    if let News::Committed(numbers) = news {
        for (user, number) in numbers {
            let known = last.entry(user).or_default();
            *known = number.max(*known);
        }
    }
}

fn write(numbers: &[(UserId, i64)]) -> String {
    let mut text = String::new();
    for (UserId(user), number) in numbers {
        // Writing to a text cannot fail.
        let _ = write!(text, "{}:{number} ", user.simple());
    }
    text
}

/// The numbers of a notification. A part that is not understood is left out.
pub(super) fn read(text: &str) -> LastNumbers {
    let pair = |pair: &str| {
        let (user, number) = pair.split_once(':')?;
        Some((UserId(Uuid::try_parse(user).ok()?), number.parse().ok()?))
    };
    text.split_whitespace().filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn largest_notification_is_read_back() {
        let numbers: LastNumbers = (0..USERS).map(|_| (UserId(Uuid::now_v7()), i64::MAX)).collect();
        let text = write(&numbers);
        assert!(text.len() < 8000, "{}", text.len());
        assert_eq!(read(&text), numbers);
        assert_eq!(read("x 1:2 :"), []);
    }
}
