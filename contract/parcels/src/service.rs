//! Parcels and their owners, in memory.
//!
//! With the note of a weight, a test makes an operation misbehave: `slow` never answers, `panic` panics.

use bytes::Bytes;
use chassis::answer::{NO_STORE, events, json, no_content, serialized};
use chassis::context::{Context, Signer};
use chassis::problem::{ErrorStatus, Problem};
use chassis::{Answer, Build, Request, Service};
use futures_util::{Stream, StreamExt, stream};
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::HashSet;
use std::future::pending;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// How long a token is valid, in seconds.
const LIFETIME: u64 = 3600;

/// The service, with all parcels.
#[derive(Debug)]
pub struct Parcels {
    state: Mutex<State>,
    signer: Signer,
}

#[derive(Debug, Default)]
struct State {
    /// The number of parcels so far, which is also the number of the latest one.
    count: u64,
    parcels: Vec<Parcel>,
    /// The owners with an account. An owner needs one only to delete it.
    accounts: HashSet<String>,
}

#[derive(Debug, Serialize)]
struct Parcel {
    id: String,
    grams: u32,
    #[serde(skip)]
    owner: String,
    /// Notifies the followers when the parcel is dropped.
    #[serde(skip)]
    presence: watch::Sender<()>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Weight {
    grams: u32,
    #[serde(rename = "x-note")]
    note: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Owner {
    owner: String,
}

/// The operations of the service.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the document describes them")]
pub enum Operation {
    Quote,
    Issue,
    Whose,
    List,
    Create,
    Latest,
    Read,
    Delete,
    Follow,
    CreateAccount,
    DeleteAccount,
    Help,
}

impl Service for Parcels {
    type Operation = Operation;

    const DOCUMENT: &'static str = include_str!("../openapi.json");
    const BUILD: Build = chassis::build!();

    fn operation(id: &str) -> Option<Operation> {
        Some(match id {
            "quote" => Operation::Quote,
            "issueToken" => Operation::Issue,
            "readToken" => Operation::Whose,
            "listParcels" => Operation::List,
            "createParcel" => Operation::Create,
            "latestParcel" => Operation::Latest,
            "readParcel" => Operation::Read,
            "deleteParcel" => Operation::Delete,
            "followParcel" => Operation::Follow,
            "createAccount" => Operation::CreateAccount,
            "deleteAccount" => Operation::DeleteAccount,
            "readHelp" => Operation::Help,
            _ => return None,
        })
    }

    async fn call(&self, operation: Operation, request: Request<'_>) -> Result<Answer, Problem> {
        let owner = request.token.as_ref().map_or("", |claims| &claims.sub);
        let id = request.parameter("id").unwrap_or_default();
        match operation {
            Operation::Quote => {
                let cents = 450 + weight(&request).await? * 45 / 250;
                serialized(StatusCode::OK, &json!({ "cents": cents }))
            }
            Operation::Issue => {
                let Owner { owner } = request.object()?;
                let token = self.signer.sign(&owner, "session", "token", LIFETIME)?;
                serialized(StatusCode::CREATED, &json!({ "token": token }))
            }
            Operation::Whose => serialized(StatusCode::OK, &json!({ "owner": owner })),
            Operation::List => {
                let state = self.state();
                let own = state.parcels.iter().filter(|parcel| parcel.owner == owner);
                serialized(StatusCode::OK, &own.collect::<Vec<_>>())
            }
            Operation::Create => {
                let grams = weight(&request).await?;
                let mut state = self.state();
                let parcel = state.add(owner, grams);
                let mut created = serialized(StatusCode::CREATED, parcel)?;
                let path = HeaderValue::try_from(format!("/parcels/{}", parcel.id));
                created.headers_mut().insert(LOCATION, path.expect("an id is visible ASCII"));
                Ok(created)
            }
            Operation::Latest => {
                let state = self.state();
                let latest = state.parcels.iter().rfind(|parcel| parcel.owner == owner);
                serialized(StatusCode::OK, latest.ok_or_else(|| no_parcel("mine"))?)
            }
            Operation::Read => {
                let state = self.state();
                serialized(StatusCode::OK, &state.parcels[state.find(owner, id)?])
            }
            Operation::Follow => {
                let state = self.state();
                Ok(events(state.parcels[state.find(owner, id)?].follow()))
            }
            Operation::Delete => {
                let mut state = self.state();
                let at = state.find(owner, id)?;
                if request.header("If-Match")?.is_some_and(|tag| tag != state.parcels[at].tag()) {
                    return Err(Problem::plain(
                        ErrorStatus::PRECONDITION_FAILED,
                        "The parcel has another weight.",
                    ));
                }
                state.parcels.remove(at);
                Ok(no_content())
            }
            Operation::CreateAccount => {
                let Owner { owner } = request.object()?;
                if !self.state().accounts.insert(owner.clone()) {
                    let detail = "There is an account with this owner.";
                    let conflict = ErrorStatus::CONFLICT;
                    return Err(Problem::own(conflict, "owner-taken", "Owner taken", detail));
                }
                serialized(StatusCode::CREATED, &json!({ "owner": owner }))
            }
            Operation::DeleteAccount => {
                self.state().delete_account(owner)?;
                Ok(no_content())
            }
            Operation::Help => help(request.parameter("file").unwrap_or_default()),
        }
    }
}

impl Parcels {
    /// The service that issues tokens with the keys that the chassis accepts.
    #[must_use]
    pub fn new(context: &Context) -> Self {
        Self { state: Mutex::default(), signer: context.signer() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn add(&mut self, owner: &str, grams: u32) -> &Parcel {
        self.count += 1;
        self.parcels.push(Parcel {
            id: format!("p{}", self.count),
            grams,
            owner: owner.into(),
            presence: watch::Sender::default(),
        });
        &self.parcels[self.parcels.len() - 1]
    }

    fn delete_account(&mut self, owner: &str) -> Result<(), Problem> {
        if !self.accounts.remove(owner) {
            let detail = "You have no account.";
            let status = ErrorStatus::NOT_FOUND;
            return Err(Problem::own(status, "no-such-account", "No such account", detail));
        }
        self.parcels.retain(|parcel| parcel.owner != owner);
        Ok(())
    }

    /// The index of a parcel. A parcel of another owner is not found.
    fn find(&self, owner: &str, id: &str) -> Result<usize, Problem> {
        let found = self.parcels.iter().position(|parcel| parcel.id == id && parcel.owner == owner);
        found.ok_or_else(|| no_parcel(id))
    }
}

impl Parcel {
    /// The entity tag. It contains the weight.
    fn tag(&self) -> String {
        format!("\"{}\"", self.grams)
    }

    /// One event with the parcel immediately, and a last one when it is taken back.
    fn follow(&self) -> impl Stream<Item = Bytes> + Send + 'static {
        let here = format!("data: {}\n\n", json!(self));
        let gone = format!("event: gone\ndata: {}\n\n", self.id);
        let mut presence = self.presence.subscribe();
        stream::iter([here.into()]).chain(stream::once(async move {
            while presence.changed().await.is_ok() {}
            gone.into()
        }))
    }
}

async fn weight(request: &Request<'_>) -> Result<u32, Problem> {
    let weight: Weight = request.object()?;
    match weight.note.as_deref() {
        Some("slow") => pending().await,
        Some("panic") => panic!("expected panic of a test"),
        _ => {}
    }
    if (1..=31_500).contains(&weight.grams) {
        Ok(weight.grams)
    } else {
        Err(Problem::invalid_body("A parcel weighs 1 to 31500 grams."))
    }
}

fn help(file: &str) -> Result<Answer, Problem> {
    if file != "parcels.html" {
        let detail = format!("There is no file `{file}`.");
        return Err(Problem::own(ErrorStatus::NOT_FOUND, "no-such-file", "No such file", detail));
    }
    let page = "<!doctype html>\n<html lang=\"en\"><title>Parcels</title><p>A parcel has an owner.</html>\n";
    let mut answer = json(StatusCode::OK, NO_STORE, page);
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, html);
    Ok(answer)
}

fn no_parcel(id: &str) -> Problem {
    let detail = format!("There is no parcel `{id}` of yours.");
    Problem::own(ErrorStatus::NOT_FOUND, "no-such-parcel", "No such parcel", detail)
}
