//! The operations of the document over HTTP.
//!
//! The chassis routes, checks tokens and reads bodies. `admit` checks the session and the bucket of the user before the
//! body is read. An operation checks its body against the document and calls [`crate::access`].

mod docs;
mod events;
mod lists;
mod members;
mod preconditions;
mod problems;
mod tasks;
mod users;
mod work;

use self::members::Payloads;
use crate::access::Access;
use crate::background::Background;
use crate::events::Streams;
use crate::jobs::context::Tools;
use crate::model::change::Method;
use crate::results::Results;
use crate::store::Store;
use chassis::answer::{NO_STORE, serialized};
use chassis::context::{Context, Signer};
use chassis::failure::Failure;
use chassis::problem::Problem;
use chassis::service::Visit;
use chassis::validation::{Schemas, has_parameter};
use chassis::{Answer, Build, Request, Service, Worker as _};
use hyper::header::{CACHE_CONTROL, HeaderValue};
use hyper::{StatusCode, Uri};
use std::sync::Arc;

/// The tokens that a search for a text takes.
const SEARCH_COST: u64 = 5;
/// For responses to a signed-in user, except those with tokens.
const REVALIDATED: HeaderValue = HeaderValue::from_static("private, no-cache");

/// The service.
#[derive(Debug)]
pub struct Tasks {
    access: Access,
    store: Arc<dyn Store>,
    results: Results,
    streams: Arc<Streams>,
    background: Background,
    schemas: Schemas,
    payloads: Payloads,
    signer: Signer,
}

/// The operations of the service.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the document describes them")]
pub enum Operation {
    Register,
    Login,
    Refresh,
    Logout,
    ReadMe,
    DeleteMe,
    ChangePassword,
    ListTasks,
    ListTasksOfUser,
    ListAllTasks,
    CreateTask,
    ReadTask,
    ReplaceTask,
    ChangeTask,
    DeleteTask,
    UnassignTask,
    CompleteTask,
    CancelTask,
    RetryTask,
    ReadAttempts,
    ReadResult,
    FollowEvents,
    ReadQueue,
    PauseType,
    ResumeType,
    RetryFailed,
    Docs,
    DocsFile,
}

impl Tasks {
    /// The service over the store of these tools.
    #[must_use]
    pub fn new(context: &Context, tools: &Tools, access: Access, background: Background) -> Self {
        Self {
            access,
            store: Arc::clone(&tools.store),
            results: tools.results.clone(),
            streams: Streams::new(Arc::clone(&tools.store), context.clock()),
            background,
            schemas: Schemas::new(Self::DOCUMENT),
            payloads: Payloads::new(),
            signer: context.signer(),
        }
    }
}

impl Service for Tasks {
    type Operation = Operation;

    const DOCUMENT: &'static str = include_str!("../../openapi.json");
    const BUILD: Build = chassis::build!();

    fn operation(id: &str) -> Option<Operation> {
        Some(match id {
            "register" => Operation::Register,
            "login" => Operation::Login,
            "refresh" => Operation::Refresh,
            "logout" => Operation::Logout,
            "readMe" => Operation::ReadMe,
            "deleteMe" => Operation::DeleteMe,
            "changePassword" => Operation::ChangePassword,
            "listTasks" => Operation::ListTasks,
            "listTasksOfUser" => Operation::ListTasksOfUser,
            "listAllTasks" => Operation::ListAllTasks,
            "createTask" => Operation::CreateTask,
            "readTask" => Operation::ReadTask,
            "replaceTask" => Operation::ReplaceTask,
            "changeTask" => Operation::ChangeTask,
            "deleteTask" => Operation::DeleteTask,
            "unassignTask" => Operation::UnassignTask,
            "completeTask" => Operation::CompleteTask,
            "cancelTask" => Operation::CancelTask,
            "retryTask" => Operation::RetryTask,
            "readAttempts" => Operation::ReadAttempts,
            "readResult" => Operation::ReadResult,
            "followEvents" => Operation::FollowEvents,
            "readQueue" => Operation::ReadQueue,
            "pauseType" => Operation::PauseType,
            "resumeType" => Operation::ResumeType,
            "retryFailed" => Operation::RetryFailed,
            "docs" => Operation::Docs,
            "docsFile" => Operation::DocsFile,
            _ => return None,
        })
    }

    async fn prepare(&self) -> Result<(), Failure> {
        self.background.prepare().await
    }

    fn drain(&self) {
        self.background.drain();
    }

    async fn close(&self) {
        self.background.close().await;
    }

    async fn admit(&self, operation: Operation, visit: &mut Visit<'_>) -> Result<(), Problem> {
        let caller = self.access.caller(&visit.token.sub, &visit.token.sid).await?;
        self.access.take(&caller, cost(operation, visit.uri))?;
        visit.extensions.insert(caller);
        Ok(())
    }

    fn caching(operation: Operation) -> HeaderValue {
        match operation {
            Operation::Register
            | Operation::Login
            | Operation::Refresh
            | Operation::Logout
            | Operation::ChangePassword
            | Operation::Docs
            | Operation::DocsFile => NO_STORE,
            _ => REVALIDATED,
        }
    }

    async fn call(&self, operation: Operation, request: Request<'_>) -> Result<Answer, Problem> {
        match operation {
            Operation::Register => self.register(&request).await,
            Operation::Login => self.login(&request).await,
            Operation::Refresh => self.refresh(&request).await,
            Operation::Logout => self.logout(&request).await,
            Operation::ReadMe => {
                self.schemas.no_query(&request)?;
                serialized(StatusCode::OK, &users::caller(&request)?.user).map(revalidated)
            }
            Operation::DeleteMe => self.delete_me(&request).await.map(revalidated),
            Operation::ChangePassword => self.change_password(&request).await,
            Operation::ListTasks => self.list_tasks(&request).await,
            Operation::ListTasksOfUser => self.list_tasks_of_user(&request).await,
            Operation::ListAllTasks => self.list_all_tasks(&request).await,
            Operation::CreateTask => self.create_task(&request).await,
            Operation::ReadTask => self.read_task(&request).await,
            Operation::ReplaceTask => self.edit_task(&request, Method::Put).await,
            Operation::ChangeTask => self.edit_task(&request, Method::Patch).await,
            Operation::DeleteTask => self.delete_task(&request).await,
            Operation::UnassignTask => self.unassign_task(&request).await,
            Operation::CompleteTask => self.complete_task(&request).await,
            Operation::CancelTask => self.cancel_task(&request).await,
            Operation::RetryTask => self.retry_task(&request).await,
            Operation::ReadAttempts => self.read_attempts(&request).await,
            Operation::ReadResult => self.read_result(&request).await,
            Operation::FollowEvents => self.follow_events(&request).await,
            Operation::ReadQueue => self.read_queue(&request).await,
            Operation::PauseType => self.pause_type(&request, true).await,
            Operation::ResumeType => self.pause_type(&request, false).await,
            Operation::RetryFailed => self.retry_failed(&request).await,
            Operation::Docs => Ok(docs::page()),
            Operation::DocsFile => docs::file(&request),
        }
    }
}

/// The tokens that a request takes from the bucket of its user.
fn cost(operation: Operation, uri: &Uri) -> u64 {
    let lists = matches!(
        operation,
        Operation::ListTasks | Operation::ListTasksOfUser | Operation::ListAllTasks
    );
    let searches = lists && uri.query().is_some_and(|query| has_parameter(query, "q"));
    if searches { SEARCH_COST } else { 1 }
}

fn revalidated(mut answer: Answer) -> Answer {
    answer.headers_mut().insert(CACHE_CONTROL, REVALIDATED);
    answer
}
