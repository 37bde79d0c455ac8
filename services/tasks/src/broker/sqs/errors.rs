//! The causes of failures, without what the SDK would add: its display of an error has the whole answer.

use crate::broker::BrokerError;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::BatchResultErrorEntry;
use chassis::telemetry::chain;
use std::error::Error;
use std::fmt::Debug;

/// The cause of a failed call.
pub(super) fn failure<E, R>(error: &SdkError<E, R>) -> BrokerError
where
    E: Error + ProvideErrorMetadata + 'static,
    R: Debug + 'static,
{
    match error.as_service_error() {
        Some(error) => answer(error.code().unwrap_or("no code"), error.message()),
        None => BrokerError(chain(error)),
    }
}

/// An error if SQS has refused an entry of a call.
pub(super) fn refused(entry: Option<&BatchResultErrorEntry>) -> Result<(), BrokerError> {
    entry.map_or(Ok(()), |entry| Err(answer(&entry.code, entry.message.as_deref())))
}

fn answer(code: &str, message: Option<&str>) -> BrokerError {
    BrokerError(format!("{code}: {}", message.unwrap_or("no message")))
}
