//! Statements about users.

use super::super::Database;
use super::user;
use crate::model::session::SessionId;
use crate::model::timestamp::Timestamp;
use crate::model::user::{PasswordHash, Role, User, UserId, Username};
use crate::store::{NewUser, News, StoreError, Users};
use async_trait::async_trait;
use sqlx::{query, query_as};
use uuid::Uuid;

#[async_trait]
impl Users for Database {
    async fn create_user(&self, new: NewUser) -> Result<bool, StoreError> {
        self.statement(move |mut connection| {
            Box::pin(async move {
                let sql = "INSERT INTO users (id, username, role, password_hash, created_at) \
                    VALUES ($1, $2, $3, $4, $5) ON CONFLICT (username) DO NOTHING";
                let query = query(sql)
                    .bind(new.user.id.0)
                    .bind(new.user.username.as_str())
                    .bind(new.user.role.as_str())
                    .bind(&new.password.0)
                    .bind(new.user.created_at.as_millis());
                Ok(connection.run(query).await? == 1)
            })
        })
        .await
    }

    async fn user_named(
        &self,
        name: &Username,
    ) -> Result<Option<(User, PasswordHash)>, StoreError> {
        let name = name.clone();
        self.read(move |mut connection| {
            Box::pin(async move {
                let sql = "SELECT id, username, role, created_at, password_hash FROM users \
                    WHERE username = $1";
                let query =
                    query_as::<_, (Uuid, String, String, i64, String)>(sql).bind(name.as_str());
                let Some((id, name, role, created, hash)) = connection.row(query).await? else {
                    return Ok(None);
                };
                Ok(Some((user((id, name, role, created))?, PasswordHash(hash))))
            })
        })
        .await
    }

    async fn password_of(&self, user: UserId) -> Result<Option<PasswordHash>, StoreError> {
        self.read(move |mut connection| {
            Box::pin(async move {
                let sql = "SELECT password_hash FROM users WHERE id = $1";
                let row = connection.row(query_as::<_, (String,)>(sql).bind(user.0)).await?;
                Ok(row.map(|(hash,)| PasswordHash(hash)))
            })
        })
        .await
    }

    async fn set_role(&self, name: &Username, role: Role) -> Result<Option<UserId>, StoreError> {
        let name = name.clone();
        self.statement(move |mut connection| {
            Box::pin(async move {
                let sql = "UPDATE users SET role = $2 WHERE username = $1 RETURNING id";
                let query = query_as::<_, (Uuid,)>(sql).bind(name.as_str()).bind(role.as_str());
                Ok(connection.row(query).await?.map(|(id,)| UserId(id)))
            })
        })
        .await
    }

    async fn change_password(
        &self,
        user: UserId,
        keep: SessionId,
        old: PasswordHash,
        new: PasswordHash,
    ) -> Result<bool, StoreError> {
        let changed = self.transaction(move |mut connection| {
            Box::pin(async move {
                let sql =
                    "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2";
                let change = query(sql).bind(user.0).bind(&old.0).bind(&new.0);
                if connection.run(change).await? == 0 {
                    return Ok(false);
                }
                let sql = "DELETE FROM sessions WHERE user_id = $1 AND id <> $2";
                connection.run(query(sql).bind(user.0).bind(keep.0)).await?;
                Ok(true)
            })
        });
        let changed = changed.await?;
        if changed {
            self.signals.tell(News::SessionsEnded(user, Some(keep)));
        }
        Ok(changed)
    }

    async fn delete_user(&self, user: UserId, now: Timestamp) -> Result<bool, StoreError> {
        let deleted = self.delete(user, now).await?;
        if deleted {
            self.signals.tell(News::SessionsEnded(user, None));
        }
        Ok(deleted)
    }
}
