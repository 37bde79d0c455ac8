//! Tasks: create, read, change, end.

use super::members::{Created, Members, faults};
use super::preconditions::{check_match, etag, is_known};
use super::problems::no_assignee;
use super::users::{caller, visitor};
use super::{REVALIDATED, Tasks, revalidated};
use crate::access::Denied;
use crate::access::tasks::NewTask;
use crate::jobs;
use crate::model::change::{self, Method};
use crate::model::idempotency::{BodyHash, Key};
use crate::model::relation::Right;
use crate::model::state::Conflict;
use crate::model::task::{Kind, Origin, Summary, Task, TaskId};
use crate::model::timestamp::Timestamp;
use crate::model::user::UserId;
use chassis::answer::{no_content, serialized};
use chassis::problem::{ErrorStatus, Fault, Problem};
use chassis::validation::{Schemas, fault};
use chassis::{Answer, Request};
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, ETAG, HeaderValue, LOCATION};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use uuid::Uuid;

impl Tasks {
    pub(super) async fn create_task(&self, request: &Request<'_>) -> Result<Answer, Problem> {
        let body = Schemas::json(request)?;
        let kind = body
            .value
            .get("type")
            .map_or(Some(Kind::MANUAL), |kind| kind.as_str().and_then(jobs::kind));
        let caller = caller(request)?;
        if let Some(kind) = &kind {
            self.access.may_create(caller, kind, visitor(request))?;
        }
        let key = key(request)?.map(|key| (key, BodyHash::of(&body.value)));
        let not_offered = kind
            .as_ref()
            .filter(|kind| !self.access.offers(kind))
            .map(|_| fault("/type", "is not offered: this machine cannot isolate its work"));
        let check = |unknown: Option<Fault>| {
            let more = not_offered.clone().into_iter().chain(unknown);
            let rules = &self.access.policy().rules;
            let faults =
                |it: &Value| faults(kind.as_ref(), it, rules).into_iter().chain(more).collect();
            self.schemas.check(request, &body, faults)
        };
        let created = match check(None) {
            Err(_) => check(self.unknown_assignee(&body.value).await?),
            created => created,
        };
        let Created { kind, max_attempts, members } = created?;
        let draft = members.draft();
        let new = NewTask { kind, draft, max_attempts, origin: origin(request) };
        let task = self.access.create_task(caller, new, key).await?;
        let mut answer = shown(StatusCode::CREATED, &task)?;
        let place = HeaderValue::try_from(format!("/api/v1/tasks/{}", task.summary.id));
        answer.headers_mut().insert(LOCATION, place.expect("an id is visible ASCII"));
        Ok(answer)
    }

    pub(super) async fn read_task(&self, request: &Request<'_>) -> Result<Answer, Problem> {
        let id = task_id(request)?;
        let task = self.access.task(caller(request)?, id, Right::Read, visitor(request)).await?;
        if !is_known(request, &task)? {
            self.schemas.no_query(request)?;
            return shown(StatusCode::OK, &task);
        }
        let mut answer = no_content();
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        answer.headers_mut().insert(CACHE_CONTROL, REVALIDATED);
        tag(&mut answer, &task.summary);
        Ok(answer)
    }

    pub(super) async fn edit_task(
        &self,
        request: &Request<'_>,
        method: Method,
    ) -> Result<Answer, Problem> {
        let body = &Schemas::json(request)?;
        let (caller, id) = (caller(request)?, task_id(request)?);
        let edit = |unknown: Option<Fault>| {
            let step = move |task: &mut Task| {
                check_match(request, task)?;
                let target = change::target(task, &body.value, method);
                change::check(task, &body.value, &target).map_err(Denied::Conflict)?;
                let (kind, target) = (&task.summary.kind, Value::Object(target));
                let rules = &self.access.policy().rules;
                let faults = self.payloads.faults(kind, &target, rules).into_iter();
                let faults = |_: &Value| faults.chain(unknown.clone()).collect();
                let _: IgnoredAny = self.schemas.check(request, body, faults)?;
                let members = Members::deserialize(&target);
                task.apply(members.map_err(|error| Problem::internal(error.to_string()))?.draft());
                Ok::<_, Problem>(())
            };
            self.access.change_task(caller, id, Right::Edit, visitor(request), step)
        };
        let changed = match edit(None).await {
            Err(problem) if problem.status() == StatusCode::UNPROCESSABLE_ENTITY => {
                edit(self.unknown_assignee(&body.value).await?).await
            }
            changed => changed,
        };
        shown(StatusCode::OK, &changed?)
    }

    /// The error of an `assignee_id` that no user has. The store also refuses it, but only in a request without other
    /// errors.
    async fn unknown_assignee(&self, members: &Value) -> Result<Option<Fault>, Problem> {
        let Some(assignee) = members["assignee_id"].as_str().and_then(id) else { return Ok(None) };
        let is_known = self.access.has_user(UserId(assignee)).await?;
        Ok((!is_known).then(no_assignee))
    }

    pub(super) async fn delete_task(&self, request: &Request<'_>) -> Result<Answer, Problem> {
        let (caller, id) = (caller(request)?, task_id(request)?);
        let deleted = self.access.delete_task(caller, id, visitor(request), |task| {
            check_match(request, task)?;
            task.summary.delete().map_err(Denied::Conflict)?;
            self.schemas.no_query(request)
        });
        deleted.await?;
        Ok(revalidated(no_content()))
    }

    pub(super) async fn unassign_task(&self, request: &Request<'_>) -> Result<Answer, Problem> {
        self.step(request, Right::Unassign, |task, _| {
            task.summary.assignee_id = None;
            Ok(())
        })
        .await?;
        Ok(revalidated(no_content()))
    }

    pub(super) async fn complete_task(&self, request: &Request<'_>) -> Result<Answer, Problem> {
        let task =
            self.step(request, Right::Complete, |task, now| task.summary.complete(now)).await?;
        shown(StatusCode::OK, &task)
    }

    pub(super) async fn cancel_task(&self, request: &Request<'_>) -> Result<Answer, Problem> {
        let task = self.step(request, Right::Cancel, |task, now| task.summary.cancel(now)).await?;
        shown(StatusCode::OK, &task)
    }

    pub(super) async fn retry_task(&self, request: &Request<'_>) -> Result<Answer, Problem> {
        let task = self
            .step(request, Right::Retry, |task, _| task.retry(jobs::volatile(&task.summary.kind)))
            .await?;
        shown(StatusCode::OK, &task)
    }

    /// A change without a body.
    async fn step(
        &self,
        request: &Request<'_>,
        right: Right,
        step: impl Fn(&mut Task, Timestamp) -> Result<(), Conflict> + Send + Sync,
    ) -> Result<Task, Problem> {
        let (caller, id) = (caller(request)?, task_id(request)?);
        let now = self.access.now();
        self.access
            .change_task(caller, id, right, visitor(request), |task| {
                check_match(request, task)?;
                step(task, now).map_err(Denied::Conflict)?;
                self.schemas.no_query(request)
            })
            .await
    }
}

/// The id in the path. A text that is no id is unknown.
pub(super) fn task_id(request: &Request<'_>) -> Result<TaskId, Problem> {
    let id = request.parameter("id").and_then(id);
    Ok(TaskId(id.ok_or(Denied::NoTask)?))
}

/// The usual form of a UUID, and no other.
pub(super) fn id(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok().filter(|_| text.len() == uuid::fmt::Hyphenated::LENGTH)
}

fn origin(request: &Request<'_>) -> Origin {
    let traces = request.origin();
    Origin {
        request_id: Some(request.id.as_str().to_owned()),
        amzn_trace_id: traces.amzn_trace_id.map(str::to_owned),
        traceparent: traces.traceparent.map(str::to_owned),
    }
}

fn key(request: &Request<'_>) -> Result<Option<Key>, Problem> {
    let Some(text) = request.header("Idempotency-Key")? else {
        return Ok(None);
    };
    let detail = "The header Idempotency-Key must have 1 to 128 visible ASCII characters.";
    let key = Key::parse(text).ok_or_else(|| Problem::plain(ErrorStatus::BAD_REQUEST, detail));
    key.map(Some)
}

fn shown(status: StatusCode, task: &Task) -> Result<Answer, Problem> {
    let mut answer = revalidated(serialized(status, task)?);
    tag(&mut answer, &task.summary);
    Ok(answer)
}

fn tag(answer: &mut Answer, task: &Summary) {
    let tag = HeaderValue::try_from(etag(task)).expect("a number is visible ASCII");
    answer.headers_mut().insert(ETAG, tag);
}
