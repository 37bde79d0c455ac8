//! The plan for the tests, and the names in it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use contract::list::at_least;
use ops::alarms::alarm::{Alarm, alarms};
use ops::plan::{Plan, Resource};
use serde_json::Value;

/// The plan and its alarms.
pub(crate) struct Stack {
    pub(crate) plan: Plan,
    pub(crate) alarms: Vec<Alarm>,
}

/// The stack; `None` without Terraform, and then the caller's test counts as skipped. `SUM_API_PLAN` names another
/// plan, such as a copy with a seeded defect.
pub(crate) fn stack(test: &str) -> Option<&'static Stack> {
    static STACK: OnceLock<Result<Stack, String>> = OnceLock::new();
    let stack = STACK.get_or_init(|| {
        if let Some(plan) = std::env::var_os("SUM_API_PLAN") {
            return Ok(Stack::read(plan.as_ref()));
        }
        let root = contract::binary::root();
        let out = root.join("target/plan.json");
        match xtask::plan::json(root, &out).expect("terraform test writes a plan") {
            Ok(()) => Ok(Stack::read(&out)),
            Err(reason) => Err(format!("SKIPPED: plan: {reason}")),
        }
    });
    match stack {
        Ok(stack) => Some(stack),
        Err(reason) => {
            println!("{}", reason.replacen("plan", test, 1));
            None
        }
    }
}

impl Stack {
    fn read(path: &Path) -> Self {
        let plan = Plan::read(path).expect("a plan");
        let alarms = alarms(&plan).expect("the evaluator supports every alarm");
        // The tests iterate over the alarms, so a short list must fail.
        let alarms = at_least(30, alarms);
        Self { plan, alarms }
    }

    /// The resources of one type, at least one.
    pub(crate) fn planned(&self, kind: &str) -> Vec<&Resource> {
        let found: Vec<_> = self.plan.planned(kind).collect();
        assert!(!found.is_empty(), "the plan has no {kind}");
        found
    }

    /// The only resource of a type.
    pub(crate) fn only(&self, kind: &str) -> &Value {
        let found = self.planned(kind);
        assert_eq!(found.len(), 1, "{kind}");
        &found[0].change.after
    }

    /// An attribute of the only resource of a type.
    pub(crate) fn attribute(&self, kind: &str, attribute: &str) -> &str {
        self.only(kind)[attribute].as_str().unwrap_or_else(|| panic!("{kind} has no {attribute}"))
    }

    /// The log group of the tasks. WAF has its own log group.
    pub(crate) fn log_group(&self) -> &str {
        let groups = self.planned("aws_cloudwatch_log_group");
        let names = groups.iter().filter_map(|group| group.change.after["name"].as_str());
        let mut names = names.filter(|name| !name.starts_with("aws-waf-logs-"));
        let name = names.next().expect("a log group");
        assert_eq!(names.next(), None, "two log groups of tasks");
        name
    }

    /// Environment variables of the sidecar's container.
    pub(crate) fn sidecar_environment(&self) -> BTreeMap<String, String> {
        let text = self.attribute("aws_ecs_task_definition", "container_definitions");
        let containers: Value = serde_json::from_str(text).expect("JSON");
        let nginx = containers
            .as_array()
            .into_iter()
            .flatten()
            .find(|c| c["name"] == "nginx")
            .expect("there is a sidecar");
        nginx["environment"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|pair| {
                (pair["name"].as_str().unwrap().into(), pair["value"].as_str().unwrap().into())
            })
            .collect()
    }

    /// An alarm's name without the stack's prefix.
    pub(crate) fn short<'a>(&self, name: &'a str) -> &'a str {
        let prefix = self.attribute("aws_ecs_service", "name");
        name.strip_prefix(prefix)
            .and_then(|rest| rest.strip_prefix('-'))
            .unwrap_or_else(|| panic!("{name} does not begin with {prefix}-"))
    }
}

/// A file of the repository.
pub(crate) fn text(path: &str) -> String {
    let path = contract::binary::root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The tests' data.
pub(crate) fn data(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}
