//! Shows which client uses which key, from the sidecar's access log with `CloudWatch` Logs Insights.
//!
//! The log contains the client and the number of its key, never the key. The number is the position in the client's
//! keys, so a change of the list can move it to another key. The query therefore starts at the last change.

use std::fmt::Write as _;
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;

use super::list::List;
use crate::aws;

const QUERY: &str = "filter ispresent(client) and client != \"\" \
    | stats count(*) as requests, max(epoch) as last by client, key_number \
    | sort client asc, key_number asc \
    | limit 10000";

const PAUSE: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_mins(2);

/// The use of one key in the log.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    client: String,
    /// Empty in older lines, which have no number.
    number: String,
    requests: u64,
    /// Seconds since 1970.
    last: f64,
}

#[derive(Debug, Deserialize)]
struct Answer {
    status: String,
    #[serde(default)]
    results: Vec<Vec<Field>>,
}

#[derive(Debug, Deserialize)]
struct Field {
    field: String,
    value: String,
}

/// A table of the clients and their keys, with the requests since `from`.
pub(super) fn table(log_group: &str, list: &List, from: SystemTime) -> anyhow::Result<String> {
    Ok(render(list, &ask(log_group, from)?))
}

fn ask(log_group: &str, from: SystemTime) -> anyhow::Result<Vec<Seen>> {
    let seconds = |time: SystemTime| -> anyhow::Result<String> {
        Ok(time.duration_since(UNIX_EPOCH)?.as_secs().to_string())
    };
    let (start, end) = (seconds(from)?, seconds(SystemTime::now())?);
    let mut query = vec!["logs", "start-query", "--log-group-name", log_group];
    query.extend(["--start-time", &start, "--end-time", &end]);
    query.extend(["--query-string", QUERY, "--query", "queryId"]);
    let id: String = aws::call(&query)?;
    let begun = SystemTime::now();
    loop {
        let answer: Answer = aws::call(&["logs", "get-query-results", "--query-id", &id])?;
        if let Some(seen) = read(&answer)? {
            return Ok(seen);
        }
        ensure!(
            begun.elapsed()? < PATIENCE,
            "the log query did not finish in 2 minutes; use a shorter --since"
        );
        sleep(PAUSE);
    }
}

/// The rows of a query that has ended; `None` while it runs.
fn read(answer: &Answer) -> anyhow::Result<Option<Vec<Seen>>> {
    match answer.status.as_str() {
        "Scheduled" | "Running" => return Ok(None),
        "Complete" => {}
        status => bail!("the log query ended with the status {status}"),
    }
    let row = |fields: &Vec<Field>| {
        let find = |name: &str| fields.iter().find(|f| f.field == name).map(|f| f.value.as_str());
        Some(Seen {
            client: find("client")?.to_owned(),
            number: find("key_number").unwrap_or_default().to_owned(),
            requests: find("requests")?.parse().ok()?,
            last: find("last")?.parse().ok()?,
        })
    };
    let rows = answer.results.iter().map(row).collect::<Option<_>>();
    rows.map(Some).context("a row of the log query is malformed")
}

/// All keys of the list, with the unused ones, and then the keys that are only in the log.
fn render(list: &List, seen: &[Seen]) -> String {
    let clients = list.clients();
    let keys = clients
        .iter()
        .flat_map(|(client, keys)| (1..=*keys).map(move |n| (*client, n.to_string())));
    let keys: Vec<(&str, String)> = keys.collect();
    let is_of = |row: &Seen, key: &(&str, String)| row.client == key.0 && row.number == key.1;
    let mut text = format!("{:<32}  {:>3}  {:>10}  last\n", "client", "key", "requests");
    let mut line = |client: &str, number: &str, row: Option<&Seen>, note: &str| {
        let when = row.map_or_else(|| "never".to_owned(), |row| moment(row.last));
        let requests = row.map_or(0, |row| row.requests);
        let _ = writeln!(text, "{client:<32}  {number:>3}  {requests:>10}  {when}{note}");
    };
    for key in &keys {
        line(key.0, &key.1, seen.iter().find(|row| is_of(row, key)), "");
    }
    for row in seen.iter().filter(|row| !keys.iter().any(|key| is_of(row, key))) {
        line(&row.client, &row.number, Some(row), "  not in the list");
    }
    text
}

fn moment(seconds: f64) -> String {
    let time = Duration::try_from_secs_f64(seconds).ok().map(|since| UNIX_EPOCH + since);
    time.map_or_else(|| "?".to_owned(), |time| humantime::format_rfc3339_seconds(time).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, from_value, json};

    fn field(name: &str, value: &str) -> Value {
        json!({ "field": name, "value": value })
    }

    /// A row in the format of `GetQueryResults`.
    fn row(client: &str, number: Option<&str>, requests: &str, last: &str) -> Value {
        let mut fields = vec![field("client", client)];
        fields.extend(number.map(|number| field("key_number", number)));
        fields.extend([field("requests", requests), field("last", last)]);
        json!(fields)
    }

    #[test]
    fn table_has_a_line_for_used_unused_and_unknown_keys() {
        let answer = json!({
            "queryLanguage": "CWLI",
            "statistics": { "recordsMatched": 9.0, "recordsScanned": 12.0, "bytesScanned": 4096.0 },
            "status": "Complete",
            "results": [
                row("gone", Some("1"), "3", "1764237600.5"),
                row("web", Some("1"), "1204", "1764237661.25"),
                row("web", None, "2", "1764237000"),
            ],
        });
        let seen = read(&from_value(answer).unwrap()).unwrap().unwrap();
        let list = List::parse("web:web-key-0001,batch:batch-key-1,web:web-key-0002").unwrap();
        let table = render(&list, &seen);
        let words: Vec<Vec<&str>> = table.lines().map(|l| l.split_whitespace().collect()).collect();
        assert_eq!(
            words,
            [
                vec!["client", "key", "requests", "last"],
                vec!["web", "1", "1204", "2025-11-27T10:01:01Z"],
                vec!["web", "2", "0", "never"],
                vec!["batch", "1", "0", "never"],
                vec!["gone", "1", "3", "2025-11-27T10:00:00Z", "not", "in", "the", "list"],
                vec!["web", "2", "2025-11-27T09:50:00Z", "not", "in", "the", "list"],
            ]
        );
    }

    #[test]
    fn running_query_has_no_rows_and_failed_query_is_an_error() {
        let status =
            |status: &str| read(&Answer { status: status.to_owned(), results: Vec::new() });
        for running in ["Scheduled", "Running"] {
            assert_eq!(status(running).unwrap(), None);
        }
        assert_eq!(status("Complete").unwrap(), Some(Vec::new()));
        for failed in ["Failed", "Cancelled", "Timeout", "Unknown"] {
            assert!(status(failed).unwrap_err().to_string().contains(failed));
        }
        let odd = json!({ "status": "Complete", "results": [row("web", Some("1"), "many", "1")] });
        read(&from_value(odd).unwrap()).unwrap_err();
    }
}
