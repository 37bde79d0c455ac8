//! Compares the platform's members of an operation: access, limits, sizes and times.

use chassis::document::{Access, Deadline, Limit, LimitBy, Limited, Operation};

use super::Contract;
use super::schema::Comparison;
use crate::openapi::place::Place;

/// An operation in its document.
type Side<'a> = (&'a Contract, &'a Operation);

impl Comparison {
    /// Compares the platform's members of one operation.
    pub(super) fn operation(&mut self, old: Side<'_>, new: Side<'_>) {
        let ((contract, before), (_, after)) = (old, new);
        let place = new.0.place(after);
        if before.id != after.id {
            let what = format!("`{}` is `{}`: generated clients use it", before.id, after.id);
            self.report(place.at_member("operationId"), what);
        }
        if before.access != after.access && after.access != Access::Open {
            let own = place.member("security").map(|security| security.at);
            let what = format!("access was {:?}, is {:?}", before.access, after.access);
            self.report(own.unwrap_or_else(|| "/security".to_owned()), what);
        }
        if let (Some(was), Some(is)) = (before.max_body, after.max_body)
            && is < was
        {
            self.report(place.at_member("x-max-body"), format!("{was} bytes are {is}"));
        }
        let (member, what) = match (before.deadline, after.deadline) {
            (Deadline::Head(was), Deadline::Head(is)) if is < was => {
                ("x-deadline", format!("{was:?} are {is:?}: slow requests get a 504"))
            }
            (Deadline::Idle(was), Deadline::Idle(is)) if is > was => {
                ("x-stream", format!("pauses of {was:?} are {is:?}"))
            }
            (Deadline::Head(_), Deadline::Idle(_)) => {
                ("x-stream", "the response streams now".to_owned())
            }
            (Deadline::Idle(_), Deadline::Head(_)) => {
                ("x-stream", "the response no longer streams".to_owned())
            }
            _ => ("", String::new()),
        };
        if !member.is_empty() {
            self.report(place.at_member(member), what);
        }
        self.limits(old, new, &place.at_member("x-limit"));
        self.servers(&contract.place(before), &place);
    }

    fn limits(&mut self, old: Side<'_>, new: Side<'_>, at: &str) {
        let before = limits(old);
        let opens = new.1.access == Access::Open && old.1.access != Access::Open;
        for after in limits(new) {
            let Some(was) = before.iter().find(|limit| limit.by == after.by) else {
                // If an operation opens, its limits still count the old callers. The new limits count only new callers.
                if !opens {
                    let by = match after.by {
                        LimitBy::Client => "client",
                        LimitBy::Address => "address",
                    };
                    self.report(at, format!("requests are now limited by {by}"));
                }
                continue;
            };
            for (member, was, is) in
                [("rate", was.rate, after.rate), ("burst", was.burst, after.burst)]
            {
                if is < was {
                    let limit = format!("/x-service/limits/{}/{member}", after.name);
                    let at = if old.1.limit == new.1.limit { limit } else { at.to_owned() };
                    self.report(at, format!("a {member} of {was} is {is}"));
                }
            }
        }
    }

    /// Compares the servers of the root or of an operation.
    pub(super) fn servers(&mut self, old: &Place<'_>, new: &Place<'_>) {
        let urls = |place: &Place<'_>| -> Vec<String> {
            let servers = place.member("servers");
            let servers = servers.iter().flat_map(Place::items);
            servers.filter_map(|server| Some(server.value["url"].as_str()?.to_owned())).collect()
        };
        let now = urls(new);
        for url in urls(old).iter().filter(|url| !now.contains(url)) {
            self.report(new.at_member("servers"), format!("`{url}` was removed"));
        }
    }
}

/// The limits that count the admitted requests of an operation.
fn limits((contract, operation): Side<'_>) -> Vec<&Limit> {
    let names: Vec<&str> = match (&operation.limit, operation.access) {
        (Limited::Never, _) => vec![],
        (Limited::By(name), _) => vec![name],
        (Limited::ByCredentials, Access::ApiKey) => vec!["client"],
        (Limited::ByCredentials, Access::Bearer) => vec!["address"],
        (Limited::ByCredentials, Access::Open) => vec!["client", "address"],
    };
    let limits = contract.document.service.limits.iter();
    limits.filter(|limit| names.contains(&limit.name.as_str())).collect()
}
