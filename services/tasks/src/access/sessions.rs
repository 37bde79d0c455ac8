//! Sessions: login, refresh, logout, and the check of every request.

use super::audit::{self, Action, Visitor};
use super::limits::counted;
use super::{Access, Caller, Denied, Grant, random};
use crate::model::password::Password;
use crate::model::session::{
    REPLAY_WINDOW, RefreshToken, SESSION_LIFETIME, Salt, Session, SessionId,
};
use crate::model::user::{UserId, Username};
use crate::store::{Rotation, Successor};
use uuid::Uuid;

impl Access {
    /// Begins a session. An unknown name does the same work as a wrong password.
    pub async fn login(
        &self,
        username: &Username,
        password: Password,
        visitor: Visitor<'_>,
    ) -> Result<Grant, Denied> {
        let now = self.now();
        let limited = self.failed_logins.begin(username, counted(visitor.address), now);
        let attempt = limited.map_err(|wait| {
            audit::line(Action::LoginLimited, visitor, None, None);
            Denied::TooManyFailedLogins(wait)
        })?;
        let not_made = |_: &Denied| self.failed_logins.not_made(&attempt);
        let found =
            self.store.user_named(username).await.map_err(Denied::Store).inspect_err(not_made)?;
        let (user, hash) = found.unzip();
        let correct = self.passwords.verify(hash.clone(), password).await.inspect_err(not_made)?;
        let refused = || {
            audit::line(Action::LoginRefused, visitor, user.as_ref().map(|user| user.id), None);
            Denied::WrongCredentials
        };
        let Some((user, hash)) = user.as_ref().zip(hash).filter(|_| correct) else {
            return Err(refused());
        };
        let grant = Grant {
            session: Session {
                id: SessionId(random::id(now)?),
                user: user.id,
                created_at: now,
                expires_at: now.after(SESSION_LIFETIME),
            },
            refresh: RefreshToken::from_random(random::bytes()?),
            access_id: random::id(now)?,
            issued_at: now,
        };
        // The password can have changed while it was compared.
        let opened = self.store.open_session(grant.session, grant.refresh.hash(), hash).await;
        if !opened.map_err(Denied::Store).inspect_err(not_made)? {
            return Err(refused());
        }
        self.failed_logins.succeeded(&attempt);
        audit::line(Action::LoggedIn, visitor, Some(user.id), Some(grant.session.id));
        Ok(grant)
    }

    /// Supersedes a refresh token. The same token within the replay window gets the same pair again.
    pub async fn refresh(
        &self,
        token: &RefreshToken,
        visitor: Visitor<'_>,
    ) -> Result<Grant, Denied> {
        let now = self.now();
        let salt = Salt(random::bytes()?);
        let successor = Successor { salt, hash: token.successor(salt).0.hash() };
        let rotation = self.store.rotate(token.hash(), successor, now, REPLAY_WINDOW).await?;
        let (session, issued_at, salt) = match rotation {
            Rotation::Rotated(session) => (session, now, salt),
            Rotation::Replayed(session, at, salt) => (session, at, salt),
            Rotation::Reused(session) => {
                audit::line(Action::TokenReused, visitor, Some(session.user), Some(session.id));
                return Err(Denied::NoSession);
            }
            Rotation::Unknown => return Err(Denied::NoSession),
        };
        let (refresh, access_id) = token.successor(salt);
        Ok(Grant { session, refresh, access_id, issued_at })
    }

    /// Ends the session of a refresh token. An unknown token has no session to end.
    pub async fn logout(&self, token: &RefreshToken, visitor: Visitor<'_>) -> Result<(), Denied> {
        if let Some(session) = self.store.end_session(token.hash()).await? {
            audit::line(Action::LoggedOut, visitor, Some(session.user), Some(session.id));
        }
        Ok(())
    }

    /// The user of a valid access token. It reads the session and the role from the store, so that a logout, a password
    /// change and a deletion take effect at once.
    pub async fn caller(&self, sub: &str, sid: &str) -> Result<Caller, Denied> {
        let ids = Uuid::parse_str(sub).ok().zip(Uuid::parse_str(sid).ok());
        let (user, session) = ids.ok_or(Denied::NoSession)?;
        let (user, session) = (UserId(user), SessionId(session));
        let user = self.store.session_user(session, user, self.now()).await?;
        Ok(Caller { user: user.ok_or(Denied::NoSession)?, session })
    }

    /// Takes tokens from the bucket of a user.
    pub fn take(&self, caller: &Caller, cost: u64) -> Result<(), Denied> {
        self.buckets
            .take(caller.user.id, cost, self.now())
            .map_err(|wait| Denied::BucketEmpty(self.policy.bucket, wait))
    }
}
