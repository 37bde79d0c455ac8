//! Provokes the chassis's own answers for each operation of a service's document.

use super::{KEY, Reply, document, open, ready, starting, token};
use crate::app::App;
use crate::context::Context;
use crate::document::{Access, Method, Operation, Segment};
use crate::service::Service;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::Request;
use hyper::body::Frame;
use std::convert::Infallible;

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// A response and its request.
#[derive(Debug)]
pub struct Answered {
    /// The path in the document.
    pub path: String,
    /// The method that was sent.
    pub method: String,
    /// The response.
    pub reply: Reply,
}

impl Answered {
    /// A response of the service itself.
    #[must_use]
    pub fn new(path: &str, method: &str, reply: Reply) -> Self {
        Self { path: path.into(), method: method.into(), reply }
    }
}

/// One response for each way in which the chassis serves or refuses a request, for every operation of the document.
/// The clock must be paused, because one of the bodies never ends.
pub async fn answers<S: Service>(make: impl Fn(&Context) -> S) -> Vec<Answered> {
    let name = document::<S>().service.name;
    answers_as(make, async || token(&name, "tests")).await
}

/// Like [`answers`], for a service that does not accept every valid token. `authorization` is called for each operation
/// and returns the value of `Authorization`.
pub async fn answers_as<S: Service>(
    make: impl Fn(&Context) -> S,
    authorization: impl AsyncFn() -> String,
) -> Vec<Answered> {
    let apps = [starting(&make), ready(&make), open(&make)];
    apps[2].drain();
    let mut answers = Vec::new();
    let document = document::<S>();
    let mut paths = document.paths();
    // The probes first: bodies that never end make the paused clock run ahead, and a service is not ready for long
    // without its preparation.
    paths.sort_by_key(|(_, operations)| operations.iter().all(|one| one.probe.is_none()));
    for (template, operations) in paths {
        let path = template.to_string();
        for operation in &operations {
            let authorization = match operation.access {
                Access::Bearer => authorization().await,
                Access::ApiKey | Access::Open => String::new(),
            };
            for (method, reply) in of_operation(&apps, operation, &authorization).await {
                answers.push(Answered { path: path.clone(), method, reply });
            }
        }
        let methods: Vec<_> = operations.iter().map(|operation| operation.method).collect();
        for method in undeclared(&methods) {
            let request = Call { method, ..Call::new(operations[0], "") }.request();
            let reply = super::call(&apps[1], request).await;
            answers.push(Answered::new(&path, method, reply));
        }
    }
    answers
}

fn undeclared(declared: &[Method]) -> Vec<&'static str> {
    let answered = |method: &Method| {
        declared.contains(method) || *method == Method::Head && declared.contains(&Method::Get)
    };
    let others = Method::ALL.into_iter().filter(|method| !answered(method));
    others.map(Method::as_str).chain(["OPTIONS"]).collect()
}

async fn of_operation<S: Service>(
    apps: &[App<S>; 3],
    operation: &Operation,
    authorization: &str,
) -> Vec<(String, Reply)> {
    let [starting, ready, draining] = apps;
    let call = || Call::new(operation, authorization);
    let mut requests = vec![(ready, call()), (starting, call())];
    if operation.probe.is_some() {
        requests.push((draining, call()));
    }
    if operation.method == Method::Get {
        for app in apps {
            requests.push((app, Call { method: "HEAD", ..call() }));
        }
    }
    if operation.access != Access::Open {
        requests.push((ready, Call { credentials: None, ..call() }));
    }
    if let Some(header) = operation.headers.first() {
        requests.push((ready, Call { twice: Some(header), ..call() }));
    }
    let max = usize::try_from(operation.max_body.unwrap_or(0)).expect("a body fits in memory");
    let too_large = Full::from(vec![b' '; max + 1]).boxed_unsync();
    if !operation.media_types.is_empty() {
        requests.push((ready, Call { media_type: None, ..call() }));
        let panics: fn(Frame<Bytes>) -> Frame<Bytes> = |_| panic!("expected panic of a test");
        let never = StreamBody::new(stream::pending::<Result<_, Infallible>>());
        for body in
            [too_large, Full::from("{}").map_frame(panics).boxed_unsync(), never.boxed_unsync()]
        {
            requests.push((ready, Call { body, ..call() }));
        }
    } else if !matches!(operation.method, Method::Get | Method::Head) {
        requests.push((ready, Call { body: too_large, ..call() }));
    }
    let mut replies = Vec::new();
    for (app, call) in requests {
        let method = call.method.to_owned();
        replies.push((method, super::call(app, call.request()).await));
    }
    replies
}

/// A request that the service accepts, except for the values of path parameters, which are invented.
struct Call<'a> {
    method: &'a str,
    path: String,
    credentials: Option<(&'static str, &'a str)>,
    media_type: Option<&'a str>,
    twice: Option<&'a str>,
    body: Body,
}

impl<'a> Call<'a> {
    fn new(operation: &'a Operation, authorization: &'a str) -> Self {
        let segments = operation.path.segments().iter().map(|segment| match segment {
            Segment::Static(text) => format!("/{text}"),
            Segment::Parameter(_) => "/x1".into(),
        });
        let path: String = segments.collect();
        let body = operation.examples.first().map(|example| example.value.to_string());
        Self {
            method: operation.method.as_str(),
            path: if path.is_empty() { "/".into() } else { path },
            credentials: match operation.access {
                Access::Open => None,
                Access::ApiKey => Some(("x-api-key", KEY)),
                Access::Bearer => Some(("authorization", authorization)),
            },
            media_type: operation.media_types.first().map(String::as_str),
            twice: None,
            body: Full::from(body.unwrap_or_default()).boxed_unsync(),
        }
    }

    fn request(self) -> Request<Body> {
        let mut request = Request::builder().method(self.method).uri(self.path);
        if let Some((name, value)) = self.credentials {
            request = request.header(name, value);
        }
        if let Some(media_type) = self.media_type {
            request = request.header("content-type", media_type);
        }
        if let Some(name) = self.twice {
            request = request.header(name, "1").header(name, "2");
        }
        request.body(self.body).unwrap()
    }
}
