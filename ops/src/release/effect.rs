//! What the plan of a rollback does, and whether a rollback may do it.
//!
//! Nobody reviews the plan of a rollback line by line, so it may change the images of the task
//! definition, point the service to it, and that is all.

use std::fmt::Write as _;

use crate::plan::{Action, Plan, Resource};
use crate::plan_review::difference::{self, Difference, Side};

/// What a plan does.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Effect {
    /// Containers with the image before and after.
    images: Vec<(String, String)>,
    /// Everything that a rollback must not do.
    others: Vec<String>,
}

impl Effect {
    /// Reads it from a plan.
    pub(crate) fn from_plan(plan: &Plan) -> Self {
        let mut effect = Self::default();
        let mut module = None;
        for resource in plan.changed() {
            // Going back concerns one service, which is one module.
            let own = resource.address.strip_suffix(&format!("{}.this", resource.kind));
            if own.is_none() || *module.get_or_insert(own) != own {
                effect.others.push(resource.address.clone());
            } else {
                effect.add(resource);
            }
        }
        effect
    }

    fn add(&mut self, resource: &Resource) {
        let differences = difference::find(resource);
        let expected = match (resource.kind.as_str(), resource.action()) {
            ("aws_ecs_task_definition", Action::Replace) => image_of,
            ("aws_ecs_service", Action::Update) => task_definition,
            _ => {
                self.others.push(resource.address.clone());
                return;
            }
        };
        for found in differences.iter().filter(|d| !is_filled_in(d)) {
            match expected(found) {
                Some(text) => self.images.extend(text),
                None => self.others.push(format!("{}: {}", resource.address, found.path)),
            }
        }
    }

    /// Whether a rollback may do it.
    pub(crate) fn allowed(&self) -> bool {
        self.others.is_empty()
    }

    /// What it does, as Markdown.
    pub(crate) fn markdown(&self) -> String {
        let mut text = String::from("## Rollback\n\n");
        if self.images.is_empty() && self.others.is_empty() {
            text.push_str("These images run already: nothing changes.\n");
        }
        for (container, change) in &self.images {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "- `{container}`: {change}");
        }
        if !self.others.is_empty() {
            text.push_str("\nRefused: going back would change more than the images.\n\n");
            for other in &self.others {
                let _ = writeln!(text, "- `{other}`");
            }
            text.push_str("\nThe configuration holds changes that were not applied. Take the configuration of the last deployment (`git checkout COMMIT`), or deploy these changes.\n");
        }
        text
    }
}

/// Whether the provider fills an attribute in that the configuration leaves out: it reads an empty value
/// back, or knows the value after the apply only. A value that another resource would give is known after
/// the apply as well, but then that resource changes too, and is refused itself.
fn is_filled_in(found: &Difference) -> bool {
    let empty = |side: &Side| matches!(side, Side::Known(v) if *v == "" || *v == false);
    match &found.after {
        None => found.before.as_ref().is_some_and(empty),
        Some(Side::Unknown) => {
            !matches!(found.path.as_str(), "container_definitions" | "task_definition")
        }
        Some(_) => false,
    }
}

/// A difference that is expected: with a line for people, or without.
type Expected = Option<Option<(String, String)>>;

fn image_of(found: &Difference) -> Expected {
    let container = found.path.strip_prefix("container_definitions.")?.strip_suffix(".image")?;
    let side = |side: &Option<Side>| side.as_ref().map_or_else(String::new, Side::text);
    Some(Some((
        container.to_owned(),
        format!("`{}` → `{}`", side(&found.before), side(&found.after)),
    )))
}

fn task_definition(found: &Difference) -> Expected {
    (found.path == "task_definition").then_some(None)
}
