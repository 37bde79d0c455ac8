//! Runs the rows of `data/traps.json`, group by group.

use super::log::field_faults;
use super::row::{Expect, Id, Row, Word};
use super::{conclude_each, operations, stacks};
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

/// One row, run for one operation: what is wrong.
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
    // The line of a request whose body is not read comes when the caller has gone.
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

/// What is wrong with the one line that the sidecar writes about the request.
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
        faults.push(format!("the log says {found:?} and not {expected:?}"));
    }
    if line["status"] != answer.status {
        faults.push(format!("the log says status {}", line["status"]));
    }
    faults.extend(undeclared(stack.service, (found.0, found.1), answer.status));
    if row.answered_by().is_some_and(|by| line["answered_by"] != by) {
        faults.push(format!("answered by {}", line["answered_by"]));
    }
    if row.id.is_some() && matches!(row.expect, Expect::Word(_)) {
        // The service has the id that the caller was given: this waits until it does.
        let _ = stack.api.process.log.of_request(answer.request_id());
    }
    if row.expect == Expect::Word(Word::Valid) && line["cause"] != "" {
        faults.push(format!("the cause is {}", line["cause"]));
    }
    faults
}

/// What any HTTP server may say before it looks at an operation.
const OF_THE_PROTOCOL: [u16; 6] = [400, 414, 417, 431, 501, 505];

/// A status that the document does not have for the route and the operation that the log names.
fn undeclared(service: &'static Service, (route, id): (&str, &str), status: u16) -> Option<String> {
    let of_path = |one: &&Operation| one.path.to_string() == route && one.method != Method::Head;
    let declared = operations(service)
        .iter()
        .filter(|one| if status == 405 { of_path(one) } else { one.id == id })
        .all(|one| service.declares(one, status));
    let known = declared || OF_THE_PROTOCOL.contains(&status);
    (!known).then(|| format!("the document has no {status} for {id} of {route}"))
}

/// Runs a group of the table: so many rows, and so many rows times operations, or more.
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
        let mut values = stack.values();
        for row in &table {
            for operation in row.cases(stack.service) {
                // What the last row of such an operation asked for may be gone.
                if !operation.path.is_static() {
                    values = stack.values();
                }
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
fn credentials_of_every_shape_are_judged_alike_for_every_operation() {
    own_stack_only!("credentials_of_every_shape_are_judged_alike_for_every_operation");
    group("credentials", 105, 559);
}

#[test]
fn every_path_matches_as_it_is_sent_and_in_no_other_spelling() {
    own_stack_only!("every_path_matches_as_it_is_sent_and_in_no_other_spelling");
    group("paths", 91, 1245);
}

#[test]
fn every_parameter_is_one_segment_as_it_is_sent() {
    own_stack_only!("every_parameter_is_one_segment_as_it_is_sent");
    group("parameters", 45, 135);
}

#[test]
fn request_lines_of_every_form_are_read_in_one_way() {
    own_stack_only!("request_lines_of_every_form_are_read_in_one_way");
    group("request lines", 23, 318);
}

#[test]
fn every_body_has_the_size_and_the_type_that_its_operation_takes() {
    own_stack_only!("every_body_has_the_size_and_the_type_that_its_operation_takes");
    group("bodies", 34, 141);
}

#[test]
fn a_request_id_is_kept_when_it_is_valid_and_replaced_otherwise() {
    own_stack_only!("a_request_id_is_kept_when_it_is_valid_and_replaced_otherwise");
    group("ids", 20, 346);
}

#[test]
fn the_table_names_each_row_once_and_has_no_other_group() {
    let groups: Groups = table::read("traps");
    let known = ["bodies", "credentials", "ids", "parameters", "paths", "request lines"];
    assert_eq!(groups.keys().map(String::as_str).collect::<Vec<_>>(), known);
    let names: Vec<&String> = groups.values().flatten().map(|row| &row.name).collect();
    let names = at_least(318, names);
    let distinct: BTreeSet<_> = names.iter().collect();
    assert_eq!(distinct.len(), names.len(), "two rows have one name");
}
