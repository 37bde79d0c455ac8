//! The conformance table of a service, `contract/conformance.json`: one request per row, with the expected answer.
//!
//! The test reports all failed rows by name.

use super::row::Row;
use super::variants::{Outcome, run_on_each};
use contract::binary;
use contract::connection::Connection;
use contract::list::at_least;
use contract::own_stack_only;
use contract::service::{self, Service};
use contract::stack::Stack;
use contract::target::Target;
use serde::Deserialize;
use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// For any stack.
    requests: Vec<Row>,
    /// Bytes that no client library sends. For a sidecar without a balancer.
    raw: Vec<Row>,
    /// For the limits of the document. Each row has its own client.
    rates: Vec<Row>,
}

/// The table of a service. It is empty if the service has none.
fn table(service: &Service) -> Table {
    let uncounted = binary::nginx_version() >= (1, 23, 0) && !binary::nginx_counts_headers();
    let mut table = service.table::<Table>("conformance").unwrap_or_default();
    for row in table.requests.iter_mut().filter(|_| uncounted) {
        row.expect = row.uncounted.take().unwrap_or_else(|| std::mem::take(&mut row.expect));
    }
    table
}

/// The outcomes of rows, in their order.
fn run_all(rows: &[Row], target: &Target) -> Vec<Outcome> {
    let mut values = target.values();
    let run = |row: &Row| {
        if row.new_caller {
            values = target.values().or(values.clone());
        }
        row.run(&|| target.connect(), &mut values)
    };
    rows.iter().map(run).collect()
}

#[test]
fn every_request_gets_the_answer_of_the_table() {
    run_on_each(
        "own::table::every_request_gets_the_answer_of_the_table",
        511,
        |service| table(service).requests.len(),
        |target| run_all(&table(target.service()).requests, target),
    );
}

#[test]
fn every_raw_request_gets_the_answer_of_the_table() {
    own_stack_only!("every_raw_request_gets_the_answer_of_the_table");
    run_on_each(
        "own::table::every_raw_request_gets_the_answer_of_the_table",
        79,
        |service| table(service).raw.len(),
        |target| run_all(&table(target.service()).raw, target),
    );
}

#[test]
fn every_rate_has_the_limit_of_the_table() {
    own_stack_only!("every_rate_has_the_limit_of_the_table");
    let (mut count, mut wrong) = (0, Vec::new());
    for service in service::all() {
        let rows = table(service).rates;
        if rows.is_empty() {
            continue;
        }
        let stack = Stack::for_service(service).limited().start();
        let mut values = stack.values();
        for row in &rows {
            let from: IpAddr = row.from.unwrap_or(Ipv4Addr::LOCALHOST).into();
            let connect = || Connection::open_from(from, stack.sidecar.address);
            let Outcome { name, faults, .. } = row.run(&connect, &mut values);
            wrong.extend(faults.into_iter().map(|fault| format!("{name}: {fault}")));
        }
        count += rows.len();
    }
    assert!(count >= 35 || service::is_restricted(), "{count} rows, 35 are known");
    assert!(wrong.is_empty(), "{} faults:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn row_names_of_a_table_are_unique() {
    let services = service::all();
    let tables = services.into_iter().filter(|it| it.table::<Table>("conformance").is_some());
    let tables: Vec<Table> = tables.map(table).collect();
    assert!(!tables.is_empty() || service::is_restricted(), "no service has a table");
    for Table { requests, raw, rates } in tables {
        let names: Vec<&String> =
            [&requests, &raw, &rates].into_iter().flatten().map(|row| &row.name).collect();
        let names = at_least(1, names);
        let distinct: HashSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len(), "two rows have one name");
    }
}
