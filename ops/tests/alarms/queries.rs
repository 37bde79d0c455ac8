//! Every saved query uses members of real lines, in the existing log group.

use std::collections::BTreeSet;

use contract::list::at_least;

use crate::lines;
use crate::stack::{Stack, stack, text};

/// Keywords, functions and units of Logs Insights.
const WORDS: &str = "fields filter stats sort limit by as and or not in like desc asc bin count sum min max avg pct \
    count_distinct ispresent SOURCE m h s d dedup";

/// The member that only the line of a panic has. No request of these tests causes a panic.
const OF_A_PANIC: &str = "place";

/// The members in a query: its words without strings, patterns, keywords and aliases.
pub(crate) fn members(query: &str) -> BTreeSet<String> {
    let mut bare = String::new();
    let mut quote = None;
    for c in query.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => quote = Some(c),
            None => bare.push(c),
        }
    }
    // A pattern is between slashes. A division has spaces around its slash.
    let bare: Vec<&str> =
        bare.split_whitespace().filter(|w| !w.starts_with('/') || *w == "/").collect();
    let bare = bare.join(" ");
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '@';
    let words: Vec<&str> = bare
        .split(|c| !is_part(c))
        .filter(|w| w.starts_with(|c: char| c.is_ascii_alphabetic() || c == '@'))
        .collect();
    let aliases: BTreeSet<&str> =
        words.windows(2).filter(|pair| pair[0] == "as").map(|pair| pair[1]).collect();
    words
        .into_iter()
        .filter(|word| {
            !WORDS.split_whitespace().any(|known| known == *word) && !aliases.contains(word)
        })
        .map(str::to_owned)
        .collect()
}

/// Checks that lines have the members of a query.
pub(crate) fn check(stack: &Stack, name: &str, query: &str) {
    let logged = lines::members(stack);
    let members = members(query);
    assert!(!members.is_empty(), "{name} uses no member");
    for member in members {
        let known = ["@timestamp", "@logStream", OF_A_PANIC].contains(&member.as_str());
        assert!(known || logged.contains(&member), "{name}: no line has a member {member}");
    }
}

#[test]
fn members_excludes_keywords_strings_and_aliases() {
    let query = "fields a, b\n| filter @logStream like /^api/ and c = \"d e\"\n| stats count(*) as n, 100 * sum(f) / count(*) as g by h1, bin(1m)\n| sort n desc";
    let expected = ["@logStream", "a", "b", "c", "f", "h1"].map(str::to_owned);
    assert_eq!(members(query), BTreeSet::from(expected));
}

#[test]
fn saved_queries_use_existing_members() {
    let Some(stack) = stack("saved_queries_use_existing_members") else { return };
    let group = stack.log_group();
    for query in at_least(8, stack.planned("aws_cloudwatch_query_definition")) {
        let name = query.change.after["name"].as_str().unwrap();
        assert_eq!(query.change.after["log_group_names"][0], group, "{name}");
        check(stack, name, query.change.after["query_string"].as_str().unwrap());
    }
}

/// The text of a saved query.
fn saved(stack: &Stack, name: &str) -> String {
    let queries = stack.planned("aws_cloudwatch_query_definition");
    let query = queries.iter().find(|query| query.address.ends_with(&format!("[\"{name}\"]")));
    query.expect("the query").change.after["query_string"].as_str().unwrap().to_owned()
}

/// The API's line of a failure has the status too, but no `answered_by`.
#[test]
fn failures_by_answerer_query_counts_a_request_once() {
    let Some(stack) = stack("failures_by_answerer_query_counts_a_request_once") else { return };
    let query = saved(stack, "failures-by-answerer");
    for part in
        ["filter status >= 500 and ispresent(answered_by)", "count_distinct(client) as clients"]
    {
        assert!(query.contains(part), "{part}: {query}");
    }
    let failed = lines::api(stack).iter().filter(|line| line["status"].as_u64() >= Some(500));
    for line in at_least(1, failed) {
        assert!(line["answered_by"].is_null(), "{line}");
    }
    for ((status, ..), line) in &lines::lines(stack).expected {
        assert!(*status < 500 || line["answered_by"].is_string(), "{line}");
    }
}

/// The API logs the cause in its own lines, and the sidecar in its access log.
#[test]
fn failure_causes_query_reads_both_containers() {
    let Some(stack) = stack("failure_causes_query_reads_both_containers") else { return };
    let query = saved(stack, "failure-causes");
    for part in [
        "@logStream like /^api/ and (level = \"ERROR\" or level = \"WARN\")",
        "or (answered_by = \"sidecar\" and cause != \"\")",
        "by answered_by, message, cause, place",
    ] {
        assert!(query.contains(part), "{part}: {query}");
    }
    let panics = text("chassis/src/runtime/panics.rs");
    assert!(panics.contains(&format!("{OF_A_PANIC}, \"panic\")")), "{panics}");
    // Of the sidecar's lines, the filter matches only failures.
    let mut failures = 0;
    for ((status, _, answered_by, _), line) in at_least(10, &lines::lines(stack).expected) {
        let found = line["answered_by"] == "sidecar" && line["cause"] != "";
        let is_failure = *answered_by == "sidecar" && [502, 504].contains(status);
        assert_eq!(found, is_failure, "{line}");
        failures += usize::from(is_failure);
    }
    assert!(failures >= 2, "{failures} failures of the sidecar");
}

#[test]
fn metric_filters_match_a_real_line() {
    let Some(stack) = stack("metric_filters_match_a_real_line") else { return };
    for filter in at_least(1, stack.planned("aws_cloudwatch_log_metric_filter")) {
        let pattern = filter.change.after["pattern"].as_str().unwrap();
        let message = pattern.split('"').nth(1).expect("a message in quotes");
        assert_eq!(pattern, format!("{{ $.message = \"{message}\" }}"));
        assert!(lines::messages(stack).contains(message), "no line has the message {message:?}");
    }
}
