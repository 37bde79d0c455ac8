//! Registration, sessions, and the caller's own user.

use super::Tasks;
use crate::access::audit::Visitor;
use crate::access::{Caller, Grant};
use crate::model::password::Password;
use crate::model::session::{ACCESS_LIFETIME, RefreshToken};
use crate::model::user::Username;
use chassis::answer::{no_content, serialized};
use chassis::problem::{Fault, Problem};
use chassis::validation::{fault, invalid};
use chassis::{Answer, Request};
use hyper::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt::Display;

#[derive(Deserialize)]
struct Credentials {
    username: String,
    password: String,
}

#[derive(Deserialize)]
struct Refresh {
    refresh_token: String,
}

#[derive(Deserialize)]
struct PasswordChange {
    old: String,
    new: String,
}

#[derive(Serialize)]
struct Tokens {
    access_token: String,
    refresh_token: String,
    token_type: &'static str,
    expires_in: u64,
}

impl Tasks {
    pub(super) async fn register(&self, request: &Request<'_>) -> Result<Answer, Problem> {
        let Credentials { username, password } = self.schemas.body_with(request, |body| {
            [
                rule(body, "/username", |text| Username::for_registration(text).err()),
                rule(body, "/password", |text| Password::new(text.into()).err()),
            ]
            .into_iter()
            .flatten()
            .collect()
        })?;
        let username =
            Username::for_registration(&username).map_err(|e| broken("/username", &e))?;
        let password = Password::new(password).map_err(|error| broken("/password", &error))?;
        let user = self.access.register(username, password, visitor(request)).await;
        serialized(StatusCode::CREATED, &user?)
    }

    pub(super) async fn login(&self, request: &Request<'_>) -> Result<Answer, Problem> {
        let Credentials { username, password } = self.schemas.body(request)?;
        let username = Username::parse(&username).map_err(|error| broken("/username", &error))?;
        let grant = self.access.login(&username, Password::given(password), visitor(request)).await;
        self.tokens(&grant?)
    }

    pub(super) async fn refresh(&self, request: &Request<'_>) -> Result<Answer, Problem> {
        let token = self.refresh_token(request)?;
        let grant = self.access.refresh(&token, visitor(request)).await;
        self.tokens(&grant?)
    }

    pub(super) async fn logout(&self, request: &Request<'_>) -> Result<Answer, Problem> {
        let token = self.refresh_token(request)?;
        let ended = self.access.logout(&token, visitor(request)).await;
        Ok(ended.map(|()| no_content())?)
    }

    pub(super) async fn change_password(&self, request: &Request<'_>) -> Result<Answer, Problem> {
        let PasswordChange { old, new } = self.schemas.body_with(request, |body| {
            rule(body, "/new", |text| Password::new(text.into()).err()).into_iter().collect()
        })?;
        let new = Password::new(new).map_err(|error| broken("/new", &error))?;
        let caller = caller(request)?;
        let changed =
            self.access.change_password(caller, Password::given(old), new, visitor(request)).await;
        Ok(changed.map(|()| no_content())?)
    }

    pub(super) async fn delete_me(&self, request: &Request<'_>) -> Result<Answer, Problem> {
        self.schemas.no_query(request)?;
        let deleted = self.access.delete(caller(request)?, visitor(request)).await;
        Ok(deleted.map(|()| no_content())?)
    }

    fn refresh_token(&self, request: &Request<'_>) -> Result<RefreshToken, Problem> {
        let Refresh { refresh_token } = self.schemas.body(request)?;
        let token = RefreshToken::parse(&refresh_token);
        token.ok_or_else(|| broken("/refresh_token", &"must be 64 hexadecimal digits"))
    }

    fn tokens(&self, grant: &Grant) -> Result<Answer, Problem> {
        let lifetime = ACCESS_LIFETIME.as_secs();
        let access_token = self.signer.sign_at(
            grant.issued_at.as_secs(),
            &grant.session.user.to_string(),
            &grant.session.id.to_string(),
            &grant.access_id.to_string(),
            lifetime,
        )?;
        let tokens = Tokens {
            access_token,
            refresh_token: grant.refresh.to_string(),
            token_type: "Bearer",
            expires_in: lifetime,
        };
        serialized(StatusCode::OK, &tokens)
    }
}

/// The signed-in user, as `admit` left it.
pub(super) fn caller<'a>(request: &'a Request<'_>) -> Result<&'a Caller, Problem> {
    let caller = request.extensions.get::<Caller>();
    caller.ok_or_else(|| Problem::internal("the operation has no signed-in user"))
}

pub(super) fn visitor<'a>(request: &'a Request<'_>) -> Visitor<'a> {
    Visitor { address: request.address(), request_id: request.id.as_str() }
}

/// The error of a rule that the schema cannot express, for a member that is a text.
pub(super) fn rule<E: Display>(
    body: &Value,
    pointer: &str,
    check: impl FnOnce(&str) -> Option<E>,
) -> Option<Fault> {
    let error = check(body.pointer(pointer)?.as_str()?)?;
    Some(fault(pointer, error.to_string()))
}

fn broken(pointer: &str, error: &impl Display) -> Problem {
    invalid(vec![fault(pointer, error.to_string())])
}
