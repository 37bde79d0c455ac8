//! Prints the log of a service, oldest line first, and can follow new lines.
//!
//! `aws logs tail` exists only in version 2 of the CLI, and it ends when its reader is too slow.

use std::collections::HashSet;
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use serde::Deserialize;

use super::stack::Target;
use crate::aws;

/// An account can make only a few calls of `FilterLogEvents` a second.
const PAUSE: Duration = Duration::from_secs(3);
/// A line can arrive this much later than a newer line of another task.
const OVERLAP: Duration = Duration::from_secs(30);

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    target: Target,
    /// Age of the oldest line, such as 10m or 2h
    #[arg(long, env = "SINCE", default_value = "10m")]
    since: humantime::Duration,
    /// Filter pattern for the lines, such as '{ $.status >= 500 }'
    #[arg(long, env = "FILTER", default_value = "")]
    filter: String,
    /// Keep running and print new lines
    #[arg(long, env = "FOLLOW", default_value = "false", num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set)]
    follow: bool,
}

#[derive(Debug, Deserialize)]
struct Answer {
    #[serde(default)]
    events: Vec<Event>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    #[serde(rename = "eventId")]
    id: String,
    timestamp: u64,
    log_stream_name: String,
    message: String,
}

impl Args {
    pub(super) fn run(&self) -> anyhow::Result<bool> {
        self.target.check_service()?;
        let outputs = self.target.open()?.outputs()?;
        let group = outputs["log_group"]
            .as_str()
            .context("the service is not deployed in this environment")?;
        let mut from = SystemTime::now() - *self.since;
        let mut seen = HashSet::new();
        loop {
            let asked = SystemTime::now();
            let events = self.events(group, from)?;
            for event in unseen(events, &mut seen) {
                println!("{}", line(&event));
            }
            if !self.follow {
                return Ok(true);
            }
            from = from.max(asked - OVERLAP);
            sleep(PAUSE);
        }
    }

    fn events(&self, group: &str, from: SystemTime) -> anyhow::Result<Vec<Event>> {
        let from = from.duration_since(SystemTime::UNIX_EPOCH)?.as_millis().to_string();
        let mut call =
            vec!["logs", "filter-log-events", "--log-group-name", group, "--start-time", &from];
        if !self.filter.is_empty() {
            call.extend(["--filter-pattern", &self.filter]);
        }
        Ok(aws::call::<Answer>(&call)?.events)
    }
}

/// The events that are not printed yet, oldest first.
fn unseen(mut events: Vec<Event>, seen: &mut HashSet<String>) -> Vec<Event> {
    events.retain(|event| seen.insert(event.id.clone()));
    events.sort_by_key(|event| event.timestamp);
    events
}

/// One line of output: time, container, message. The stream's name begins with the container's name.
fn line(event: &Event) -> String {
    let time = SystemTime::UNIX_EPOCH + Duration::from_millis(event.timestamp);
    let container = event.log_stream_name.split('/').next().unwrap_or_default();
    format!("{} {container} {}", humantime::format_rfc3339_millis(time), event.message.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_printed_once_and_in_order() {
        let event = |id: &str, timestamp| Event {
            id: id.to_owned(),
            timestamp,
            log_stream_name: "nginx/x/1".to_owned(),
            message: "text\n".to_owned(),
        };
        let mut seen = HashSet::new();
        let first = unseen(vec![event("b", 2000), event("a", 1000)], &mut seen);
        let first: Vec<String> = first.iter().map(line).collect();
        assert_eq!(
            first,
            ["1970-01-01T00:00:01.000Z nginx text", "1970-01-01T00:00:02.000Z nginx text"]
        );
        let second = unseen(vec![event("b", 2000), event("c", 1500)], &mut seen);
        assert_eq!(second.iter().map(|event| &*event.id).collect::<Vec<_>>(), ["c"]);
    }
}
