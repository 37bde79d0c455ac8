//! Requests that two parsers could read in two ways. Each is refused, or read once: the API never sees more
//! of it than the sidecar let through. The shapes are rows of `data/smuggling.json`.

use crate::conformance::{Row, fill};
use contract::list::at_least;
use contract::own_stack_only;
use contract::stack::{KEY, Stack};
use contract::table;
use std::time::Duration;

#[test]
fn no_shape_smuggles_a_request_past_the_sidecar() {
    own_stack_only!("no_shape_smuggles_a_request_past_the_sidecar");
    let stack = Stack::start();
    let rows: Vec<Row> = table::read("smuggling");
    let mut wrong = Vec::new();
    for row in at_least(42, &rows) {
        let before = stack.metrics().requests();
        let mut connection = stack.sidecar.connect();
        match row.send(&mut connection, KEY) {
            Ok(answer) => wrong.extend(
                row.judge(answer.as_ref())
                    .into_iter()
                    .map(|fault| format!("{}: {fault}", row.name)),
            ),
            Err(error) => wrong.push(format!("{}: {error}", row.name)),
        }
        // Whatever was hidden behind the first request would be answered on this connection now.
        let _ = connection.end();
        let _ = connection.patience(Duration::from_secs(10));
        let rest = connection.receive_rest().unwrap_or_default();
        let seen = stack.metrics().requests() - before;
        let expected = row.api_sees.unwrap_or_else(|| panic!("{} says api_sees", row.name));
        if seen != expected {
            wrong.push(format!("{}: the API saw {seen} requests and not {expected}", row.name));
        }
        if !rest.is_empty() {
            let raw = fill(row.raw.as_deref().unwrap_or_default(), KEY);
            wrong.push(format!(
                "{}: a second answer {:?} to {raw:?}",
                row.name,
                String::from_utf8_lossy(&rest)
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
