//! Renders the template.
//!
//! A missing value is an error. A value with a character that has a meaning for nginx is also an error. The check is
//! part of writing a value, so every value is checked.

use crate::Failure;
use crate::view::View;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value,
};

const TEMPLATE: &str = include_str!("../nginx.conf.jinja");
/// Characters that would end a value or start other syntax in nginx's configuration.
const FORBIDDEN: [char; 8] = ['"', '\\', '$', ';', '{', '}', '\n', '\r'];

/// The text of the configuration.
pub fn render(view: &View) -> Result<String, Failure> {
    fill(TEMPLATE, Serde(view)).map_err(|error| Failure::Render(error.to_string()))
}

fn fill(template: &str, values: impl Into<Value>) -> Result<String, Error> {
    // Empty, so that no filter can mark a value as safe.
    let mut environment = Environment::empty();
    environment.add_test("none", |value: &Value| value.is_none());
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Custom("nginx".into()));
    environment.set_formatter(write);
    let syntax = SyntaxConfig::builder()
        .keep_trailing_newline(true)
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()?;
    environment.set_syntax(syntax);
    environment.template_from_str(template)?.render(values)
}

fn write(output: &mut Output<'_>, _: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let text = value.to_string();
    if !value.is_safe() && text.contains(FORBIDDEN) {
        let rule = "a value contains a character that has a meaning for nginx";
        return Err(Error::new(ErrorKind::InvalidOperation, rule));
    }
    output.write_str(&text)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use minijinja::context;

    #[test]
    fn value_is_written_unchanged() {
        let values = context!(name => "a-B_1.~/:[]|(),'@", number => 5, list => ["a", "b"]);
        let text =
            fill("{{ name }} {{ number }}{% for x in list %} {{ x }}{% endfor %};\n", values);
        assert_eq!(text.unwrap(), "a-B_1.~/:[]|(),'@ 5 a b;\n");
    }

    #[test]
    fn value_with_meaning_for_nginx_is_refused() {
        for character in ["\"", "\\", "$", ";", "{", "}", "\n", "\r"] {
            for value in [format!("a{character}b"), character.to_owned(), format!("a{character}")] {
                let error = fill("x {{ value }};", context!(value => value.clone())).unwrap_err();
                assert!(error.to_string().contains("has a meaning for nginx"), "{error}");
                assert!(!format!("{error:?}").contains(&format!("a{character}b")), "{error:?}");
                // Also in a list.
                let list = context!(list => [value]);
                assert!(fill("{% for x in list %}{{ x }}{% endfor %}", list).is_err());
            }
        }
    }

    #[test]
    fn missing_value_is_error() {
        for template in ["{{ nothing }}", "{{ a.nothing }}", "{% if nothing %}{% endif %}"] {
            assert!(fill(template, context!(a => context!(b => 1))).is_err(), "{template}");
        }
        assert!(fill("{% for x in nothing %}{% endfor %}", context!()).is_err());
    }
}
