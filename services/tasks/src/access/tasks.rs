//! Tasks: who may read, create and change them.

use super::audit::{self, Action, Visitor};
use super::exclusive::Exclusive;
use super::{Access, Caller, Denied, random};
use crate::jobs::{self, Job};
use crate::model::change::Draft;
use crate::model::idempotency::{BodyHash, Claim, Key};
use crate::model::listing::{Listed, Query};
use crate::model::relation::Right;
use crate::model::run::Attempt;
use crate::model::task::{Kind, Origin, Task, TaskId};
use crate::model::user::{Role, UserId};
use crate::store::{Change, Creation, StoreError};
use std::time::Duration;

/// The time limit of a search for a text.
const SEARCH_LIMIT: Duration = Duration::from_secs(1);
/// How often a change begins again because another one was faster.
const ATTEMPTS: u32 = 10;

/// A new task, as its creator wants it.
#[derive(Debug, Clone)]
pub struct NewTask {
    /// The type.
    pub kind: Kind,
    /// Everything that its owner can also change later.
    pub draft: Draft,
    /// How often a worker may run it.
    pub max_attempts: u16,
    /// The request that creates it.
    pub origin: Origin,
}

/// The work that runs now.
#[derive(Debug, Default)]
pub struct InFlight {
    creations: Exclusive<(UserId, Key)>,
    searches: Exclusive<UserId>,
}

impl Access {
    /// Whether the caller may create tasks of a type.
    pub fn may_create(
        &self,
        caller: &Caller,
        kind: &Kind,
        visitor: Visitor<'_>,
    ) -> Result<(), Denied> {
        let for_admins = Job::of(kind).is_some_and(|job| job.for_admins);
        if for_admins && caller.user.role != Role::Admin {
            return Err(forbidden(caller, visitor));
        }
        Ok(())
    }

    /// Whether this process accepts new tasks of a type.
    #[must_use]
    pub fn offers(&self, kind: &Kind) -> bool {
        Job::of(kind).is_none_or(|job| job.is_offered(self.policy.can_isolate))
    }

    /// Creates a task. A request that repeats a key gets the task of the first one.
    pub async fn create_task(
        &self,
        caller: &Caller,
        new: NewTask,
        key: Option<(Key, BodyHash)>,
    ) -> Result<Task, Denied> {
        let (now, user) = (self.now(), caller.user.id);
        let running = match &key {
            Some((key, _)) => {
                let running = self.in_flight.creations.begin(&(user, key.clone()));
                Some(running.ok_or(Denied::KeyInFlight)?)
            }
            None => None,
        };
        let mut task = Task::new(TaskId(random::id(now)?), user, new.kind, now);
        task.summary.max_attempts = new.max_attempts;
        task.origin = new.origin;
        task.apply(new.draft);
        let claim = key.map(|(key, body)| Claim { key, body, at: now });
        let created = self.store.create_task(task.clone(), claim, self.policy.bounds).await?;
        drop(running);
        match created {
            Creation::Created => {
                self.metrics.created(&task.summary.kind);
                Ok(task)
            }
            Creation::Repeated(task) => Ok(*task),
            Creation::Deleted => Err(Denied::KeyDeleted),
            Creation::OtherBody => Err(Denied::KeyOtherBody),
            Creation::NoAssignee => Err(Denied::NoAssignee),
            Creation::Exceeded(bound) => Err(Denied::Exceeded(bound)),
        }
    }

    /// A task on which the caller has a right.
    pub async fn task(
        &self,
        caller: &Caller,
        id: TaskId,
        right: Right,
        visitor: Visitor<'_>,
    ) -> Result<Task, Denied> {
        let task = self.store.task(id).await?.ok_or(Denied::NoTask)?;
        if !right.is_held(&caller.user, &task.summary) {
            return Err(forbidden(caller, visitor));
        }
        let other = task.summary.user_id != caller.user.id;
        if other && task.summary.assignee_id != Some(caller.user.id) {
            audit::line(Action::AdminActed, visitor, Some(caller.user.id), Some(caller.session));
        }
        Ok(task)
    }

    /// The runs of a task that the caller may read.
    pub async fn attempts(
        &self,
        caller: &Caller,
        id: TaskId,
        visitor: Visitor<'_>,
    ) -> Result<Vec<Attempt>, Denied> {
        self.task(caller, id, Right::Read, visitor).await?;
        Ok(self.store.work().attempts(id).await?)
    }

    /// Changes a task. `step` gets the task as it is now, and returns it as it must become. It runs again if another
    /// request changes the task at the same time.
    pub async fn change_task<E: From<Denied>>(
        &self,
        caller: &Caller,
        id: TaskId,
        right: Right,
        visitor: Visitor<'_>,
        step: impl Fn(&mut Task) -> Result<(), E>,
    ) -> Result<Task, E> {
        for _ in 0..ATTEMPTS {
            let from = self.task(caller, id, right, visitor).await?;
            let mut to = from.clone();
            step(&mut to)?;
            to.forget(jobs::volatile(&to.summary.kind));
            if to == from {
                return Ok(to);
            }
            to.summary.version += 1;
            to.summary.updated_at = self.now().max(from.summary.updated_at);
            let changed = self.store.change_task(from, to.clone(), self.policy.bounds).await;
            match changed.map_err(Denied::Store)? {
                Change::Done => return Ok(to),
                Change::Stale => {}
                Change::NoAssignee => return Err(Denied::NoAssignee.into()),
                Change::Exceeded(bound) => return Err(Denied::Exceeded(bound).into()),
            }
        }
        Err(contended().into())
    }

    /// Deletes a task. `step` gets the task as it is now.
    pub async fn delete_task<E: From<Denied>>(
        &self,
        caller: &Caller,
        id: TaskId,
        visitor: Visitor<'_>,
        step: impl Fn(&Task) -> Result<(), E>,
    ) -> Result<(), E> {
        for _ in 0..ATTEMPTS {
            let task = self.task(caller, id, Right::Delete, visitor).await?;
            step(&task)?;
            if self.store.delete_task(task).await.map_err(Denied::Store)? == Change::Done {
                return Ok(());
            }
        }
        Err(contended().into())
    }

    /// Whether the caller may list the tasks of a user. An admin gets to know that there is no such user.
    pub async fn may_list(
        &self,
        caller: &Caller,
        of: Option<UserId>,
        visitor: Visitor<'_>,
    ) -> Result<UserId, Denied> {
        if of == Some(caller.user.id) {
            return Ok(caller.user.id);
        }
        self.must_be_admin(caller, visitor)?;
        let of = of.ok_or(Denied::NoUser)?;
        if self.store.has_user(of).await? { Ok(of) } else { Err(Denied::NoUser) }
    }

    /// Whether there is a user with this id.
    pub async fn has_user(&self, id: UserId) -> Result<bool, Denied> {
        Ok(self.store.has_user(id).await?)
    }

    /// Whether the caller is an admin.
    pub fn must_be_admin(&self, caller: &Caller, visitor: Visitor<'_>) -> Result<(), Denied> {
        if caller.user.role != Role::Admin {
            return Err(forbidden(caller, visitor));
        }
        audit::line(Action::AdminActed, visitor, Some(caller.user.id), Some(caller.session));
        Ok(())
    }

    /// A part of a list that the caller may read.
    pub async fn list(&self, caller: &Caller, query: Query) -> Result<Listed, Denied> {
        let searches = query.filter.text.is_some();
        let running = if searches {
            let running = self.in_flight.searches.begin(&caller.user.id);
            Some(running.ok_or(Denied::SearchRunning)?)
        } else {
            None
        };
        let limit = searches.then_some(SEARCH_LIMIT);
        let listed = self.store.list(query, limit).await;
        drop(running);
        Ok(listed?)
    }
}

fn forbidden(caller: &Caller, visitor: Visitor<'_>) -> Denied {
    audit::line(Action::Forbidden, visitor, Some(caller.user.id), Some(caller.session));
    Denied::Forbidden
}

fn contended() -> Denied {
    Denied::Store(StoreError::Away("other requests change the same task".into()))
}
