//! The counts of mails, which the daily limit limits.

use super::super::{Connection, Database};
use crate::model::mail::{Attempt, DailyLimit};
use crate::model::timestamp::Timestamp;
use crate::model::user::UserId;
use crate::store::{Mails, StoreError};
use async_trait::async_trait;
use sqlx::query;

const DAY: i64 = 24 * 60 * 60 * 1000;

/// A statement that counts one more attempt in a table, unless the limit of the day is reached. A clock that is behind
/// counts for the day of the others.
macro_rules! count {
    ($table:literal, $key:literal) => {
        concat!(
            "INSERT INTO ",
            $table,
            " (",
            $key,
            ", day, attempts) VALUES ($1, $2, 1) ON CONFLICT (",
            $key,
            ") DO UPDATE SET day = CASE WHEN ",
            $table,
            ".day < excluded.day THEN excluded.day ELSE ",
            $table,
            ".day END, attempts = CASE WHEN ",
            $table,
            ".day < excluded.day THEN 1 ELSE ",
            $table,
            ".attempts + 1 END WHERE ",
            $table,
            ".day < excluded.day OR ",
            $table,
            ".attempts < $3"
        )
    };
}

#[async_trait]
impl Mails for Database {
    async fn count_mail(
        &self,
        user: UserId,
        now: Timestamp,
        limit: DailyLimit,
    ) -> Result<Attempt, StoreError> {
        let day = now.as_millis().div_euclid(DAY);
        self.transaction(move |mut connection| {
            Box::pin(async move { count(&mut connection, user, day, limit).await })
        })
        .await
    }
}

/// Two conditional statements of one transaction. Each locks its row until the end.
async fn count(
    connection: &mut Connection<'_>,
    user: UserId,
    day: i64,
    limit: DailyLimit,
) -> Result<Attempt, StoreError> {
    let of_user = query(count!("mails_of_users", "user_id"));
    let of_user = of_user.bind(user.0).bind(day).bind(i64::from(limit.user));
    if connection.run(of_user).await? == 0 {
        return Ok(Attempt::UserLimit);
    }
    let of_all = query(count!("mails_of_all", "id"));
    let of_all = of_all.bind(1_i64).bind(day).bind(i64::from(limit.all));
    if connection.run(of_all).await? == 1 {
        return Ok(Attempt::Counted);
    }
    // An attempt that is not made does not count.
    let back = "UPDATE mails_of_users SET attempts = attempts - 1 WHERE user_id = $1";
    connection.run(query(back).bind(user.0)).await?;
    Ok(Attempt::AllLimit)
}
