//! Request smuggling: requests that two parsers can read in different ways, for every operation that takes a body. The
//! sidecar refuses each one or forwards it as one request. `data/smuggling.json` contains the requests.

use super::row::Row;
use super::{conclude, stacks, values};
use chassis::document::Operation;
use contract::call::Call;
use contract::list::at_least;
use contract::own_stack_only;
use contract::stack::Stack;
use contract::table;
use std::time::Duration;

/// The faults of one row.
fn wrong(stack: &Stack, row: &Row, operation: &'static Operation) -> Vec<String> {
    let values = values(stack, row, operation);
    let call = Call::new(stack.service, operation, &values);
    let before = stack.metrics().requests();
    let mut connection = stack.sidecar.connect();
    let mut wrong = match row.send(&mut connection, &call, &values, "") {
        Ok(Some(answer)) => row.judge(&call, stack.service, &answer),
        other => vec![format!("{other:?}")],
    };
    // A hidden second request would be answered on this connection now.
    let _ = connection.end();
    let _ = connection.patience(Duration::from_secs(10));
    let rest = connection.receive_rest().unwrap_or_default();
    if !rest.is_empty() {
        wrong.push(format!("a second answer: {:?}", String::from_utf8_lossy(&rest)));
    }
    let seen = stack.metrics().requests() - before;
    let expected = row.api_sees.expect("each row has api_sees");
    if seen != expected {
        wrong.push(format!("the service received {seen} requests instead of {expected}"));
    }
    wrong
}

#[test]
fn no_request_is_smuggled_past_the_sidecar() {
    own_stack_only!("no_request_is_smuggled_past_the_sidecar");
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
    conclude(166, count, &faults);
}
