//! The layout of a document's text: an object or a list that fits is on one line.

use serde_json::Value;

/// The most characters of a line.
const WIDTH: usize = 120;
const INDENT: usize = 2;

/// The text of a document.
pub(crate) fn text(document: &Value) -> String {
    broken(document, 0, 0) + "\n"
}

/// A value in the lines that it needs. Its first line is indented, and has `around` more characters.
fn broken(value: &Value, indent: usize, around: usize) -> String {
    let line = flat(value);
    let parts = parts(value);
    if parts.is_empty() || indent + around + line.chars().count() <= WIDTH {
        return line;
    }
    let (inner, last) = (indent + INDENT, parts.len() - 1);
    let lines = parts.iter().enumerate().map(|(place, (name, part))| {
        let comma = usize::from(place < last);
        let around = name.chars().count() + comma;
        format!("{:inner$}{name}{}", "", broken(part, inner, around))
    });
    let lines = lines.collect::<Vec<_>>().join(",\n");
    let (open, close) = if value.is_object() { ('{', '}') } else { ('[', ']') };
    format!("{open}\n{lines}\n{:indent$}{close}", "")
}

fn flat(value: &Value) -> String {
    let parts = parts(value);
    if parts.is_empty() {
        return value.to_string();
    }
    let parts = parts.iter().map(|(name, part)| format!("{name}{}", flat(part)));
    let parts = parts.collect::<Vec<_>>().join(", ");
    if value.is_object() { format!("{{ {parts} }}") } else { format!("[{parts}]") }
}

/// The members of an object or the items of a list, each with the text before it.
fn parts(value: &Value) -> Vec<(String, &Value)> {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, part)| (format!("{}: ", Value::from(name.as_str())), part))
            .collect(),
        Value::Array(items) => items.iter().map(|part| (String::new(), part)).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn value_that_fits_is_on_one_line() {
        let value = json!({ "b": [1, "é\n", null], "a": {}, "c": [] });
        assert_eq!(text(&value), "{ \"b\": [1, \"é\\n\", null], \"a\": {}, \"c\": [] }\n");
    }

    #[test]
    fn line_has_at_most_120_characters() {
        let long = |length: usize| json!({ "a": { "é": ["é".repeat(length)], "b": 1 }, "c": 2 });
        // The member `a` with its indent and its comma.
        let around = r#"  "a": { "é": [""], "b": 1 },"#.chars().count();
        let longest = text(&long(WIDTH - around));
        assert_eq!(longest.lines().map(|line| line.chars().count()).max(), Some(WIDTH));
        assert_eq!(longest.lines().count(), 4, "{longest}");

        let over = text(&long(WIDTH - around + 1));
        let expected = format!(
            "{{\n  \"a\": {{\n    \"é\": [\"{}\"],\n    \"b\": 1\n  }},\n  \"c\": 2\n}}\n",
            "é".repeat(WIDTH - around + 1)
        );
        assert_eq!(over, expected);
    }

    #[test]
    fn text_without_a_place_for_a_break_stays_whole() {
        let word = "x".repeat(WIDTH);
        assert_eq!(text(&json!([word])), format!("[\n  \"{word}\"\n]\n"));
    }
}
