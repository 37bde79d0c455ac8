//! Checks the plan of a rollback.
//!
//! Nobody reviews the plan of a rollback line by line. So it may only change the images of the task definition, and the
//! task definition of the service.

use std::fmt::Write as _;

use crate::plan::{Action, Plan, Resource};
use crate::plan_review::difference::{self, Difference, Side};

/// The changes of a plan.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Effect {
    /// Containers with the image before and after.
    images: Vec<(String, String)>,
    /// Changes that a rollback must not make.
    others: Vec<String>,
}

impl Effect {
    /// Reads the changes of a plan.
    pub(crate) fn from_plan(plan: &Plan) -> Self {
        let mut effect = Self::default();
        let mut module = None;
        for resource in plan.changed() {
            // A rollback changes one service, which is one module.
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

    /// Whether a rollback may make these changes.
    pub(crate) fn allowed(&self) -> bool {
        self.others.is_empty()
    }

    /// The changes, as Markdown.
    pub(crate) fn markdown(&self) -> String {
        let mut text = String::from("## Rollback\n\n");
        if self.images.is_empty() && self.others.is_empty() {
            text.push_str("These images already run: nothing changes.\n");
        }
        for (container, change) in &self.images {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "- `{container}`: {change}");
        }
        if !self.others.is_empty() {
            text.push_str("\nRefused: the rollback would change more than the images.\n\n");
            for other in &self.others {
                let _ = writeln!(text, "- `{other}`");
            }
            text.push_str("\nThe configuration contains changes that were not applied. Check out the configuration of the last deployment (`git checkout COMMIT`), or deploy these changes.\n");
        }
        text
    }
}

/// Whether the provider fills in an attribute that the configuration does not set: the provider returned an empty
/// value, or the value is known only after apply. A value from another resource can also be known only after apply. But
/// then that resource changes too, and the check refuses it.
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

/// `None`: a refused difference. `Some`: an expected one, with or without a line in the text.
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
