//! Parameters, bodies and headers: what a request and a response are made of.

use serde_json::Value;

use super::schema::{Comparison, Direction};
use super::{Change, report};
use crate::openapi::place::Place;

/// Compares the requests and the responses of one operation.
pub(super) fn compare(
    old: &Place<'_>,
    new: &Place<'_>,
    comparison: &mut Comparison,
    changes: &mut Vec<Change>,
) {
    let mut messages = Messages { comparison, changes };
    messages.parameters(old, new);
    messages.request_body(old, new);
    messages.responses(old, new);
    if old.member("callbacks").map(|place| place.value)
        != new.member("callbacks").map(|place| place.value)
    {
        report(changes, new.at_member("callbacks"), "callbacks changed");
    }
}

struct Messages<'a> {
    comparison: &'a mut Comparison,
    changes: &'a mut Vec<Change>,
}

/// A parameter: its place in the request, its name, and what is declared of it.
struct Parameter<'a> {
    key: (String, String),
    place: Place<'a>,
}

impl Messages<'_> {
    fn report(&mut self, at: impl Into<String>, what: impl Into<String>) {
        report(self.changes, at, what);
    }

    fn parameters(&mut self, old: &Place<'_>, new: &Place<'_>) {
        let before = parameters(old);
        let after = parameters(new);
        for Parameter { key, place } in &before {
            match after.iter().find(|parameter| parameter.key == *key) {
                Some(now) => {
                    self.must_stay_optional(place, &now.place, "the parameter");
                    self.value(place, &now.place, Direction::Request);
                }
                None => {
                    self.report(&place.at, format!("the {} parameter was removed", key.0));
                }
            }
        }
        for Parameter { key, place } in after {
            let is_new = !before.iter().any(|parameter| parameter.key == key);
            if is_new && is_required(&place) {
                self.report(place.at, format!("a required {} parameter is new", key.0));
            }
        }
    }

    fn must_stay_optional(&mut self, old: &Place<'_>, new: &Place<'_>, what: &str) {
        if is_required(new) && !is_required(old) {
            self.report(new.at_member("required"), format!("{what} was optional"));
        }
    }

    fn request_body(&mut self, old: &Place<'_>, new: &Place<'_>) {
        let body = |operation: &Place<'_>| operation.member("requestBody").map(|place| place.at);
        let (before, after) = (resolved(old, "requestBody"), resolved(new, "requestBody"));
        match (before, after) {
            (Some(before), Some(after)) => {
                self.must_stay_optional(&before, &after, "the body");
                self.content(&before, &after, Direction::Request);
            }
            (Some(_), None) => {
                self.report(body(old).unwrap_or_default(), "a body is not accepted any more");
            }
            (None, Some(after)) if is_required(&after) => {
                self.report(body(new).unwrap_or_default(), "a required body is new");
            }
            _ => {}
        }
    }

    fn responses(&mut self, old: &Place<'_>, new: &Place<'_>) {
        let (Some(before), Some(after)) = (old.member("responses"), new.member("responses")) else {
            return;
        };
        for (status, response) in before.members() {
            let Some(now) = response_of(&after, status) else {
                self.report(response.at, "the response was removed");
                continue;
            };
            let (response, now) = (response.resolved(), now.resolved());
            self.headers(&response, &now);
            self.content(&response, &now, Direction::Response);
        }
        for (status, response) in after.members() {
            if status.starts_with(['2', '3']) && response_of(&before, status).is_none() {
                self.report(response.at, "this success is new; callers wait for another one");
            }
        }
    }

    fn headers(&mut self, old: &Place<'_>, new: &Place<'_>) {
        let after = new.member("headers");
        for (name, header) in old.member("headers").iter().flat_map(Place::members) {
            let mut names = after.iter().flat_map(Place::members);
            let now = names.find(|(other, _)| other.eq_ignore_ascii_case(name));
            let (header_at, header) = (header.at.clone(), header.resolved());
            let Some(now) = now.map(|(_, place)| place.resolved()) else {
                self.report(header_at, "the response header was removed");
                continue;
            };
            if is_required(&header) && !is_required(&now) {
                self.report(now.at_member("required"), "the response header was always sent");
            }
            self.value(&header, &now, Direction::Response);
        }
    }

    /// The media types of a body, and what each holds.
    fn content(&mut self, old: &Place<'_>, new: &Place<'_>, direction: Direction) {
        let after = new.member("content");
        for (media_type, before) in old.member("content").iter().flat_map(Place::members) {
            let mut types = after.iter().flat_map(Place::members);
            match types.find(|(other, _)| other.eq_ignore_ascii_case(media_type)) {
                Some((_, now)) if media_type == "application/problem+json" => {
                    self.value(&before, &now, Direction::Problem);
                }
                Some((_, now)) => self.value(&before, &now, direction),
                None => self.report(before.at, "the media type was removed"),
            }
        }
    }

    /// The schema of a parameter, a header or a media type.
    fn value(&mut self, old: &Place<'_>, new: &Place<'_>, direction: Direction) {
        for ((member, was), (_, is)) in serialization(old).into_iter().zip(serialization(new)) {
            if was != is {
                self.report(new.at_member(member), format!("it was {was}, is {is}"));
            }
        }
        self.comparison.values(old.member("schema"), new.member("schema"), &new.at, direction);
        if old.member("content").is_some() || new.member("content").is_some() {
            self.content(old, new, direction);
        }
    }
}

/// How a parameter, a header or a part of a body is written, with the defaults of OpenAPI 3.1.1, section 4.8.12.
fn serialization(place: &Place<'_>) -> [(&'static str, Value); 4] {
    let own = |member: &str| place.value.get(member).cloned();
    let is_form = matches!(place.value["in"].as_str(), Some("query" | "cookie"));
    let style = own("style").unwrap_or_else(|| if is_form { "form" } else { "simple" }.into());
    [
        ("explode", own("explode").unwrap_or_else(|| (style == "form").into())),
        ("style", style),
        ("allowReserved", own("allowReserved").unwrap_or(false.into())),
        ("encoding", own("encoding").unwrap_or_default()),
    ]
}

/// What is declared for a status: by itself, by its class, or by default.
fn response_of<'a>(responses: &Place<'a>, status: &str) -> Option<Place<'a>> {
    let class = format!("{}XX", &status[..1.min(status.len())]);
    [status, &class, "default"].iter().find_map(|key| responses.member(key))
}

fn is_required(place: &Place<'_>) -> bool {
    place.value["required"] == true
}

fn resolved<'a>(place: &Place<'a>, member: &str) -> Option<Place<'a>> {
    place.member(member).map(Place::resolved)
}

/// The parameters of an operation and of its path, each once: the operation's own replace those of the path.
fn parameters<'a>(operation: &Place<'a>) -> Vec<Parameter<'a>> {
    let mut found: Vec<Parameter<'a>> = Vec::new();
    let lists = [Some(operation.clone()), operation.parent()];
    for list in lists.into_iter().flatten().filter_map(|place| place.member("parameters")) {
        for place in list.items().map(Place::resolved) {
            let text = |member: &str| place.value[member].as_str().unwrap_or_default().to_owned();
            let name = if text("in") == "header" {
                text("name").to_ascii_lowercase()
            } else {
                text("name")
            };
            let key = (text("in"), name);
            if !found.iter().any(|parameter| parameter.key == key) {
                found.push(Parameter { key, place });
            }
        }
    }
    found
}
