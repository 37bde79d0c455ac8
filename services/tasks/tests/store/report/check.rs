//! The content of a report.

use serde::de::IgnoredAny;
use serde_json::Value;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::Path;

/// Titles of tasks, and the same as cells of the CSV file.
pub(super) const TITLES: [(&str, &str); 12] = [
    ("=HYPERLINK(\"http://evil.example\")", "'=HYPERLINK(\"http://evil.example\")"),
    ("+1", "'+1"),
    ("-1", "'-1"),
    ("@SUM(A1)", "'@SUM(A1)"),
    ("\tTab", "'\tTab"),
    ("\rCR", "'\rCR"),
    ("\nLF", "'\nLF"),
    ("'=1", "'=1"),
    (" =1", " =1"),
    ("a,b;c", "a,b;c"),
    ("\"quoted\", and\r\na line", "\"quoted\", and\r\na line"),
    ("Grüße, 世界 🎉", "Grüße, 世界 🎉"),
];

/// The first cells of all lines, and the titles of the last ones.
pub(super) fn check_csv(path: &Path, tasks: u64) {
    let raw = fs::read(path).unwrap();
    assert!(
        raw.starts_with(b"\"id\",\"user_id\",\"assignee_id\",\"type\",\"title\",\"description\",")
    );
    assert!(raw.ends_with(b"\"\r\n"));
    let mut reader = csv::Reader::from_reader(&*raw);
    let (mut before, mut titles, mut rows) = (String::new(), Vec::new(), 0);
    for record in reader.records() {
        let record = record.unwrap();
        assert_eq!(record.len(), 18);
        assert!(before.as_str() < &record[0], "in the order of creation, and each once");
        record[0].clone_into(&mut before);
        rows += 1;
        if rows <= tasks {
            assert_eq!(record[4], format!("Task {rows}"));
        } else {
            titles.push(record[4].to_owned());
        }
    }
    assert_eq!(rows, tasks + TITLES.len() as u64);
    assert_eq!(titles, TITLES.map(|(_, cell)| cell));
    for (_, cell) in TITLES {
        let quoted = format!(",\"{}\",", cell.replace('"', "\"\""));
        let text = String::from_utf8_lossy(&raw[raw.len() - 10_000..]).into_owned();
        assert!(text.contains(&quoted), "{quoted}");
    }
}

pub(super) fn check_json(path: &Path, tasks: u64) {
    let whole: Vec<IgnoredAny> =
        serde_json::from_reader(BufReader::new(File::open(path).unwrap())).unwrap();
    assert_eq!(whole.len() as u64, tasks + TITLES.len() as u64);
    // Each task has a line.
    let lines = BufReader::new(File::open(path).unwrap()).lines().map(Result::unwrap);
    let lines: Vec<String> = lines.skip(1).filter(|line| line != "]").collect();
    assert_eq!(lines.len(), whole.len());
    let task =
        |at: usize| -> Value { serde_json::from_str(lines[at].trim_end_matches(',')).unwrap() };
    let (first, last) = (task(0), task(lines.len() - 1));
    assert_eq!(first["title"], "Task 1");
    assert_eq!(first["created_at"], "2023-11-14T22:13:20.001Z");
    assert_eq!(last["title"], TITLES[11].0);
    assert!(first.get("payload").is_none());
    assert_eq!(first.as_object().unwrap().len(), 18);
}
