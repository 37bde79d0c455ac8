//! The stream of events.

use super::users::caller;
use super::{Tasks, revalidated};
use crate::access::Denied;
use crate::events::{Holder, NoStream, STREAMS_OF_A_USER};
use crate::model::timestamp::Timestamp;
use chassis::answer::events;
use chassis::problem::{ErrorStatus, Problem};
use chassis::{Answer, Request};
use std::time::Duration;

/// The time after which a user may have fewer streams.
const LATER: Duration = Duration::from_secs(10);

impl Tasks {
    pub(super) async fn follow_events(&self, request: &Request<'_>) -> Result<Answer, Problem> {
        let caller = caller(request)?;
        let after = last_event_id(request)?;
        self.schemas.no_query(request)?;
        let ends = request.token.as_ref().map_or(0, |token| token.exp);
        let ends = Timestamp::from(Duration::from_secs(ends));
        let holder = Holder { user: caller.user.id, session: caller.session, ends };
        let pieces = self.streams.open(holder, after).await.map_err(refused)?;
        Ok(revalidated(events(pieces)))
    }
}

/// The number of the last event that the caller has. Ids are written in one form only.
fn last_event_id(request: &Request<'_>) -> Result<Option<i64>, Problem> {
    let Some(text) = request.header("Last-Event-ID")? else {
        return Ok(None);
    };
    let number =
        text.parse().ok().filter(|number: &i64| number.to_string() == text && *number >= 0);
    let detail = "The header Last-Event-ID must be the id of an event of this stream.";
    number.map(Some).ok_or_else(|| Problem::plain(ErrorStatus::BAD_REQUEST, detail))
}

fn refused(refused: NoStream) -> Problem {
    match refused {
        NoStream::TooMany => Problem::own(
            ErrorStatus::TOO_MANY_REQUESTS,
            "too-many-streams",
            "Too many streams",
            format!("You have {STREAMS_OF_A_USER} open streams."),
        )
        .retry_after(LATER),
        NoStream::Store(error) => Denied::Store(error).into(),
    }
}
