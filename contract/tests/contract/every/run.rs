//! Runs the rows of `data/traps.json`, group by group.

use super::log::field_faults;
use super::row::{Expect, Id, Row, Word};
use super::{conclude_each, operations, stacks, values};
use chassis::document::{Method, Operation};
use contract::call::Call;
use contract::http::Response;
use contract::list::at_least;
use contract::own_stack_only;
use contract::service::{Service, all, is_restricted};
use contract::stack::Stack;
use contract::table;
use contract::values::Values;
use std::collections::{BTreeMap, BTreeSet};

type Groups = BTreeMap<String, Vec<Row>>;

/// Runs one row for one operation. Returns the faults.
fn run(
    stack: &Stack,
    values: &Values,
    row: &Row,
    operation: &'static Operation,
) -> Option<Vec<String>> {
    let call = Call::new(stack.service, operation, values);
    let target = row.target(&call, values, stack.service)?;
    let mut connection = stack.sidecar.connect();
    let answer = match row.send(&mut connection, &call, values, &target) {
        Ok(Some(answer)) => answer,
        Ok(None) => return Some(vec!["closed without an answer".into()]),
        Err(error) => return Some(vec![error.to_string()]),
    };
    // nginx logs a request with an unread body only after the disconnect of the caller.
    drop(connection);
    let mut faults = row.judge(&call, stack.service, &answer);
    faults.extend(line_faults(stack, row, &call, &answer));
    let sent = row.raw.is_none().then(|| row.request(&call, values, &target));
    let sent_id = sent.as_ref().and_then(|request| request.first("X-Request-Id"));
    match row.id {
        Some(Id::Kept) if sent_id != Some(answer.request_id()) => {
            faults.push(format!("the id is {}", answer.request_id()));
        }
        Some(Id::Fresh) if !is_fresh(answer.request_id()) => {
            faults.push(format!("the id {} is not fresh", answer.request_id()));
        }
        _ => {}
    }
    Some(faults)
}

fn is_fresh(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The faults of the access log line of the request.
fn line_faults(stack: &Stack, row: &Row, call: &Call<'_>, answer: &Response) -> Vec<String> {
    let lines = stack.sidecar.process.log.of_request(answer.request_id());
    let line = &lines[0];
    let mut faults = field_faults(line);
    if lines.len() != 1 {
        faults.push(format!("{} lines", lines.len()));
    }
    let (route, id) = (call.operation.path.to_string(), call.operation.id.as_str());
    let expected = match row.expect {
        Expect::Word(_) => Some((route.as_str(), id)),
        Expect::Status(404) => Some(("other", "_other")),
        Expect::Status(_) => None,
    };
    let found = (line["route"].as_str().unwrap_or(""), line["operation"].as_str().unwrap_or(""));
    if expected.is_some_and(|expected| expected != found) {
        faults.push(format!("the log has {found:?} instead of {expected:?}"));
    }
    if line["status"] != answer.status {
        faults.push(format!("the log has status {}", line["status"]));
    }
    faults.extend(undeclared(stack.service, (found.0, found.1), answer.status));
    if row.answered_by().is_some_and(|by| line["answered_by"] != by) {
        faults.push(format!("answered by {}", line["answered_by"]));
    }
    if row.id.is_some() && matches!(row.expect, Expect::Word(_)) {
        // Wait until the service logs the id that the caller received.
        let _ = stack.api.process.log.of_request(answer.request_id());
    }
    if row.expect == Expect::Word(Word::Valid) && line["cause"] != "" {
        faults.push(format!("the cause is {}", line["cause"]));
    }
    faults
}

/// Statuses that any HTTP server can return before it selects an operation.
const OF_THE_PROTOCOL: [u16; 6] = [400, 414, 417, 431, 501, 505];

/// A fault if the document does not declare the status for the logged route and operation.
fn undeclared(service: &'static Service, (route, id): (&str, &str), status: u16) -> Option<String> {
    let of_path = |one: &&Operation| one.path.to_string() == route && one.method != Method::Head;
    let declared = operations(service)
        .iter()
        .filter(|one| if status == 405 { of_path(one) } else { one.id == id })
        .all(|one| service.declares(one, status));
    let known = declared || OF_THE_PROTOCOL.contains(&status);
    (!known).then(|| format!("the document declares no {status} for {id} of {route}"))
}

/// Runs a group of the table. `rows` and `checks` are the minimum numbers.
fn group(name: &str, rows: usize, checks: usize) {
    let mut groups: Groups = table::read("traps");
    let table = groups.remove(name).unwrap_or_else(|| panic!("traps.json has no group {name}"));
    let table = at_least(rows, table);
    let applies = |row: &Row| all().into_iter().any(|service| !row.cases(service).is_empty());
    if is_restricted() && !table.iter().any(applies) {
        println!("the document has no operation for the rows `{name}`");
        return;
    }
    let (mut run_rows, mut count, mut faults) = (BTreeSet::new(), 0, Vec::new());
    for stack in stacks() {
        for row in &table {
            for operation in row.cases(stack.service) {
                let values = values(&stack, row, operation);
                let Some(wrong) = run(&stack, &values, row, operation) else { continue };
                count += 1;
                run_rows.insert(row.name.as_str());
                if !wrong.is_empty() {
                    let whose = format!("{}, {}", stack.service.name(), operation.id);
                    faults.push(format!("{} [{whose}]: {}", row.name, wrong.join("; ")));
                }
            }
        }
    }
    for row in table.iter().filter(|row| !run_rows.contains(row.name.as_str())) {
        if !is_restricted() {
            faults.push(format!("{}: applies to no operation", row.name));
        }
    }
    let each = usize::from(table.iter().any(Row::is_for_every_operation));
    conclude_each(checks, each, count, &faults);
}

#[test]
fn credentials_are_checked_the_same_way_for_every_operation() {
    own_stack_only!("credentials_are_checked_the_same_way_for_every_operation");
    group("credentials", 105, 623);
}

#[test]
fn path_matches_only_in_its_documented_spelling() {
    own_stack_only!("path_matches_only_in_its_documented_spelling");
    group("paths", 91, 1432);
}

#[test]
fn parameter_is_exactly_one_path_segment() {
    own_stack_only!("parameter_is_exactly_one_path_segment");
    group("parameters", 45, 180);
}

#[test]
fn request_line_has_only_one_interpretation() {
    own_stack_only!("request_line_has_only_one_interpretation");
    group("request lines", 23, 366);
}

#[test]
fn body_must_have_the_size_and_type_of_its_operation() {
    own_stack_only!("body_must_have_the_size_and_type_of_its_operation");
    group("bodies", 34, 173);
}

#[test]
fn valid_request_id_is_kept_and_invalid_one_is_replaced() {
    own_stack_only!("valid_request_id_is_kept_and_invalid_one_is_replaced");
    group("ids", 20, 399);
}

#[test]
fn table_has_unique_row_names_and_only_known_groups() {
    let groups: Groups = table::read("traps");
    let known = ["bodies", "credentials", "ids", "parameters", "paths", "request lines"];
    assert_eq!(groups.keys().map(String::as_str).collect::<Vec<_>>(), known);
    let names: Vec<&String> = groups.values().flatten().map(|row| &row.name).collect();
    let names = at_least(318, names);
    let distinct: BTreeSet<_> = names.iter().collect();
    assert_eq!(distinct.len(), names.len(), "two rows have one name");
}
