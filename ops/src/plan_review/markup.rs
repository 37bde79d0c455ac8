//! Text from a plan, escaped for Markdown.
//!
//! The author of a pull request controls the plan. Its text must not mention people, end its table cell, or add a green
//! mark.

/// Characters of one value before it is cut.
const VALUE: usize = 100;

/// A difference in US dollars, with its sign.
pub(super) fn money(dollars: f64) -> String {
    format!("{}{:.2} USD", if dollars < 0.0 { "−" } else { "+" }, dollars.abs())
}

/// A value as code: one line, cut when long, and escaped so that it cannot end its code span or table cell.
pub(super) fn code(text: &str) -> String {
    let flat =
        shorten_digests(&text.replace(['\n', '\r'], " ")).replace('`', "'").replace('|', "\\|");
    let cut: String = flat.chars().take(VALUE).collect();
    let more = if flat.chars().count() > VALUE { "…" } else { "" };
    format!("`{cut}{more}`")
}

/// Twelve digits of a digest distinguish two images. Both then fit in one line.
fn shorten_digests(text: &str) -> String {
    const PREFIX: &str = "sha256:";
    let parts = text.split_once(PREFIX).filter(|(_, digest)| digest.len() == 64);
    match parts.and_then(|(head, digest)| Some((head, digest.get(..12)?))) {
        Some((head, start)) => format!("{head}{PREFIX}{start}…"),
        None => text.to_owned(),
    }
}

/// Plain text: no markup, no mention, no link.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '@' => safe.push_str("&#64;"),
            '`' => safe.push_str("&#96;"),
            '|' => safe.push_str("&#124;"),
            '[' => safe.push_str("&#91;"),
            ']' => safe.push_str("&#93;"),
            // GitHub makes no link of an address without its colon.
            ':' if safe.ends_with("http") || safe.ends_with("https") => safe.push_str("&#58;"),
            '*' | '_' => {
                safe.push('\\');
                safe.push(character);
            }
            '\n' | '\r' => safe.push(' '),
            other => safe.push(other),
        }
    }
    safe
}
