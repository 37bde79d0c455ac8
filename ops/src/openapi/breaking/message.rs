//! Compares the parts of requests and responses: parameters, bodies and headers.

use serde_json::Value;

use super::pairs;
use super::schema::{Comparison, Direction};
use crate::openapi::place::Place;

/// Members that define the serialization of a parameter, a header or a part of a body.
const SERIALIZATION: [&str; 4] = ["explode", "style", "allowReserved", "encoding"];

impl Comparison {
    /// Compares the requests and the responses of one operation.
    pub(super) fn messages(&mut self, old: &Place<'_>, new: &Place<'_>) {
        self.parameters(old, new);
        self.request_body(old, new);
        self.responses(old, new);
        if old.value.get("callbacks") != new.value.get("callbacks") {
            self.report(new.at_member("callbacks"), "callbacks changed");
        }
    }

    fn parameters(&mut self, old: &Place<'_>, new: &Place<'_>) {
        for ((kind, _), pair) in pairs(parameters(old), parameters(new)) {
            match pair {
                (Some(old), Some(new)) => {
                    self.must_stay_optional(&old, &new, "the parameter");
                    self.value(Direction::Request, &old, &new);
                }
                (Some(old), None) => {
                    self.report(old.at, format!("the {kind} parameter was removed"));
                }
                (None, Some(new)) if is_required(&new) => {
                    self.report(new.at, format!("a required {kind} parameter is new"));
                }
                _ => {}
            }
        }
    }

    fn request_body(&mut self, old: &Place<'_>, new: &Place<'_>) {
        match (old.member("requestBody"), new.member("requestBody")) {
            (Some(old), Some(new)) => {
                let (old, new) = (old.resolved(), new.resolved());
                self.must_stay_optional(&old, &new, "the body");
                self.content(Direction::Request, &old, &new);
            }
            (Some(old), None) => self.report(old.at, "a body is no longer accepted"),
            (None, Some(new)) if is_required(&new.clone().resolved()) => {
                self.report(new.at, "a required body is new");
            }
            _ => {}
        }
    }

    fn must_stay_optional(&mut self, old: &Place<'_>, new: &Place<'_>, what: &str) {
        if is_required(new) && !is_required(old) {
            self.report(new.at_member("required"), format!("{what} was optional"));
        }
    }

    fn responses(&mut self, old: &Place<'_>, new: &Place<'_>) {
        let (Some(before), Some(after)) = (old.member("responses"), new.member("responses")) else {
            return;
        };
        for (status, old) in before.members() {
            let Some(new) = response_of(&after, status) else {
                self.report(old.at, "the response was removed");
                continue;
            };
            let (old, new) = (old.resolved(), new.resolved());
            self.headers(&old, &new);
            self.content(Direction::Response, &old, &new);
        }
        for (status, new) in after.members() {
            if status.starts_with(['2', '3']) && response_of(&before, status).is_none() {
                self.report(new.at, "this success status is new; callers expect another one");
            }
        }
    }

    fn headers(&mut self, old: &Place<'_>, new: &Place<'_>) {
        for pair in pairs(named(old, "headers"), named(new, "headers")).into_values() {
            let (old, new) = match pair {
                (Some(old), Some(new)) => (old.resolved(), new.resolved()),
                (Some(old), None) => {
                    self.report(old.at, "the response header was removed");
                    continue;
                }
                _ => continue,
            };
            if is_required(&old) && !is_required(&new) {
                self.report(new.at_member("required"), "the response header was always sent");
            }
            self.value(Direction::Response, &old, &new);
        }
    }

    /// Compares the media types of a body, and their schemas.
    fn content(&mut self, direction: Direction, old: &Place<'_>, new: &Place<'_>) {
        for (media_type, pair) in pairs(named(old, "content"), named(new, "content")) {
            let is_problem = media_type == "application/problem+json";
            match pair {
                (Some(old), Some(new)) if is_problem => self.value(Direction::Problem, &old, &new),
                (Some(old), Some(new)) => self.value(direction, &old, &new),
                (Some(old), None) => self.report(old.at, "the media type was removed"),
                _ => {}
            }
        }
    }

    /// Compares the schemas of a parameter, a header or a media type.
    fn value(&mut self, direction: Direction, old: &Place<'_>, new: &Place<'_>) {
        for member in SERIALIZATION {
            let (was, is) = (serialization(old, member), serialization(new, member));
            if was != is {
                self.report(new.at_member(member), format!("it was {was}, is {is}"));
            }
        }
        self.schemas(direction, old.member("schema"), new.member("schema"));
        self.content(direction, old, new);
    }
}

/// A member of [`SERIALIZATION`], or its default (OpenAPI 3.1.1, section 4.8.12).
fn serialization(place: &Place<'_>, member: &str) -> Value {
    let is_form = matches!(place.value["in"].as_str(), Some("query" | "cookie"));
    place.value.get(member).cloned().unwrap_or_else(|| match member {
        "style" => if is_form { "form" } else { "simple" }.into(),
        "explode" => (serialization(place, "style") == "form").into(),
        "allowReserved" => false.into(),
        _ => Value::Null,
    })
}

/// The response that is declared for a status, for its class, or as the default.
fn response_of<'a>(responses: &Place<'a>, status: &str) -> Option<Place<'a>> {
    let class = format!("{}XX", &status[..1.min(status.len())]);
    [status, &class, "default"].iter().find_map(|key| responses.member(key))
}

fn is_required(place: &Place<'_>) -> bool {
    place.value["required"] == true
}

/// Headers or media types by their names, in lower case.
fn named<'a>(place: &Place<'a>, member: &str) -> Vec<(String, Place<'a>)> {
    let members = place.member(member).map(|member| member.members()).unwrap_or_default();
    members.into_iter().map(|(name, place)| (name.to_ascii_lowercase(), place)).collect()
}

/// The parameters of an operation, then the parameters of its path, each with its kind and its name.
fn parameters<'a>(operation: &Place<'a>) -> Vec<((&'a str, String), Place<'a>)> {
    let lists = [Some(operation.clone()), operation.parent()].into_iter().flatten();
    let lists = lists.filter_map(|place| place.member("parameters"));
    let parameters = lists.flat_map(|list| list.items()).map(Place::resolved);
    let keyed = parameters.map(|place| {
        let text = |member: &str| place.value[member].as_str().unwrap_or_default();
        let kind = text("in");
        let name = text("name");
        let name = if kind == "header" { name.to_ascii_lowercase() } else { name.to_owned() };
        ((kind, name), place)
    });
    keyed.collect()
}
