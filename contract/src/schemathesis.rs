//! Schemathesis: it generates requests from the document of a service, and checks each response against the document.
//!
//! `data/schemathesis.toml` has its settings. It runs the hooks of `data/schemathesis_hooks.py`, which read a plan: the
//! callers and what the suite knows about each operation. `unexpressed.json` of a service lists the rules that its
//! document cannot express.

use crate::binary;
use crate::call::{API_KEY, AUTHORIZATION, Call};
use crate::server::RuntimeDir;
use crate::service::Service;
use crate::stack::Stack;
use crate::values::Values;
use chassis::document::{Access, Operation, Segment};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// Callers that take turns. Together, their limits are larger than what one process sends.
const CALLERS: usize = 6;
/// Callers of the operations that end a session. Each success takes one.
const FRESH: usize = 10;

/// A row of `contract/unexpressed.json`: a rule of some operations that the document cannot express.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unexpressed {
    operations: Vec<String>,
    /// The place and the detail of an error in a 422. `*` matches any text.
    rule: Option<String>,
    /// Two parameters that must not be given together.
    exclusive: Option<[String; 2]>,
    /// A resource that exists some time after the one in its path.
    #[serde(default)]
    later: bool,
    #[serde(rename = "reason")]
    _reason: String,
}

/// The result of a run.
#[derive(Debug)]
pub struct Run {
    /// Whether no check failed.
    pub passed: bool,
    /// The output of Schemathesis.
    pub output: String,
    /// The status of each response, by the method and the path template.
    pub statuses: BTreeMap<(String, String), Vec<u64>>,
}

/// The program, if it is installed. If not, prints that the test is skipped.
#[must_use]
pub fn installed(test: &str) -> Option<PathBuf> {
    let program = binary::root().join(".tools/schemathesis/bin/schemathesis");
    if program.is_file() {
        return Some(program);
    }
    println!("SKIPPED: {test}: Schemathesis is not installed (cargo xtask tools schemathesis)");
    None
}

/// Sends requests through the sidecar of a stack: at most `examples` generated ones for each operation, and the variants
/// that Schemathesis derives from each schema. The same seed gives the same requests.
#[must_use]
pub fn run(program: &PathBuf, stack: &Stack, seed: u32, examples: u32) -> Run {
    let folder = RuntimeDir::new();
    let [plan, report] = ["plan.json", "report.ndjson"].map(|name| folder.path().join(name));
    fs::write(&plan, self::plan(stack).to_string()).expect("the folder is writable");
    let data = binary::root().join("contract/data");
    let mut command = Command::new(program);
    command.arg("--config-file").arg(data.join("schemathesis.toml")).arg("run");
    command.arg(stack.service.document_path());
    command.args(["--url", &format!("http://{}", stack.sidecar.address), "--no-color"]);
    command.args(["--seed", &seed.to_string(), "--max-examples", &examples.to_string()]);
    command.args(["--report", "ndjson", "--report-ndjson-path"]).arg(&report);
    command.current_dir(folder.path()).env("PLAN", &plan).env("PYTHONPATH", &data);
    // The folder of the hooks belongs to the work tree.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let texts = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    let report = fs::read_to_string(&report).unwrap_or_default();
    Run { passed: output.status.success(), output: texts.concat(), statuses: statuses(&report) }
}

/// The statuses in a report: JSON texts, one in each line.
fn statuses(report: &str) -> BTreeMap<(String, String), Vec<u64>> {
    let mut statuses = BTreeMap::<_, Vec<u64>>::new();
    for line in report.lines() {
        let event: Value = serde_json::from_str(line).expect("a report is JSON");
        let recorder = &event["ScenarioFinished"]["recorder"];
        for (id, sent) in recorder["interactions"].as_object().into_iter().flatten() {
            let case = &recorder["cases"][id]["value"];
            let name = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let operation = (name(&case["method"]), name(&case["path"]));
            let status = sent["response"]["status_code"].as_u64();
            statuses.entry(operation).or_default().extend(status);
        }
    }
    statuses
}

/// The plan for the hooks.
fn plan(stack: &Stack) -> Value {
    let service = stack.service;
    let unexpressed: Vec<Unexpressed> = service.table("unexpressed").unwrap_or_default();
    for id in unexpressed.iter().flat_map(|row| &row.operations) {
        let _ = service.operation(id);
    }
    let (mut creators, mut operations) = (Map::new(), Map::new());
    for operation in &service.document.operations {
        let values = stack.values_for(operation);
        let calls = Call::all(service, operation, &values);
        let (parameters, resource) = resource(operation, &calls[0].path);
        if !parameters.is_empty() {
            creators.insert(resource, headers(&values));
        }
        let bodies = calls.iter().filter_map(|call| call.body.as_deref());
        let bodies = bodies.map(|body| serde_json::from_str(body).expect("an example is JSON"));
        let rows = || unexpressed.iter().filter(|row| row.operations.contains(&operation.id));
        let entry = json!({
            "credentials": match operation.access {
                Access::Open => None,
                Access::ApiKey => Some(API_KEY),
                Access::Bearer => Some(AUTHORIZATION),
            },
            "ends": ends_session(service, operation),
            "parameters": parameters,
            "bodies": bodies.collect::<Vec<Value>>(),
            "later": rows().any(|row| row.later),
            "exclusive": rows().filter_map(|row| row.exclusive.as_ref()).collect::<Vec<_>>(),
            "unexpressed": rows().filter_map(|row| row.rule.as_ref()).collect::<Vec<_>>(),
        });
        operations.insert(operation.id.clone(), entry);
    }
    let ends = service.document.operations.iter().any(|one| ends_session(service, one));
    let callers = |count| -> Vec<Value> { (0..count).map(|_| headers(&stack.values())).collect() };
    json!({
        "callers": callers(CALLERS),
        "fresh": if ends { callers(FRESH) } else { Vec::new() },
        "creators": creators,
        "operations": operations,
    })
}

/// The values of the path parameters, and the path up to the last one.
fn resource(operation: &Operation, path: &str) -> (Map<String, Value>, String) {
    let (mut parameters, mut end, mut place) = (Map::new(), 0, 0);
    for (segment, value) in operation.path.segments().iter().zip(path.split('/').skip(1)) {
        place += 1 + value.len();
        if let Segment::Parameter(name) = segment {
            parameters.insert(name.clone(), value.into());
            end = place;
        }
    }
    (parameters, path[..end].to_owned())
}

/// Whether a success of the operation spends its caller, not a resource in its path.
fn ends_session(service: &Service, operation: &Operation) -> bool {
    let spends = service.case(operation).spends && operation.path.is_static();
    spends && operation.access == Access::Bearer
}

/// The credentials of a caller by their header.
fn headers(values: &Values) -> Value {
    let token = values.get("token").unwrap_or_default();
    json!({ API_KEY: values.key, AUTHORIZATION: format!("Bearer {token}") })
}
