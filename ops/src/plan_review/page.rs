//! A page that never grows longer than it may, and says what it left out.

use std::fmt::Write as _;

/// Markdown under construction.
pub(super) struct Page {
    text: String,
    limit: usize,
}

/// Room for the sentence that says what was left out, and for closing tags.
const RESERVE: usize = 200;

impl Page {
    /// An empty page of at most `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self { text: String::new(), limit }
    }

    /// What is on the page.
    pub(super) fn finish(self) -> String {
        self.text
    }

    /// Whether so many more bytes fit.
    pub(super) fn fits(&self, length: usize) -> bool {
        self.text.len() + length + RESERVE <= self.limit
    }

    /// Adds a section without asking.
    pub(super) fn must(&mut self, section: &str) {
        self.text.push_str(section);
    }

    /// Adds a section as a whole, or says that it was left out.
    pub(super) fn may(&mut self, section: &str) {
        if section.is_empty() {
        } else if self.fits(section.len()) {
            self.text.push_str(section);
        } else if let Some(title) = section.lines().find(|line| line.starts_with('#')) {
            let _ = writeln!(
                self.text,
                "\n{title}\n\nToo long for this comment: read the plan itself."
            );
        }
    }
}
