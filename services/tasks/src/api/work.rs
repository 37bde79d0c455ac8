//! The runs of a job, its result, and the queue.

use super::tasks::task_id;
use super::users::{caller, visitor};
use super::{Tasks, revalidated};
use crate::access::Denied;
use crate::jobs;
use crate::model::relation::Right;
use crate::model::run::Attempt;
use crate::model::task::{Kind, TaskId};
use crate::results::Download;
use chassis::answer::{Body, serialized};
use chassis::problem::Problem;
use chassis::{Answer, Request};
use futures_util::StreamExt;
use hyper::header::{
    CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};
use serde::Serialize;
use std::future::ready;

const SANDBOX: HeaderValue = HeaderValue::from_static("sandbox");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");

#[derive(Serialize)]
struct Attempts {
    data: Vec<Attempt>,
}

#[derive(Serialize)]
struct Paused<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    paused: bool,
}

#[derive(Serialize)]
struct Retried<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    retried: u64,
}

impl Tasks {
    pub(super) async fn read_attempts(&self, request: &Request<'_>) -> Result<Answer, Problem> {
        let (caller, id) = (caller(request)?, task_id(request)?);
        let data = self.access.attempts(caller, id, visitor(request)).await?;
        self.schemas.no_query(request)?;
        serialized(StatusCode::OK, &Attempts { data }).map(revalidated)
    }

    pub(super) async fn read_result(&self, request: &Request<'_>) -> Result<Answer, Problem> {
        let (caller, id) = (caller(request)?, task_id(request)?);
        let task = self.access.task(caller, id, Right::Read, visitor(request)).await?;
        self.schemas.no_query(request)?;
        let file = task.runs.result.ok_or(Denied::NoResult)?;
        let file = self.results.open(&file).await.map_err(Denied::Storage)?;
        download(id, file.ok_or(Denied::NoResult)?).map(revalidated)
    }

    pub(super) async fn read_queue(&self, request: &Request<'_>) -> Result<Answer, Problem> {
        self.access.must_be_admin(caller(request)?, visitor(request))?;
        self.schemas.no_query(request)?;
        let queue = self.store.work().queue().await.map_err(Denied::Store)?;
        serialized(StatusCode::OK, &queue).map(revalidated)
    }

    pub(super) async fn pause_type(
        &self,
        request: &Request<'_>,
        paused: bool,
    ) -> Result<Answer, Problem> {
        let kind = self.of_queue(request)?;
        self.store.work().pause(kind.clone(), paused).await.map_err(Denied::Store)?;
        serialized(StatusCode::OK, &Paused { kind: kind.as_str(), paused }).map(revalidated)
    }

    /// In small parts, so that other requests do not wait. A caller whose request ends early sends it again.
    pub(super) async fn retry_failed(&self, request: &Request<'_>) -> Result<Answer, Problem> {
        let kind = self.of_queue(request)?;
        let mut retried = 0;
        loop {
            let work = self.store.work();
            let part = work.retry_failed(kind.clone(), jobs::volatile(&kind)).await;
            match part.map_err(Denied::Store)? {
                0 => break,
                part => retried += part,
            }
        }
        serialized(StatusCode::OK, &Retried { kind: kind.as_str(), retried }).map(revalidated)
    }

    /// The type in the path, for an admin. An unknown one is not found, and neither is that of the tasks of persons.
    fn of_queue(&self, request: &Request<'_>) -> Result<Kind, Problem> {
        self.access.must_be_admin(caller(request)?, visitor(request))?;
        let kind = request.parameter("type").and_then(jobs::kind).filter(Kind::is_job);
        let kind = kind.ok_or(Denied::NoType)?;
        self.schemas.no_query(request)?;
        Ok(kind)
    }
}

/// A file that a browser saves and never runs.
fn download(id: TaskId, file: Download) -> Result<Answer, Problem> {
    let value = |text: String| {
        HeaderValue::try_from(text).map_err(|error| Problem::internal(error.to_string()))
    };
    // A failure ends the stream early. The length tells the caller.
    let good = file.pieces.take_while(|piece| ready(piece.is_ok()));
    let pieces = good.filter_map(|piece| ready(piece.ok()));
    let mut answer = Response::new(Body::sized_stream(file.bytes, pieces));
    let name = format!("attachment; filename=\"{id}.{}\"", file.extension);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, value(file.media_type)?);
    headers.insert(CONTENT_DISPOSITION, value(name)?);
    headers.insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    headers.insert(CONTENT_SECURITY_POLICY, SANDBOX);
    Ok(answer)
}
