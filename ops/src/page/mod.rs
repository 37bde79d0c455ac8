//! Sends a test message to the topic `page`, which notifies the person on call.
//!
//! AWS cannot test an alarm. This command tests the last part of its path: from the encrypted topic to each subscriber.
//! A mail subscription is active only after its owner has followed a link. AWS sends no reminder of that.

use std::time::SystemTime;

use anyhow::{Context as _, ensure};
use humantime::format_rfc3339_seconds;
use serde::Deserialize;

use crate::{aws, deploy};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the subscribers of the topic `page`, and send them a test message
    Test(deploy::Target),
}

/// A subscription in the list of SNS.
#[derive(Debug, Deserialize)]
struct Subscription {
    protocol: String,
    endpoint: String,
    arn: String,
}

/// Runs the command. `Ok(false)` means that no subscription is confirmed.
///
/// # Errors
///
/// The state has no topic or belongs to another environment, or AWS refuses a call.
pub fn run(args: &Args) -> anyhow::Result<bool> {
    let Command::Test(target) = &args.command;
    let environment = target.environment.as_str();
    let outputs = target.outputs()?;
    let topic = outputs["topics"]["value"]["page"].as_str();
    let topic =
        topic.with_context(|| format!("the state has no topic: deploy {environment} first"))?;
    let (region, name) = parts(topic, environment)?;

    let query = "Subscriptions[].{protocol: Protocol, endpoint: Endpoint, arn: SubscriptionArn}";
    let mut call = vec!["sns", "list-subscriptions-by-topic", "--topic-arn", topic];
    call.extend(["--region", region, "--query", query]);
    let subscriptions: Vec<Subscription> = aws::call(&call)?;
    println!("{name}: {} subscriptions", subscriptions.len());
    for subscription in &subscriptions {
        println!("{}", subscription.line());
    }
    let confirmed = subscriptions.iter().filter(|s| s.is_confirmed()).count();
    if confirmed == 0 {
        println!(
            "No subscription is confirmed, so nothing was sent. Add an address to alarm_emails.page, apply, and follow the link in the mail."
        );
        return Ok(false);
    }

    let subject = format!("TEST, no incident: {name}");
    let sent = format_rfc3339_seconds(SystemTime::now());
    let message = format!(
        "This is a test of the topic {name}, sent by `make page-test` at {sent}. Nothing is wrong, and there is nothing to do. \
         Alarms of the environment {environment} arrive the same way."
    );
    let mut call = vec!["sns", "publish", "--region", region, "--topic-arn", topic];
    call.extend(["--subject", &subject, "--message", &message, "--query", "MessageId"]);
    let id: String = aws::call(&call)?;
    println!(
        "Sent to {confirmed} of {}: message {id}. Ask each subscriber whether it arrived.",
        subscriptions.len()
    );
    Ok(true)
}

/// Region and name of a topic. It must belong to this environment.
fn parts<'a>(topic: &'a str, environment: &str) -> anyhow::Result<(&'a str, &'a str)> {
    let words: Vec<&str> = topic.split(':').collect();
    let ["arn", _, "sns", region, _, name] = words[..] else {
        anyhow::bail!("`{topic}` is not the ARN of an SNS topic");
    };
    ensure!(
        name.ends_with(&format!("-{environment}-page")),
        "the state that Terraform reads belongs to {name}, not to {environment}: initialise it for {environment}"
    );
    Ok((region, name))
}

impl Subscription {
    fn is_confirmed(&self) -> bool {
        self.arn.starts_with("arn:")
    }

    fn line(&self) -> String {
        let state = if self.is_confirmed() { "confirmed" } else { "NOT CONFIRMED" };
        format!("  {state:<13}  {:<6}  {}", self.protocol, self.shown())
    }

    /// The endpoint. The URL of a pager can contain its key, so only its host is shown.
    fn shown(&self) -> String {
        match self.endpoint.split_once("://") {
            Some((scheme, rest)) => {
                let host = rest.split(['/', '?']).next().unwrap_or_default();
                let host = host.rsplit('@').next().unwrap_or_default();
                format!("{scheme}://{host}/…")
            }
            None => self.endpoint.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_of_another_environment_is_refused() {
        let topic = "arn:aws:sns:eu-west-1:123456789012:sum-api-production-page";
        let parts_of = |environment| parts(topic, environment);
        assert_eq!(parts_of("production").unwrap(), ("eu-west-1", "sum-api-production-page"));
        assert!(parts_of("staging").unwrap_err().to_string().contains("not to staging"));
        assert!(parts_of("duction").is_err());
        assert!(parts("arn:aws:sqs:eu-west-1:1:a-production-page", "production").is_err());
    }

    #[test]
    fn line_shows_the_confirmation_and_hides_keys() {
        let subscription = |protocol: &str, endpoint: &str, arn: &str| Subscription {
            protocol: protocol.to_owned(),
            endpoint: endpoint.to_owned(),
            arn: arn.to_owned(),
        };
        for (found, line) in [
            (
                subscription("email", "a@example.com", "arn:aws:sns:x"),
                "  confirmed      email   a@example.com",
            ),
            (
                subscription("email", "a@example.com", "PendingConfirmation"),
                "  NOT CONFIRMED  email   a@example.com",
            ),
            (
                subscription("https", "https://u:p@pager.example/k/1?k=2", "arn:a"),
                "  confirmed      https   https://pager.example/…",
            ),
        ] {
            assert_eq!(found.line(), line);
        }
    }
}
