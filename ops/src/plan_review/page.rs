//! A page with a maximum length, which names the sections that it left out.

use std::fmt::Write as _;

/// Markdown under construction.
pub(super) struct Page {
    text: String,
    limit: usize,
}

/// Bytes for the sentence about what was left out, and for closing tags.
const RESERVE: usize = 200;

impl Page {
    /// An empty page of at most `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self { text: String::new(), limit }
    }

    /// The text of the page.
    pub(super) fn finish(self) -> String {
        self.text
    }

    /// Whether `length` more bytes fit.
    pub(super) fn fits(&self, length: usize) -> bool {
        self.text.len() + length + RESERVE <= self.limit
    }

    /// Adds a section, even if it does not fit.
    pub(super) fn must(&mut self, section: &str) {
        self.text.push_str(section);
    }

    /// Adds the whole section if it fits; otherwise its title and a note.
    pub(super) fn may(&mut self, section: &str) {
        if section.is_empty() {
        } else if self.fits(section.len()) {
            self.text.push_str(section);
        } else if let Some(title) = section.lines().find(|line| line.starts_with('#')) {
            let _ = writeln!(self.text, "\n{title}\n\nToo long for this comment. Read the plan.");
        }
    }
}
