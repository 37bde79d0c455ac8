//! Fills in the templates of generated files and of a new service.
//!
//! A missing value is an error. The line end at the end of a template stays.

use anyhow::Context as _;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

/// Fills in a template.
pub(super) fn fill(template: &str, values: impl Serialize) -> anyhow::Result<String> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let syntax = SyntaxConfig::builder()
        .keep_trailing_newline(true)
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()?;
    environment.set_syntax(syntax);
    environment.template_from_str(template)?.render(Serde(values)).context("a template")
}

#[cfg(test)]
mod tests {
    use super::fill;
    use serde_json::json;

    #[test]
    fn missing_value_is_an_error() {
        assert_eq!(fill("{{ a }}\n", json!({ "a": "${b} { } <" })).unwrap(), "${b} { } <\n");
        assert!(fill("{{ b }}\n", json!({ "a": 1 })).is_err());
    }
}
