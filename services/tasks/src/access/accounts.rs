//! Accounts: registration, password change, deletion.

use super::audit::{self, Action, Visitor};
use super::limits::counted;
use super::{Access, Caller, Denied, Registration, random};
use crate::model::password::Password;
use crate::model::user::{Role, User, UserId, Username};
use crate::store::NewUser;

impl Access {
    /// Registers a stranger. It hashes the password before it knows whether the name is taken, so that the time does not
    /// tell.
    pub async fn register(
        &self,
        username: Username,
        password: Password,
        visitor: Visitor<'_>,
    ) -> Result<User, Denied> {
        if self.policy.registration == Registration::Closed {
            return Err(Denied::RegistrationClosed);
        }
        let (now, address) = (self.now(), counted(visitor.address));
        self.registrations.begin(address, now).map_err(Denied::TooManyRegistrations)?;
        let not_made = |_: &Denied| self.registrations.not_made(address, now);
        let password = self.passwords.hash(password).await.inspect_err(not_made)?;
        let id = UserId(random::id(now)?);
        let user = User { id, username, role: Role::User, created_at: now };
        let created = self.store.create_user(NewUser { user: user.clone(), password }).await;
        if !created.map_err(Denied::Store).inspect_err(not_made)? {
            return Err(Denied::NameTaken);
        }
        audit::line(Action::Registered, visitor, Some(id), None);
        Ok(user)
    }

    /// Changes the password of the caller and ends all other sessions. A wrong current password is a failed login.
    pub async fn change_password(
        &self,
        caller: &Caller,
        old: Password,
        new: Password,
        visitor: Visitor<'_>,
    ) -> Result<(), Denied> {
        let Caller { user, session } = caller;
        let log = |action| audit::line(action, visitor, Some(user.id), Some(*session));
        let address = counted(visitor.address);
        let limited = self.failed_logins.begin(&user.username, address, self.now());
        let attempt = limited.map_err(|wait| {
            log(Action::LoginLimited);
            Denied::TooManyFailedLogins(wait)
        })?;
        let not_made = |_: &Denied| self.failed_logins.not_made(&attempt);
        let current =
            self.store.password_of(user.id).await.map_err(Denied::Store).inspect_err(not_made)?;
        let correct = self.passwords.verify(current.clone(), old).await.inspect_err(not_made)?;
        let refused = || {
            log(Action::PasswordRefused);
            Denied::WrongPassword
        };
        let current = current.filter(|_| correct).ok_or_else(refused)?;
        self.failed_logins.succeeded(&attempt);
        let new = self.passwords.hash(new).await?;
        // Another request can have changed the password in the meantime, so that `old` is no longer the password.
        if !self.store.change_password(user.id, *session, current, new).await? {
            return Err(refused());
        }
        log(Action::PasswordChanged);
        Ok(())
    }

    /// Deletes the caller with all data and all sessions.
    pub async fn delete(&self, caller: &Caller, visitor: Visitor<'_>) -> Result<(), Denied> {
        if self.store.delete_user(caller.user.id, self.now()).await? {
            audit::line(Action::UserDeleted, visitor, Some(caller.user.id), Some(caller.session));
        }
        Ok(())
    }
}
