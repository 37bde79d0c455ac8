//! The job `resize_image`: a real process for each image.

mod bombs;
mod endings;
mod formats;
mod hostile;
mod isolation;
pub(crate) mod samples;

use crate::service::TASKS;
use std::time::Duration;
use tasks::jobs::resize_image::{NotResized, Resizer};

/// The text about an image that does not decode.
const DAMAGED: &str =
    "The image is damaged, incomplete, or has another format than its first bytes say.";

/// Processes of the program of this release.
fn resizer() -> Resizer {
    Resizer::new(TASKS.into())
}

/// The text that the owner of a refused image reads.
#[track_caller]
fn refusal(resized: Result<Vec<u8>, NotResized>) -> String {
    match resized {
        Err(NotResized::Refused(text)) => text,
        other => panic!("not refused: {other:?}"),
    }
}

/// A value of a file below `/proc`, by its name at the beginning of a line.
fn value(process: u32, file: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(format!("/proc/{process}/{file}")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Whether a process still runs. A zombie does not.
fn runs(process: u32) -> bool {
    value(process, "status", "State:").is_some_and(|state| !state.starts_with('Z'))
}

/// Waits until a process has isolated itself.
#[track_caller]
fn until_isolated(process: u32) -> Duration {
    crate::until("the isolation", crate::PATIENCE, || {
        value(process, "status", "Seccomp:").as_deref() == Some("2")
    })
}
