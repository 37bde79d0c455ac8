//! Readable JSON: one member per line, and a value on one line if it fits.

use serde_json::Value;

/// Columns of a line.
const WIDTH: usize = 120;

/// The text of a value, with a newline at the end.
pub(super) fn text(value: &Value) -> String {
    let mut text = String::new();
    write(value, 0, 0, &mut text);
    text + "\n"
}

/// Writes a value after `indent` and `before` columns of its line.
fn write(value: &Value, indent: usize, before: usize, text: &mut String) {
    let line = one_line(value);
    let (open, close) = if value.is_array() { ('[', ']') } else { ('{', '}') };
    let members: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(name, inner)| (member(name), inner)).collect(),
        Value::Array(list) => list.iter().map(|inner| (String::new(), inner)).collect(),
        _ => Vec::new(),
    };
    if members.is_empty() || indent + before + line.len() < WIDTH {
        text.push_str(&line);
        return;
    }
    text.push(open);
    for (place, (name, inner)) in members.iter().enumerate() {
        text.push_str(if place == 0 { "\n" } else { ",\n" });
        text.push_str(&" ".repeat(indent + 2));
        text.push_str(name);
        write(inner, indent + 2, name.len(), text);
    }
    text.push('\n');
    text.push_str(&" ".repeat(indent));
    text.push(close);
}

fn one_line(value: &Value) -> String {
    let joined = |members: Vec<String>| members.join(", ");
    match value {
        Value::Object(map) if !map.is_empty() => {
            let members = map.iter().map(|(name, inner)| member(name) + &one_line(inner));
            format!("{{ {} }}", joined(members.collect()))
        }
        Value::Array(list) => format!("[{}]", joined(list.iter().map(one_line).collect())),
        other => other.to_string(),
    }
}

fn member(name: &str) -> String {
    format!("{}: ", Value::from(name))
}
