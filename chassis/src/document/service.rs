//! `x-service`: the settings of the whole service.

use super::BALANCER_IDLE;
use super::reader::{Faults, NGINX_WORDS, Node};
use std::time::Duration;

const MEMBERS: &[&str] =
    &["name", "port", "sidecar_port", "metrics_port", "connections", "limits", "objectives"];
/// Longest name. A load balancer's name has 32 characters for this name and that of the environment.
const MAX_NAME: usize = 16;
const CONNECTIONS: u64 = 512;
const DEFAULT_RATE: u32 = 5;
/// The limits that every service has. An operator sets them with `RATE_LIMIT` and `RATE_LIMIT_BURST`.
pub const STANDARD_LIMITS: [&str; 2] = ["client", "address"];

/// The settings of the whole service.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// The name of the binary, the images, the AWS resources, the realm and the problem types.
    pub name: String,
    /// The port of the service, on loopback.
    pub port: u16,
    /// The port of its sidecar.
    pub sidecar_port: u16,
    /// The port of its private listener. A worker uses the next port.
    pub metrics_port: u16,
    /// Concurrent callers, 1 to 65,536.
    pub connections: u32,
    /// All limits: `client`, `address`, and those that the document adds.
    pub limits: Vec<Limit>,
    /// The objectives of every operation that has none of its own.
    pub objectives: Option<Objectives>,
}

/// A rate limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// The name that an operation refers to.
    pub name: String,
    /// Which requests it counts together.
    pub by: LimitBy,
    /// Requests per second, 1 to 10,000.
    pub rate: u32,
    /// Requests that nginx admits at once, 1 to 10,000.
    pub burst: u32,
}

/// Which requests a limit counts together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitBy {
    /// Requests with a key of one client.
    Client,
    /// Requests from one source address.
    Address,
}

/// Service level objectives, measured by occurrences.
#[derive(Debug, Clone, PartialEq)]
pub struct Objectives {
    /// Percentage of the counted requests without a 5xx response.
    pub availability: f64,
    /// Percentage of the answered requests, and the time limit for their response.
    pub latency: Option<(f64, Duration)>,
    /// The period that the objectives cover, in days, 1 to 90.
    pub window_days: u16,
}

/// Reads `x-service`. Adds a fault and returns `None` if a required member is missing or wrong.
pub(super) fn read(root: &Node<'_>, faults: &mut Faults) -> Option<Service> {
    let Some(node) = root.member("x-service") else {
        faults.add(&root.at_member("x-service"), "is missing; it declares the service");
        return None;
    };
    node.known_members(MEMBERS, faults);
    if !node.value.is_object() {
        return None;
    }
    let name = name(&node, faults);
    let ports = ["port", "sidecar_port", "metrics_port"].map(|member| port(&node, member, faults));
    if let [Some(one), Some(two), Some(three)] = ports
        && (one == two || two == three || one == three)
    {
        faults.add(&node.at, "must give three different ports");
    }
    let connections =
        node.member("connections").map_or(Some(CONNECTIONS), |node| node.whole(1..=65_536, faults));
    let limits = limits(&node, faults);
    let objectives = node.member("objectives").and_then(|node| objectives(&node, faults));
    Some(Service {
        name: name?,
        port: ports[0]?,
        sidecar_port: ports[1]?,
        metrics_port: ports[2]?,
        connections: u32::try_from(connections?).ok()?,
        limits,
        objectives,
    })
}

fn name(node: &Node<'_>, faults: &mut Faults) -> Option<String> {
    let name = node.member("name").and_then(|name| name.value.as_str()).filter(|name| {
        (1..=MAX_NAME).contains(&name.len())
            && name.starts_with(|c: char| c.is_ascii_lowercase())
            && !name.ends_with('-')
            && name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
    });
    if name.is_none() {
        faults.add(
            &node.at_member("name"),
            "must be 1 to 16 of a-z 0-9 -, begin with a letter and not end with a hyphen",
        );
    }
    name.map(str::to_owned)
}

fn port(node: &Node<'_>, member: &str, faults: &mut Faults) -> Option<u16> {
    let Some(node) = node.member(member) else {
        faults.add(&node.at_member(member), "is missing; it is a port from 1024 to 65534");
        return None;
    };
    // A worker's private listener uses the port after its service's.
    u16::try_from(node.whole(1024..=65_534, faults)?).ok()
}

/// The two limits that every service has, then the declared ones.
fn limits(node: &Node<'_>, faults: &mut Faults) -> Vec<Limit> {
    let standard =
        |name: &str, by| Limit { name: name.into(), by, rate: DEFAULT_RATE, burst: DEFAULT_RATE };
    let mut limits =
        vec![standard("client", LimitBy::Client), standard("address", LimitBy::Address)];
    let Some(node) = node.member("limits") else { return limits };
    node.known_members(&node.members().map(|(name, _)| name).collect::<Vec<_>>(), faults);
    for (name, node) in node.members() {
        if !is_limit_name(name) {
            faults.add(&node.at, "must have a name of 1 to 32 of a-z 0-9 -, and not `none` or a reserved word of nginx (default, hostnames, include, volatile)");
        }
        if let Some(limit) = limit(name, &node, faults) {
            match limits.iter_mut().find(|known| known.name == name) {
                Some(known) if known.by == limit.by => *known = limit,
                Some(_) => faults.add(&node.at_member("by"), format!("must be `{name}` here")),
                None => limits.push(limit),
            }
        }
    }
    limits
}

/// Whether an operation may refer to a limit of this name. An invalid limit is a separate fault.
pub(super) fn declares_limit(root: &Node<'_>, name: &str) -> bool {
    let Some(service) = root.member("x-service").filter(|service| service.value.is_object()) else {
        return true;
    };
    let declared = service.member("limits").is_some_and(|limits| limits.member(name).is_some());
    declared || STANDARD_LIMITS.contains(&name)
}

fn is_limit_name(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
        && name != "none"
        && !NGINX_WORDS.contains(&name)
}

fn limit(name: &str, node: &Node<'_>, faults: &mut Faults) -> Option<Limit> {
    node.known_members(&["by", "rate", "burst"], faults);
    let by = match node.member("by").and_then(|by| by.value.as_str()) {
        Some("client") => Some(LimitBy::Client),
        Some("address") => Some(LimitBy::Address),
        _ => {
            faults.add(&node.at_member("by"), "must be `client` or `address`");
            None
        }
    };
    let mut count = |member: &str| match node.member(member) {
        Some(node) => u32::try_from(node.whole(1..=10_000, faults)?).ok(),
        None => Some(DEFAULT_RATE),
    };
    let (rate, burst) = (count("rate"), count("burst"));
    Some(Limit { name: name.into(), by: by?, rate: rate?, burst: burst? })
}

/// Reads objectives, of the service or of an operation.
pub(super) fn objectives(node: &Node<'_>, faults: &mut Faults) -> Option<Objectives> {
    node.known_members(&["availability", "latency", "window"], faults);
    let availability = if let Some(node) = node.member("availability") {
        node.percentage(faults)
    } else {
        faults.add(&node.at_member("availability"), "is missing; it is a percentage such as 99.9");
        None
    };
    let latency = match node.member("latency") {
        Some(node) => Some(latency(&node, faults)?),
        None => None,
    };
    let window = node.member("window").and_then(|node| node.value.as_str()).and_then(|text| {
        text.strip_suffix('d')?.parse::<u16>().ok().filter(|days| (1..=90).contains(days))
    });
    if window.is_none() {
        faults.add(&node.at_member("window"), "must be a number of days from \"1d\" to \"90d\"");
    }
    Some(Objectives { availability: availability?, latency, window_days: window? })
}

fn latency(node: &Node<'_>, faults: &mut Faults) -> Option<(f64, Duration)> {
    node.known_members(&["target", "within"], faults);
    let mut required = |member: &str| {
        let found = node.member(member);
        if found.is_none() {
            faults.add(&node.at_member(member), "is missing");
        }
        found
    };
    let (target, within) = (required("target"), required("within"));
    let target = target?.percentage(faults);
    Some((target?, within?.duration(BALANCER_IDLE, faults)?))
}
