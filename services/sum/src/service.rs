//! `POST /sum` as a service of the platform.

use crate::sum::{SumError, sum};
use chassis::answer::{NO_STORE, json};
use chassis::problem::{ErrorStatus, Problem};
use chassis::{Answer, Build, Request, Service};
use hyper::StatusCode;

/// The service. It has no state.
#[derive(Debug)]
pub struct Sum;

/// Its operations.
#[derive(Debug, Clone, Copy)]
pub enum Operation {
    /// `sum`
    Sum,
}

impl Service for Sum {
    type Operation = Operation;

    const DOCUMENT: &'static str = include_str!("../openapi.json");
    const BUILD: Build = chassis::build!();

    fn operation(id: &str) -> Option<Operation> {
        (id == "sum").then_some(Operation::Sum)
    }

    async fn call(&self, operation: Operation, request: Request<'_>) -> Result<Answer, Problem> {
        match operation {
            Operation::Sum => {
                let body = sum(&request.body)?.between("{\"sum\":", "}");
                Ok(json(StatusCode::OK, NO_STORE, body))
            }
        }
    }
}

impl From<SumError> for Problem {
    fn from(error: SumError) -> Self {
        let detail = error.to_string();
        let (slug, title) = match error {
            SumError::Syntax(_) => {
                let (slug, title) = ("invalid-json", "Invalid JSON");
                return Self::own(ErrorStatus::BAD_REQUEST, slug, title, detail);
            }
            SumError::NotAnObject => ("not-an-object", "Not an object"),
            SumError::Missing(_) => ("missing-member", "Missing member"),
            SumError::Unknown(_) => ("unknown-member", "Unknown member"),
            SumError::Duplicate(_) => ("duplicate-member", "Duplicate member"),
            SumError::NotANumber(_) => ("not-a-number", "Not a number"),
            SumError::OutOfRange(..) => ("out-of-range", "Number out of range"),
        };
        Self::own(ErrorStatus::UNPROCESSABLE_CONTENT, slug, title, detail)
    }
}
