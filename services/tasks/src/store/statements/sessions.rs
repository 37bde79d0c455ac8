//! Statements about sessions and their refresh tokens.
//!
//! Locks are taken in one order: user, session, token. So two transactions cannot wait for each other. Both engines
//! lack a common statement that only locks a row. An update that sets a column to its own value does it on both.

use super::super::{Connection, Database};
use super::{UserRow, damaged, user};
use crate::model::session::{Salt, Session, SessionId, TokenHash};
use crate::model::timestamp::Timestamp;
use crate::model::user::{PasswordHash, User, UserId};
use crate::store::{Rotation, Sessions, StoreError, Successor};
use async_trait::async_trait;
use sqlx::{query, query_as};
use std::time::Duration;
use uuid::Uuid;

/// The columns `id, user_id, created_at, expires_at`.
type SessionRow = (Uuid, Uuid, i64, i64);

/// The state of a token: `superseded_at`, `salt`, and whether its successor is current.
type TokenRow = (Option<i64>, Option<Vec<u8>>, bool);

#[async_trait]
impl Sessions for Database {
    async fn open_session(
        &self,
        session: Session,
        refresh: TokenHash,
        password: PasswordHash,
    ) -> Result<bool, StoreError> {
        self.transaction(move |mut connection| {
            Box::pin(async move {
                // Locks the user. A password change that runs at the same time either waits and then ends this session,
                // or has ended and makes this update change no row.
                let sql = "UPDATE users SET password_hash = password_hash \
                    WHERE id = $1 AND password_hash = $2";
                let lock = query(sql).bind(session.user.0).bind(&password.0);
                if connection.run(lock).await? == 0 {
                    return Ok(false);
                }
                let sql = "INSERT INTO sessions (id, user_id, created_at, expires_at) \
                    VALUES ($1, $2, $3, $4)";
                let insert = query(sql)
                    .bind(session.id.0)
                    .bind(session.user.0)
                    .bind(session.created_at.as_millis())
                    .bind(session.expires_at.as_millis());
                connection.run(insert).await?;
                insert_token(&mut connection, refresh, session.id, session.created_at).await?;
                Ok(true)
            })
        })
        .await
    }

    async fn session_user(
        &self,
        session: SessionId,
        owner: UserId,
        now: Timestamp,
    ) -> Result<Option<User>, StoreError> {
        self.read(move |mut connection| {
            Box::pin(async move {
                let sql = "SELECT u.id, u.username, u.role, u.created_at FROM sessions s \
                    JOIN users u ON u.id = s.user_id \
                    WHERE s.id = $1 AND s.user_id = $2 AND s.expires_at > $3";
                let query =
                    query_as::<_, UserRow>(sql).bind(session.0).bind(owner.0).bind(now.as_millis());
                connection.row(query).await?.map(user).transpose()
            })
        })
        .await
    }

    async fn rotate(
        &self,
        token: TokenHash,
        successor: Successor,
        now: Timestamp,
        window: Duration,
    ) -> Result<Rotation, StoreError> {
        let rotation = self.transaction(move |mut connection| {
            Box::pin(async move {
                let Some(session) = lock_session(&mut connection, token, now).await? else {
                    return Ok(Rotation::Unknown);
                };
                if supersede(&mut connection, token, successor, now).await? {
                    insert_token(&mut connection, successor.hash, session.id, now).await?;
                    return Ok(Rotation::Rotated(session));
                }
                if let Some((at, salt)) = unused_successor(&mut connection, token).await?
                    && now.since(at) < window
                {
                    return Ok(Rotation::Replayed(session, at, salt));
                }
                connection
                    .run(query("DELETE FROM sessions WHERE id = $1").bind(session.id.0))
                    .await?;
                Ok(Rotation::Reused(session))
            })
        });
        let rotation = rotation.await?;
        if let Rotation::Reused(session) = &rotation {
            self.signals.session_ended(session);
        }
        Ok(rotation)
    }

    async fn end_session(&self, token: TokenHash) -> Result<Option<Session>, StoreError> {
        let ended = self.statement(move |mut connection| {
            Box::pin(async move {
                let sql = "DELETE FROM sessions \
                    WHERE id = (SELECT session_id FROM refresh_tokens WHERE hash = $1) \
                    RETURNING id, user_id, created_at, expires_at";
                let query = query_as::<_, SessionRow>(sql).bind(&token.0[..]);
                Ok(connection.row(query).await?.map(session))
            })
        });
        Ok(ended.await?.inspect(|session| self.signals.session_ended(session)))
    }

    async fn remove_ended_sessions(&self, now: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.statement(move |mut connection| {
            Box::pin(async move {
                let sql = "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions \
                    WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)";
                let query = query(sql).bind(now.as_millis()).bind(i64::from(limit));
                connection.run(query).await
            })
        })
        .await
    }
}

/// The session of a token that has not ended. Nothing else changes its tokens until the end of the transaction.
async fn lock_session(
    connection: &mut Connection<'_>,
    token: TokenHash,
    now: Timestamp,
) -> Result<Option<Session>, StoreError> {
    let sql = "UPDATE sessions SET expires_at = expires_at \
        WHERE id = (SELECT session_id FROM refresh_tokens WHERE hash = $1) AND expires_at > $2 \
        RETURNING id, user_id, created_at, expires_at";
    let query = query_as::<_, SessionRow>(sql).bind(&token.0[..]).bind(now.as_millis());
    Ok(connection.row(query).await?.map(session))
}

/// `false` if the token was superseded before.
async fn supersede(
    connection: &mut Connection<'_>,
    token: TokenHash,
    successor: Successor,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "UPDATE refresh_tokens SET superseded_at = $2, salt = $3, successor = $4 \
        WHERE hash = $1 AND superseded_at IS NULL";
    let query = query(sql)
        .bind(&token.0[..])
        .bind(now.as_millis())
        .bind(&successor.salt.0[..])
        .bind(&successor.hash.0[..]);
    Ok(connection.run(query).await? == 1)
}

async fn insert_token(
    connection: &mut Connection<'_>,
    token: TokenHash,
    session: SessionId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO refresh_tokens (hash, session_id, created_at) VALUES ($1, $2, $3)";
    let query = query(sql).bind(&token.0[..]).bind(session.0).bind(now.as_millis());
    connection.run(query).await?;
    Ok(())
}

/// The time at which a token was superseded, and its salt. `None` if its successor was used.
async fn unused_successor(
    connection: &mut Connection<'_>,
    token: TokenHash,
) -> Result<Option<(Timestamp, Salt)>, StoreError> {
    let sql = "SELECT t.superseded_at, t.salt, EXISTS (SELECT 1 FROM refresh_tokens n \
        WHERE n.hash = t.successor AND n.superseded_at IS NULL) \
        FROM refresh_tokens t WHERE t.hash = $1";
    let row = connection.row(query_as::<_, TokenRow>(sql).bind(&token.0[..])).await?;
    let Some((Some(at), Some(salt), true)) = row else {
        return Ok(None);
    };
    let salt = salt.try_into().map_err(|_| damaged("refresh_tokens.salt"))?;
    Ok(Some((Timestamp::from_millis(at), Salt(salt))))
}

fn session((id, user, created_at, expires_at): SessionRow) -> Session {
    Session {
        id: SessionId(id),
        user: UserId(user),
        created_at: Timestamp::from_millis(created_at),
        expires_at: Timestamp::from_millis(expires_at),
    }
}
