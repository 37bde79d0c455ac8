//! Lists of keys from SSM Parameter Store, once, at start.
//!
//! Two kinds of failure, and they must not be mixed up. SSM *said no*: the parameter is not there, the role
//! may not read it, its value is not a list of keys. Waiting mends none of that, so the process ends and the
//! deployment fails where somebody sees it. SSM *said nothing*: unreachable, slow, throttling, broken. That
//! passes, and a task that ended over it would be replaced by one that meets the same; so it is tried again
//! for ever, while `/readyz` keeps traffic away.
//!
//! The SDK's own retries are off: one loop decides, and each attempt is in the log. Its defaults have no limit
//! on reading, so an endpoint that accepts and stays silent would hold the start for ever; all three limits
//! are set here.

use crate::telemetry::millis;
use aws_config::BehaviorVersion;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_ssm::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ssm::operation::get_parameter::GetParameterError;
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use secrecy::{ExposeSecret, SecretString};
use std::error::Error;
use std::fmt::Display;
use std::time::Duration;
use thiserror::Error;
use tokio::time::{sleep, timeout};

/// To a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// For one exchange with SSM.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
/// For everything that one attempt does, the fetching of credentials included.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(6);
/// Before the second attempt; doubled for each one after.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Between two attempts, at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// SSM's 4xx answers that mean "not now".
const TRANSIENT_CODES: [&str; 12] = [
    "ThrottlingException",
    "Throttling",
    "ThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "RequestTimeout",
    "RequestTimeoutException",
    // The credentials were replaced while they were in use; the next attempt has the new ones.
    "ExpiredTokenException",
    "ExpiredToken",
    // This machine's clock is wrong. Time synchronisation corrects it.
    "RequestExpired",
    "RequestInTheFuture",
    "RequestTimeTooSkewed",
];

/// How the message of an `InvalidSignatureException` begins when the clock is wrong. Any other one says that the
/// secret is wrong, and no retry changes that.
const CLOCK_SKEW: [&str; 2] = ["Signature expired", "Signature not yet current"];

/// SSM answered, and the answer is no.
#[derive(Debug, Error)]
pub enum Refused {
    /// Not found, access denied, and the like: the code and the message of the answer.
    #[error("SSM refused to give the parameter {name}: {code}: {message}")]
    Answer {
        /// The parameter.
        name: String,
        /// Such as `ParameterNotFound`.
        code: String,
        /// SSM's own words.
        message: String,
    },
    /// The value is no list of keys.
    #[error("the value of the SSM parameter {name} {rule}")]
    Value {
        /// The parameter.
        name: String,
        /// The rule that it breaks.
        rule: String,
    },
}

enum Failure {
    Refused(Refused),
    /// Worth another attempt.
    Away(String),
}

/// Reads the parameter `name` until SSM has answered, and makes keys of its value. An error of `read_list` must not repeat
/// the value. Endpoint, region and credentials come from the SDK's own
/// environment variables, or from the task's role.
pub async fn load<K, E: Display>(
    name: &str,
    read_list: impl Fn(&str) -> Result<K, E>,
) -> Result<K, Refused> {
    let mut pause = FIRST_PAUSE;
    for attempt in 1_u64.. {
        match fetch_once(name).await {
            Ok(value) => {
                return read_list(value.expose_secret()).map_err(|error| Refused::Value {
                    name: name.into(),
                    rule: error.to_string(),
                });
            }
            Err(Failure::Refused(refused)) => return Err(refused),
            Err(Failure::Away(cause)) => {
                // Half to all of the pause: tasks that start together do not come back together.
                let pause_now = pause.mul_f64(0.5 + 0.5 * fastrand::f64());
                tracing::warn!(
                    parameter = name,
                    attempt,
                    cause,
                    pause_ms = millis(pause_now),
                    "SSM is away"
                );
                sleep(pause_now).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
    unreachable!("the attempts do not run out")
}

async fn fetch_once(name: &str) -> Result<SecretString, Failure> {
    match timeout(TOTAL_TIMEOUT, get_parameter(name)).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(judge(name, &error)),
        Err(_) => Err(Failure::Away(format!("no answer within {} s", TOTAL_TIMEOUT.as_secs()))),
    }
}

async fn get_parameter(name: &str) -> Result<SecretString, SdkError<GetParameterError>> {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(ATTEMPT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(TOTAL_TIMEOUT)
        .build();
    // Made anew for each attempt: credentials that could not be had then may be there now.
    let config = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http)
        .timeout_config(timeouts)
        .retry_config(RetryConfig::disabled())
        .load()
        .await;
    let client = aws_sdk_ssm::Client::new(&config);
    let output = client.get_parameter().name(name).with_decryption(true).send().await?;
    let value = output.parameter.and_then(|parameter| parameter.value).unwrap_or_default();
    Ok(value.into())
}

/// Refused or away? A 4xx status is a refusal, but for a few codes that mean "not now".
fn judge(name: &str, error: &SdkError<GetParameterError>) -> Failure {
    let Some(answer) = error.raw_response() else {
        return Failure::Away(chain(error));
    };
    let status = answer.status();
    let (code, message) = match error.as_service_error() {
        Some(answer) => (answer.code().unwrap_or_default(), answer.message()),
        // Not SSM's JSON: something on the way has answered. Only a plain "forbidden" is taken at its word.
        None if status.as_u16() == 403 => ("", None),
        None => return Failure::Away(chain(error)),
    };
    let clock_skew = code == "InvalidSignatureException"
        && message.is_some_and(|message| CLOCK_SKEW.iter().any(|skew| message.starts_with(skew)));
    if !status.is_client_error() || TRANSIENT_CODES.contains(&code) || clock_skew {
        return Failure::Away(chain(error));
    }
    Failure::Refused(Refused::Answer {
        name: name.into(),
        code: if code.is_empty() { status.to_string() } else { code.into() },
        message: message.unwrap_or("no message").into(),
    })
}

/// The error and its causes. The SDK's own display of a chain adds the raw response, and that of an answer cut
/// short may hold the keys.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
