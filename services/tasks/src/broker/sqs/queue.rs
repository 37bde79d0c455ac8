//! The address of a queue: its URL, its region and the credentials for it.
//!
//! The host of a queue of AWS names its region, and the SDK finds the credentials. An emulator, which has `http:`, gets no
//! real credentials. Its region is `AWS_REGION`.

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::Credentials;
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use std::time::Duration;
use url::Url;

/// Time limit for a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// The second attempt is for a connection that SQS has closed while it was idle.
const ATTEMPTS: u32 = 2;
/// The longest pause before the second attempt.
const PAUSE: Duration = Duration::from_millis(100);
/// The region of an emulator.
const REGION: &str = "us-east-1";

/// The address of a queue.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) url: String,
    endpoint: String,
    region: Option<String>,
    is_emulated: bool,
}

impl Queue {
    /// Without a user and a password, which SQS does not know.
    pub(super) fn from_url(url: &str) -> Self {
        let url = Url::parse(url).expect("a target has a URL");
        let endpoint = url.origin().ascii_serialization();
        Self {
            url: format!("{endpoint}{}", url.path()),
            endpoint,
            region: url.host_str().and_then(region).map(str::to_owned),
            is_emulated: url.scheme() == "http",
        }
    }

    pub(super) async fn connect(&self) -> Client {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let region = RegionProviderChain::first_try(self.region.clone().map(Region::new))
            .or_else(EnvironmentVariableRegionProvider::new())
            .or_else(REGION);
        let retries = RetryConfig::standard().with_max_attempts(ATTEMPTS);
        let mut config = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .http_client(http)
            .region(region)
            .endpoint_url(&self.endpoint)
            .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT_LIMIT).build())
            .retry_config(retries.with_initial_backoff(PAUSE));
        if self.is_emulated {
            let nobody = Credentials::new("emulated", "emulated", None, None, "emulator");
            config = config.credentials_provider(nobody);
        }
        Client::new(&config.load().await)
    }
}

/// The region in a host: `sqs.REGION.…`, `sqs-fips.REGION.…`, `ENDPOINT.sqs.REGION.vpce.…`, or the old `REGION.queue.…`.
fn region(host: &str) -> Option<&str> {
    let labels: Vec<_> = host.split('.').collect();
    labels.windows(2).find_map(|pair| match pair {
        ["sqs" | "sqs-fips", region] | [region, "queue"] => Some(*region),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_of_a_queue_names_its_region() {
        for (url, region) in [
            ("https://sqs.eu-central-1.amazonaws.com/123456789012/tasks", Some("eu-central-1")),
            ("https://sqs-fips.us-west-2.amazonaws.com/123456789012/tasks", Some("us-west-2")),
            ("https://sqs.eu-west-1.api.aws/123456789012/tasks", Some("eu-west-1")),
            ("https://sqs.cn-north-1.amazonaws.com.cn/123456789012/tasks", Some("cn-north-1")),
            (
                "https://vpce-1-a.sqs.eu-west-3.vpce.amazonaws.com/123456789012/tasks",
                Some("eu-west-3"),
            ),
            ("https://eu-west-2.queue.amazonaws.com/123456789012/tasks", Some("eu-west-2")),
            ("http://127.0.0.1:5000/123456789012/tasks", None),
            ("http://localhost:5000/123456789012/tasks", None),
        ] {
            let queue = Queue::from_url(url);
            assert_eq!(queue.region.as_deref(), region, "{url}");
            assert_eq!(queue.url, url);
            assert!(url.starts_with(&queue.endpoint) && !queue.endpoint.contains("tasks"), "{url}");
            assert_eq!(queue.is_emulated, url.starts_with("http:"), "{url}");
        }
    }

    #[test]
    fn user_and_password_of_a_url_are_dropped() {
        let queue = Queue::from_url("https://name:secret-word@sqs.eu-west-1.amazonaws.com/1/tasks");
        assert_eq!(queue.url, "https://sqs.eu-west-1.amazonaws.com/1/tasks");
        assert!(!format!("{queue:?}").contains("secret-word"));
    }
}
