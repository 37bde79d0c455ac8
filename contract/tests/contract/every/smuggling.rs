//! Requests that two parsers could read in two ways, for every operation that takes a body. Each is refused, or read
//! once: the service never sees more of it than the sidecar let through. The shapes are rows of `data/smuggling.json`.

use super::row::Row;
use super::{conclude, stacks};
use chassis::document::Operation;
use contract::call::Call;
use contract::list::at_least;
use contract::own_stack_only;
use contract::stack::Stack;
use contract::table;
use std::time::Duration;

/// What is wrong with what comes of one row.
fn wrong(stack: &Stack, row: &Row, operation: &'static Operation) -> Vec<String> {
    let values = stack.values();
    let call = Call::new(stack.service, operation, &values);
    let before = stack.metrics().requests();
    let mut connection = stack.sidecar.connect();
    let mut wrong = match row.send(&mut connection, &call, &values, "") {
        Ok(Some(answer)) => row.judge(&call, stack.service, &answer),
        other => vec![format!("{other:?}")],
    };
    // Whatever was hidden behind the first request would be answered on this connection now.
    let _ = connection.end();
    let _ = connection.patience(Duration::from_secs(10));
    let rest = connection.receive_rest().unwrap_or_default();
    if !rest.is_empty() {
        wrong.push(format!("a second answer: {:?}", String::from_utf8_lossy(&rest)));
    }
    let seen = stack.metrics().requests() - before;
    let expected = row.api_sees.expect("each row says what the service sees");
    if seen != expected {
        wrong.push(format!("the service saw {seen} requests and not {expected}"));
    }
    wrong
}

#[test]
fn no_shape_smuggles_a_request_past_the_sidecar() {
    own_stack_only!("no_shape_smuggles_a_request_past_the_sidecar");
    let rows: Vec<Row> = table::read("smuggling");
    let rows = at_least(42, rows);
    let (mut count, mut faults) = (0, Vec::new());
    for stack in stacks() {
        for row in &rows {
            for operation in row.cases(stack.service) {
                count += 1;
                let found = wrong(&stack, row, operation);
                let whose = format!("{}, {}", stack.service.name(), operation.id);
                faults.extend(found.iter().map(|it| format!("{} [{whose}]: {it}", row.name)));
            }
        }
    }
    conclude(140, count, &faults);
}
