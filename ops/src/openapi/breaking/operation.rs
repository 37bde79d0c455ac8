//! What the platform's members promise to a caller: access, limits, sizes and times.

use std::time::Duration;

use chassis::document::{Access, Deadline, Limit, LimitBy, Limited, Operation};

use super::{Change, Contract, pointer, report};
use crate::openapi::place::Place;

/// An operation in its document.
type Side<'a> = (&'a Contract, &'a Operation);

/// Compares one operation of two documents.
pub(super) fn compare(old: Side<'_>, new: Side<'_>, changes: &mut Vec<Change>) {
    let ((_, before), (contract, after)) = (old, new);
    let at = |member: &str| format!("{}/{member}", pointer(after));
    if before.id != after.id {
        let what = format!("`{}` is `{}`: generated clients use it", before.id, after.id);
        report(changes, at("operationId"), what);
    }
    if before.access != after.access && after.access != Access::Open {
        let own = contract.place(after).member("security").map(|place| place.at);
        let what = format!("access was {:?}, is {:?}", before.access, after.access);
        report(changes, own.unwrap_or_else(|| "/security".into()), what);
    }
    if let (Some(was), Some(is)) = (before.max_body, after.max_body)
        && is < was
    {
        report(changes, at("x-max-body"), format!("{was} bytes are {is}"));
    }
    deadline(before.deadline, after.deadline, &at, changes);
    limit(old, new, changes);
    servers(&old.0.place(before), &contract.place(after), changes);
}

/// Compares the addresses of the root or of an operation.
pub(super) fn servers(old: &Place<'_>, new: &Place<'_>, changes: &mut Vec<Change>) {
    let urls = |place: &Place<'_>| -> Vec<String> {
        let servers = place.member("servers");
        let urls = servers.iter().flat_map(|servers| servers.items().collect::<Vec<_>>());
        urls.filter_map(|server| server.value["url"].as_str().map(str::to_owned)).collect()
    };
    let now = urls(new);
    for url in urls(old).iter().filter(|url| !now.contains(url)) {
        report(changes, new.at_member("servers"), format!("`{url}` was removed"));
    }
}

fn deadline(
    before: Deadline,
    after: Deadline,
    at: &dyn Fn(&str) -> String,
    changes: &mut Vec<Change>,
) {
    let text = |duration: Duration| format!("{duration:?}");
    match (before, after) {
        (Deadline::Head(was), Deadline::Head(is)) if is < was => {
            let what = format!("{} are {}: slow requests get a 504", text(was), text(is));
            report(changes, at("x-deadline"), what);
        }
        (Deadline::Idle(was), Deadline::Idle(is)) if is > was => {
            let what = format!("pauses of {} are {}", text(was), text(is));
            report(changes, at("x-stream"), what);
        }
        (Deadline::Head(_), Deadline::Idle(_)) => {
            report(changes, at("x-stream"), "the response streams now");
        }
        (Deadline::Idle(_), Deadline::Head(_)) => {
            report(changes, at("x-stream"), "the response does not stream any more");
        }
        _ => {}
    }
}

/// The limits that count the admitted requests of an operation.
fn limits((contract, operation): Side<'_>) -> Vec<&Limit> {
    let limits = &contract.document.service.limits;
    let names: Vec<&str> = match (&operation.limit, operation.access) {
        (Limited::Never, _) => vec![],
        (Limited::By(name), _) => vec![name],
        (Limited::ByCredentials, Access::ApiKey) => vec!["client"],
        (Limited::ByCredentials, Access::Bearer) => vec!["address"],
        (Limited::ByCredentials, Access::Open) => vec!["client", "address"],
    };
    limits.iter().filter(|limit| names.contains(&limit.name.as_str())).collect()
}

fn limit(old: Side<'_>, new: Side<'_>, changes: &mut Vec<Change>) {
    let before = limits(old);
    for after in limits(new) {
        let Some(was) = before.iter().find(|limit| limit.by == after.by) else {
            // Callers of an operation that opens are counted as before, and others by what was not needed before.
            if new.1.access == Access::Open && old.1.access != Access::Open {
                continue;
            }
            let what = format!("requests are counted {}, and were not", by(after.by));
            report(changes, format!("{}/x-limit", pointer(new.1)), what);
            continue;
        };
        for (member, was, is) in [("rate", was.rate, after.rate), ("burst", was.burst, after.burst)]
        {
            if is < was {
                let own = old.1.limit != new.1.limit;
                let at = if own {
                    format!("{}/x-limit", pointer(new.1))
                } else {
                    format!("/x-service/limits/{}/{member}", after.name)
                };
                report(changes, at, format!("a {member} of {was} is {is}"));
            }
        }
    }
}

fn by(by: LimitBy) -> &'static str {
    match by {
        LimitBy::Client => "by client",
        LimitBy::Address => "by address",
    }
}
