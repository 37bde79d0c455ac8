//! The output of a running process, line by line.

use crate::wait::{PATIENCE, poll};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Mutex};
use std::thread;

/// The source of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output: the access log of the sidecar, the events of the API.
    Out,
    /// Standard error.
    Err,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<(Stream, String)>,
    ended: u8,
}

/// The lines of both streams of one process.
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Mutex<State>>);

impl Log {
    /// Collects a stream in the background until it ends.
    pub fn collect(&self, stream: Stream, source: impl Read + Send + 'static) {
        let log = self.clone();
        thread::spawn(move || {
            let mut source = BufReader::new(source);
            let mut line = Vec::new();
            while source.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
                let text = String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned();
                log.state().lines.push((stream, text));
                line.clear();
            }
            log.state().ended += 1;
        });
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().expect("nothing panics while it holds the lock")
    }

    /// Waits until both streams have ended, so every process that held them has ended.
    pub fn wait_for_end(&self) {
        poll(PATIENCE, || (self.state().ended == 2).then_some(()));
    }

    /// All lines of one stream so far.
    #[must_use]
    pub fn lines(&self, stream: Stream) -> Vec<String> {
        self.state()
            .lines
            .iter()
            .filter(|(from, _)| *from == stream)
            .map(|(_, text)| text.clone())
            .collect()
    }

    /// All output so far, as one text.
    #[must_use]
    pub fn text(&self) -> String {
        self.state().lines.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("\n")
    }

    /// All lines of standard output as JSON objects. Any other line fails the test.
    #[must_use]
    pub fn events(&self) -> Vec<Value> {
        self.lines(Stream::Out).iter().map(|line| parse(line)).collect()
    }

    /// Waits for an event with this request id, and returns all such events.
    #[must_use]
    pub fn of_request(&self, id: &str) -> Vec<Value> {
        poll(PATIENCE, || {
            // Copy and parse only these lines, because a test can call this a thousand times.
            let state = self.state();
            let lines = state.lines.iter().filter(|(from, _)| *from == Stream::Out);
            let lines: Vec<String> =
                lines.filter(|(_, line)| line.contains(id)).map(|(_, line)| line.clone()).collect();
            drop(state);
            let events = lines.iter().map(|line| parse(line));
            let found: Vec<Value> = events.filter(|event| event["request_id"] == id).collect();
            (!found.is_empty()).then_some(found)
        })
        .unwrap_or_else(|| panic!("no line for request {id} in:\n{}", self.text()))
    }
}

fn parse(line: &str) -> Value {
    let event: Value =
        serde_json::from_str(line).unwrap_or_else(|error| panic!("not JSON ({error}): {line}"));
    assert!(event.is_object(), "not an object: {line}");
    event
}
