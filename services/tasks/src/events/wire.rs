//! Server-sent events, as in the HTML standard.

use crate::model::event::Event;
use crate::model::task::{Status, TaskId};
use crate::store::events::Page;
use bytes::Bytes;
use serde::Serialize;
use std::fmt::Write as _;

#[derive(Serialize)]
struct Data {
    id: TaskId,
    version: i64,
    status: Status,
}

/// The id alone: a client that has seen no event yet also knows where to continue.
pub(super) fn position(number: i64) -> Bytes {
    format!("id: {number}\n\n").into()
}

/// The client must read its tasks again, because events are missing.
pub(super) fn reset(number: i64) -> Bytes {
    format!("id: {number}\nevent: reset\ndata: {{}}\n\n").into()
}

/// A part of the events, and the id of its end.
pub(super) fn page(page: &Page) -> Bytes {
    let mut text = String::new();
    for Event { number, note } in &page.events {
        let data = Data { id: note.task, version: note.version, status: note.status };
        let data = serde_json::to_string(&data).expect("ids, numbers and names are JSON");
        // Writing to a text cannot fail.
        let _ = write!(text, "id: {number}\nevent: {}\ndata: {data}\n\n", note.kind.as_str());
    }
    if page.events.last().is_none_or(|last| last.number < page.through) {
        let _ = write!(text, "id: {}\n\n", page.through);
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::{Kind, Note, Numbers};
    use crate::model::user::UserId;
    use uuid::Uuid;

    fn event(number: i64, kind: Kind) -> Event {
        let (user, task) = (UserId(Uuid::nil()), TaskId(Uuid::nil()));
        Event { number, note: Note { user, task, version: 3, status: Status::Processing, kind } }
    }

    #[test]
    fn page_has_its_events_and_its_end() {
        let numbers = Numbers { last: 9, removed_up_to: 0 };
        let events = vec![event(7, Kind::Task), event(8, Kind::Removed)];
        let all = Page { numbers, events, through: 8, is_full: false };
        let data = "data: {\"id\":\"00000000-0000-0000-0000-000000000000\",\"version\":3,\"status\":\"processing\"}\n\n";
        let both = format!("id: 7\nevent: task\n{data}id: 8\nevent: removed\n{data}");
        assert_eq!(page(&all), both);
        assert_eq!(page(&Page { through: 9, ..all.clone() }), format!("{both}id: 9\n\n"));
        assert_eq!(page(&Page { events: Vec::new(), ..all }), "id: 8\n\n");
    }
}
