//! `ETag`, `If-Match` and `If-None-Match` (RFC 9110, section 13.1).

use crate::model::task::{Summary, Task};
use chassis::Request;
use chassis::problem::{ErrorStatus, Problem};

/// The entity tag of a task: its version, which each visible change raises.
pub(super) fn etag(task: &Summary) -> String {
    format!("\"{}\"", task.version)
}

/// 412 if the caller expects another version.
pub(super) fn check_match(request: &Request<'_>, task: &Task) -> Result<(), Problem> {
    let Some(expected) = request.header("If-Match")? else {
        return Ok(());
    };
    // A weak tag never matches here.
    if any(expected, |tag| tag == etag(&task.summary)) {
        return Ok(());
    }
    let detail = "The task was changed. Read it again and send its ETag.";
    Err(Problem::plain(ErrorStatus::PRECONDITION_FAILED, detail))
}

/// Whether the caller has this version already.
pub(super) fn is_known(request: &Request<'_>, task: &Task) -> Result<bool, Problem> {
    let known = request.header("If-None-Match")?;
    let tag = etag(&task.summary);
    Ok(known.is_some_and(|known| any(known, |one| one.strip_prefix("W/").unwrap_or(one) == tag)))
}

/// Whether one of the tags of a list matches. The tags of this service contain no comma.
fn any(list: &str, matches: impl Fn(&str) -> bool) -> bool {
    list.trim() == "*" || list.split(',').any(|tag| matches(tag.trim()))
}
