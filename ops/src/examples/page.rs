//! Reads the steps from a page of documentation: files to save and commands to run.
//!
//! - A `console` block has commands and their output. A line that starts with `$ ` is a command. The lines up to the
//!   next command are its standard output.
//! - A block with a second word after its language is a file with that path.
//! - A `js` or `python` block is a file if the comment in its first line is a file name.
//! - Other blocks are not run.

/// A step for the reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Saves a file.
    File {
        /// Its path, in the folder of the reader.
        name: String,
        /// Its content.
        text: String,
    },
    /// Runs a command.
    Command {
        /// For `bash -c`.
        command: String,
        /// The output on the page.
        expected: String,
    },
}

/// The steps of a page and the languages of its other blocks.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// In the order of the page.
    pub steps: Vec<Step>,
    /// Languages of the blocks that are not run. A block without a language has an empty string.
    pub shown: Vec<String>,
}

impl Page {
    /// Parses Markdown. Fences must be at the start of a line.
    #[must_use]
    pub fn parse(markdown: &str) -> Self {
        let mut page = Self::default();
        let mut lines = markdown.lines();
        while let Some(line) = lines.next() {
            let Some(language) = line.strip_prefix("```") else { continue };
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            let named = language.split_once(' ').map(|(_, path)| path);
            match (language, named.or_else(|| block.first().and_then(|line| file_name(line)))) {
                ("console", _) => page.steps.extend(commands(&block)),
                (_, Some(name)) if named.is_some() || ["js", "python"].contains(&language) => page
                    .steps
                    .push(Step::File { name: name.to_owned(), text: block.join("\n") + "\n" }),
                _ => page.shown.push(language.to_owned()),
            }
        }
        page
    }
}

/// The name in `// sum.mjs` or `# sum_client.py`.
fn file_name(line: &str) -> Option<&str> {
    let name = line.strip_prefix("// ").or_else(|| line.strip_prefix("# "))?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let (stem, extension) = name.rsplit_once('.')?;
    (!stem.is_empty() && !extension.is_empty() && name.chars().all(plain)).then_some(name)
}

fn commands(block: &[&str]) -> Vec<Step> {
    let mut steps = Vec::new();
    for line in block {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step::Command { command: command.to_owned(), expected: String::new() });
        } else if let Some(Step::Command { expected, .. }) = steps.last_mut() {
            expected.push_str(line);
            expected.push('\n');
        }
    }
    steps
}

/// Whether the output matches the page. `…` matches any text within a line. Spaces at the end of a line and empty lines
/// at the end of the output are ignored.
#[must_use]
pub fn matches(expected: &str, actual: &str) -> bool {
    let (expected, actual) = (lines(expected), lines(actual));
    expected.len() == actual.len()
        && expected.iter().zip(&actual).all(|(expected, actual)| line_matches(expected, actual))
}

fn lines(text: &str) -> Vec<&str> {
    text.trim_end().lines().map(str::trim_end).collect()
}

fn line_matches(expected: &str, actual: &str) -> bool {
    let mut parts = expected.split('…');
    let Some(mut rest) = parts.next().and_then(|first| actual.strip_prefix(first)) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else { return rest.is_empty() };
    for part in between {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(command: &str, expected: &str) -> Step {
        Step::Command { command: command.into(), expected: expected.into() }
    }

    #[test]
    fn parse_keeps_files_and_commands_in_their_order() {
        let page = Page::parse(
            "# A\n```console\n$ one\n1\n\n2\n$ two\n```\ntext\n```js\n// a.mjs\nb();\n```\n```sh\nthree\n```\n```\n$ four\n```\n```js\nc();\n```\n",
        );
        let file = Step::File { name: "a.mjs".into(), text: "// a.mjs\nb();\n".into() };
        assert_eq!(page.steps, [command("one", "1\n\n2\n"), command("two", ""), file]);
        assert_eq!(page.shown, ["sh", "", "js"]);
    }

    #[test]
    fn second_word_after_the_language_is_the_path_of_a_file() {
        let page = Page::parse("```rust src/a.rs\n//! A.\n```\n```rust\nshown();\n```\n");
        assert_eq!(page.steps, [Step::File { name: "src/a.rs".into(), text: "//! A.\n".into() }]);
        assert_eq!(page.shown, ["rust"]);
    }

    #[test]
    fn file_name_must_be_a_plain_name_with_an_extension() {
        for (line, name) in [
            ("// sum.mjs", Some("sum.mjs")),
            ("# sum_client.py", Some("sum_client.py")),
            ("// Adds.", None),
            ("# ../x.py", None),
            ("// two words.js", None),
            ("import x", None),
        ] {
            assert_eq!(file_name(line), name, "{line}");
        }
    }

    #[test]
    fn only_an_ellipsis_matches_any_text_within_a_line() {
        for (expected, actual, same) in [
            ("", "", true),
            ("", "x", false),
            ("x", "", false),
            ("a\nb", "a\nb\n\n", true),
            ("a\nb", "a\n", false),
            ("a", "a\nb", false),
            ("a ", "a", true),
            ("a…c", "abc", true),
            ("a…c", "ac", true),
            ("a…c", "ab", false),
            ("a…c", "a\nc", false),
            ("…a…b…", "xaxbx", true),
            ("…b…a", "xaxbx", false),
            ("aXa", "aXaXa", false),
            ("a…a", "a", false),
            ("a*[?]\\", "a*[?]\\", true),
            ("a*", "abc", false),
        ] {
            assert_eq!(matches(expected, actual), same, "{expected:?} and {actual:?}");
        }
    }
}
