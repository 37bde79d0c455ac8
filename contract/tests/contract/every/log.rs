//! Both logs, for every operation: one JSON line for each request with all fields, but without path, query or
//! credentials of the caller.

use super::row::CREDENTIALS;
use super::{conclude, conclude_each, operations, stacks};
use chassis::document::Operation;
use contract::call::Call;
use contract::http::Request;
use contract::list::at_least;
use contract::log::Stream;
use contract::own_stack_only;
use contract::service::Service;
use contract::stack::{KEY, Stack};
use contract::values::Values;
use serde_json::Value;

const TEXTS: [&str; 19] = [
    "time",
    "cause",
    "request_id",
    "trace_id",
    "traceparent",
    "client",
    "key_number",
    "address",
    "peer",
    "method",
    "route",
    "operation",
    "service",
    "upstream_status",
    "upstream_connect_time",
    "upstream_header_time",
    "upstream_response_time",
    "limit",
    "user_agent",
];
const NUMBERS: [&str; 5] = ["epoch", "status", "request_bytes", "response_bytes", "request_time"];

/// The missing fields of a line. Each metric that the line declares must be a number.
pub(crate) fn field_faults(line: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let mut require = |there: bool, name: &str| {
        if !there {
            faults.push(format!("{name} in {line}"));
        }
    };
    for name in TEXTS {
        require(line[name].is_string(), name);
    }
    for name in NUMBERS {
        require(line[name].as_f64().is_some_and(|number| number >= 0.0), name);
    }
    let metrics = line.pointer("/_aws/CloudWatchMetrics/0/Metrics").and_then(Value::as_array);
    for metric in at_least(4, metrics.expect("the line is a metric record")) {
        let name = metric["Name"].as_str().expect("a metric has a name");
        require(line[name].is_number(), name);
    }
    faults
}

fn log_of(stack: &Stack) -> [String; 2] {
    [stack.sidecar.process.log.text(), stack.api.process.log.text()]
}

#[test]
fn every_request_has_one_complete_line_without_secrets() {
    own_stack_only!("every_request_has_one_complete_line_without_secrets");
    let (mut count, mut wrong) = (0, Vec::new());
    for stack in stacks() {
        let mut secrets = vec![KEY.to_owned(), "do-not-log-me".to_owned()];
        for operation in operations(stack.service) {
            let call = stack.call(operation);
            let id = format!("log-{}", operation.id);
            let request = call
                .request()
                .target(&format!("{}?q=do-not-log-me", call.path))
                .header("X-Request-Id", &id)
                .header("X-Forwarded-For", "198.51.100.7")
                .header("X-Api-Client", "forged")
                .header("Referer", "http://a/do-not-log-me")
                .header("User-Agent", "a \"quoted\\ agent\"/1");
            secrets.extend(
                CREDENTIALS
                    .iter()
                    .filter_map(|name| request.first(name))
                    .map(|value| value.strip_prefix("Bearer ").unwrap_or(value).to_owned()),
            );
            if !operation.path.is_static() {
                secrets.push(format!("\"{}\"", call.path));
            }
            let answer = stack.ask(&request);
            let lines = stack.sidecar.process.log.of_request(&id);
            let mut found = field_faults(&lines[0]);
            let client = if call.credentials_line().contains("X-Api-Key") { "acme" } else { "" };
            for (name, value) in [
                ("client", Value::from(client)),
                ("key_number", if client.is_empty() { "" } else { "1" }.into()),
                ("address", "127.0.0.1".into()),
                ("peer", "127.0.0.1".into()),
                ("method", operation.method.as_str().into()),
                ("route", operation.path.to_string().into()),
                ("operation", operation.id.as_str().into()),
                ("service", stack.service.name().into()),
                ("status", answer.status.into()),
                ("answered_by", "api".into()),
                ("upstream_status", answer.status.to_string().into()),
                ("cause", "".into()),
                ("user_agent", "a \"quoted\\ agent\"/1".into()),
            ] {
                if lines[0][name] != value {
                    found.push(format!("{name} is {} instead of {value}", lines[0][name]));
                }
            }
            // The service logs the id that the caller received.
            let events = stack.api.process.log.of_request(&id);
            let event = events.iter().find(|event| event["status"] == answer.status);
            if event.is_none_or(|event| event["operation"] != operation.id.as_str()) {
                found.push(format!("the service logged {events:?}"));
            }
            if lines.len() != 1 {
                found.push(format!("{} lines", lines.len()));
            }
            count += 1;
            wrong.extend(found.iter().map(|fault| format!("{}: {fault}", operation.id)));
        }
        for log in log_of(&stack) {
            let _ = at_least(operations(stack.service).len(), log.lines());
            let shown = secrets.iter().find(|secret| log.contains(secret.as_str()));
            wrong.extend(shown.map(|secret| format!("{secret} is in a log:\n{log}")));
        }
        assert_eq!(stack.sidecar.process.finish(), 0);
        assert_eq!(stack.sidecar.process.log.lines(Stream::Err), Vec::<String>::new());
    }
    conclude_each(22, 1, count, &wrong);
}

#[test]
fn successful_probe_is_logged_only_from_the_balancer() {
    own_stack_only!("successful_probe_is_logged_only_from_the_balancer");
    let (mut count, mut wrong) = (0, Vec::new());
    for stack in stacks() {
        let probes: Vec<_> =
            operations(stack.service).iter().filter(|one| one.probe.is_some()).collect();
        let log = &stack.sidecar.process.log;
        for operation in &probes {
            let request = stack.call(operation).request();
            let answers = [
                stack.ask(&request),
                stack.ask(&request.clone().header("X-Forwarded-For", "198.51.100.7")),
                stack.ask(&request.clone().method("PUT")),
            ];
            // Later lines exist, so the line of the probe would exist too.
            for answer in &answers[1..] {
                let _ = log.of_request(answer.request_id());
            }
            count += 1;
            if log.text().contains(answers[0].request_id()) {
                wrong.push(format!("{}: a success is logged", operation.id));
            }
        }
        assert_eq!(stack.api.process.finish(), 0);
        for operation in probes {
            let answer = stack.ask(&probe(stack.service, operation)).expect_status(502);
            let line = log.of_request(answer.request_id()).remove(0);
            let found = (line["operation"].as_str(), line["cause"].as_str());
            if found != (Some(operation.id.as_str()), Some("cannot connect to the API")) {
                wrong.push(format!("{}: {line}", operation.id));
            }
        }
    }
    conclude(6, count, &wrong);
}

/// The request of a probe, which needs no values.
fn probe(service: &'static Service, operation: &'static Operation) -> Request {
    Call::new(service, operation, &Values::invented(KEY)).request()
}
