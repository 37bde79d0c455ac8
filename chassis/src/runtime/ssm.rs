//! Loads lists of keys from SSM Parameter Store, once, at start.
//!
//! There are two kinds of failure:
//!
//! * **Refused.** The parameter does not exist, the role may not read it, or its value is not a list of keys. A retry
//!   cannot help. The process ends, so the deployment fails visibly.
//! * **Away.** SSM is unreachable, slow, throttling or broken. This is temporary, and a new task would have the same
//!   failure. The process retries without end, and `/readyz` keeps traffic away.
//!
//! The SDK's own retries are off, so that one loop decides and logs each attempt. The SDK has no default time limit
//! for reading: a silent endpoint would block the start without end. All three limits are set here.

use crate::telemetry::{chain, millis};
use aws_config::BehaviorVersion;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_ssm::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ssm::operation::get_parameter::GetParameterError;
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use secrecy::{ExposeSecret, SecretString};
use std::fmt::Display;
use std::time::Duration;
use thiserror::Error;
use tokio::time::{sleep, timeout};

/// Time limit for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Time limit for one request to SSM.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
/// Time limit for one whole attempt, including the fetch of credentials.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(6);
/// The pause before the second attempt. It doubles for each later attempt.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// SSM's 4xx answers for temporary failures.
const TRANSIENT_CODES: [&str; 12] = [
    "ThrottlingException",
    "Throttling",
    "ThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "RequestTimeout",
    "RequestTimeoutException",
    // The credentials were replaced during their use. The next attempt gets the new ones.
    "ExpiredTokenException",
    "ExpiredToken",
    // This machine's clock is wrong. Time synchronisation corrects it.
    "RequestExpired",
    "RequestInTheFuture",
    "RequestTimeTooSkewed",
];

/// How the message of an `InvalidSignatureException` begins if the clock is wrong. Any other message means that the
/// secret is wrong. A retry cannot help then.
const CLOCK_SKEW: [&str; 2] = ["Signature expired", "Signature not yet current"];

/// SSM answered, and a retry cannot help.
#[derive(Debug, Error)]
pub enum Refused {
    /// Not found, access denied, and the like: the code and the message of the answer.
    #[error("SSM refused to give the parameter {name}: {code}: {message}")]
    Answer {
        /// The parameter.
        name: String,
        /// Such as `ParameterNotFound`.
        code: String,
        /// The message of SSM.
        message: String,
    },
    /// The value is not a list of keys.
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
    /// Temporary: the loop tries again.
    Away(String),
}

/// Tries to read the parameter `name` until SSM answers, and parses its value with `read_list`. An error of `read_list`
/// must not contain the value. Endpoint, region and credentials come from the SDK's own environment variables, or from
/// the task's role.
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
                // Half to all of the pause, so that tasks that start together do not retry together.
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
    // A new one for each attempt, because missing credentials can be available now.
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

/// Decides whether a failure is a refusal. A 4xx status is a refusal, except for [`TRANSIENT_CODES`] and a wrong clock.
fn judge(name: &str, error: &SdkError<GetParameterError>) -> Failure {
    let Some(answer) = error.raw_response() else {
        return Failure::Away(chain(error));
    };
    let status = answer.status();
    let (code, message) = match error.as_service_error() {
        Some(answer) => (answer.code().unwrap_or_default(), answer.message()),
        // Not SSM's JSON: a proxy on the path has answered. Only a 403 counts as a refusal.
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
