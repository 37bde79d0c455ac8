//! Renders the stand-in's `HAProxy` configuration from the applied balancer.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;

use anyhow::{Context as _, bail};

use crate::aws::elb::{Action, Balancer, Listener, Rule, TargetGroup};

/// The maximum number of registered targets.
pub const SLOTS: usize = 24;

/// The addresses and files of the stand-in and its helpers.
#[derive(Debug, Clone)]
pub struct Place {
    /// Address of the balancer's node. It listens on this address and connects to the targets from it.
    pub node: Ipv4Addr,
    /// PEM file with certificate and key of the HTTPS listeners.
    pub certificate: PathBuf,
    /// Runtime socket.
    pub socket: PathBuf,
    /// Address that accepts plain HTTP and forwards it over TLS to the HTTPS listener, for tools without TLS.
    pub tunnel: SocketAddrV4,
    /// Address where tasks reach the emulated AWS, and the emulator's own address.
    pub endpoint: (SocketAddrV4, String),
    /// Address where tasks get their role's credentials, in place of Fargate's address.
    pub credentials: SocketAddrV4,
}

/// Renders the configuration.
pub fn render(balancer: &Balancer, group: &TargetGroup, place: &Place) -> anyhow::Result<String> {
    let idle = balancer
        .attributes
        .get("idle_timeout.timeout_seconds")
        .context("the balancer has no idle timeout")?;
    let idle: u64 = idle.parse().context("the idle timeout is not a number")?;
    let mut out = format!(
        "global\n  stats socket {socket} mode 600 level admin\n  log stdout format raw local0\n  maxconn 4000\n  nbthread 1\n  tune.ssl.default-dh-param 2048\n\n\
         defaults\n  mode http\n  log global\n  timeout connect 10s\n  timeout client {idle}s\n  timeout server {idle}s\n  timeout http-keep-alive {idle}s\n  \
         timeout http-request {idle}s\n  retries 0\n  http-reuse safe\n\n",
        socket = place.socket.display(),
    );
    for listener in &balancer.listeners {
        out.push_str(&frontend(listener, group, place)?);
    }
    out.push_str(&targets(group, place));
    out.push_str(&helpers(balancer, place));
    Ok(out)
}

fn frontend(listener: &Listener, group: &TargetGroup, place: &Place) -> anyhow::Result<String> {
    let tls = match listener.protocol.as_str() {
        "HTTP" => String::new(),
        "HTTPS" => format!(" ssl crt {}", place.certificate.display()),
        other => bail!("the stand-in does not support the listener protocol {other}"),
    };
    let scheme = listener.protocol.to_lowercase();
    let mut out = format!(
        "frontend listener-{port}\n  bind {node}:{port}{tls}\n  \
         log-format '{{\"alb\":1,\"status\":%ST,\"target\":\"%s\",\"group\":\"%b\",\"end\":\"%ts\",\"target_ms\":%Tr,\"total_ms\":%Ta,\"client\":\"%ci\",\"trace\":\"%[var(txn.trace)]\"}}'\n  \
         http-request set-var(txn.seen) req.fhdr(x-forwarded-for)\n  \
         http-request set-header X-Forwarded-For %[src] unless {{ var(txn.seen) -m found }}\n  \
         http-request set-header X-Forwarded-For '%[var(txn.seen)], %[src]' if {{ var(txn.seen) -m found }}\n  \
         http-request set-header X-Forwarded-Proto {scheme}\n  http-request set-header X-Forwarded-Port {port}\n  \
         http-request set-header X-Amzn-Trace-Id 'Root=1-%[date,hex,bytes(8,8)]-%[uuid,regsub(-,,g),bytes(0,24)]' unless {{ req.hdr(x-amzn-trace-id) -m found }}\n  \
         http-request set-var(txn.trace) req.fhdr(x-amzn-trace-id)\n",
        port = listener.port,
        node = place.node,
    );
    for (index, rule) in listener.rules.iter().enumerate() {
        out.push_str(&matching(index, rule)?);
    }
    for (index, rule) in listener.rules.iter().enumerate() {
        out.push_str(&acting(index, rule, group)?);
    }
    out.push_str(&response_headers(listener));
    out.push('\n');
    Ok(out)
}

/// Stores the number of the first rule whose conditions all match.
fn matching(index: usize, rule: &Rule) -> anyhow::Result<String> {
    let mut out = String::new();
    let mut names = String::new();
    for (number, (field, values)) in rule.conditions.iter().enumerate() {
        let name = format!("rule{index}_{number}");
        let fetch = match field.as_str() {
            "path-pattern" => "path",
            "http-request-method" => "method",
            "host-header" => "req.hdr(host),field(1,:),lower",
            other => bail!("the stand-in does not support the condition {other}"),
        };
        for value in values {
            // An ACL of several lines matches when one of its lines matches.
            let _ = writeln!(out, "  acl {name} {fetch} -m reg {}", pattern(value));
        }
        let _ = write!(names, "{name} ");
    }
    let _ = writeln!(
        out,
        "  http-request set-var(txn.rule) int({index}) if {names}!{{ var(txn.rule) -m found }}"
    );
    Ok(out)
}

/// The balancer's wildcards as a regular expression. All other characters are literal.
fn pattern(value: &str) -> String {
    let mut out = String::from("'^");
    for c in value.chars() {
        match c {
            '*' => out.push_str(".*"),
            '?' => out.push('.'),
            c if c.is_ascii_alphanumeric() || "/-_~".contains(c) => out.push(c),
            c => {
                out.push('\\');
                out.push(c);
            }
        }
    }
    out.push_str("$'");
    out
}

fn acting(index: usize, rule: &Rule, group: &TargetGroup) -> anyhow::Result<String> {
    let this = format!("{{ var(txn.rule) -m int {index} }}");
    Ok(match &rule.action {
        Action::Forward(arn) if *arn != group.arn => {
            bail!("a rule forwards to {arn}, which is not the service's target group")
        }
        // Without a healthy target, the balancer sends requests to all targets: fail open.
        Action::Forward(_) => format!(
            "  use_backend targets if {this} {{ nbsrv(targets) gt 0 }}\n  use_backend fail-open if {this} {{ nbsrv(fail-open) gt 0 }}\n  use_backend targets if {this}\n"
        ),
        Action::FixedResponse { status, content_type, body } => {
            if body.contains('\'') {
                bail!("a fixed response with an apostrophe cannot be quoted");
            }
            format!(
                "  http-request return status {status} content-type '{content_type}' string '{body}' if {this}\n"
            )
        }
        Action::Redirect { status, protocol, port } => format!(
            "  http-request redirect code {status} location {}://%[req.hdr(host),field(1,:)]:{port}%[pathq] if {this}
",
            protocol.to_lowercase()
        ),
    })
}

/// Sets each header of `routing.http.response.NAME.header_value` on every response.
fn response_headers(listener: &Listener) -> String {
    let mut out = String::new();
    for (key, value) in &listener.attributes {
        let name = key
            .strip_prefix("routing.http.response.")
            .and_then(|k| k.strip_suffix(".header_value"));
        if let (Some(name), false) = (name, value.is_empty()) {
            let _ = writeln!(
                out,
                "  http-after-response set-header {} '{value}'",
                name.replace('_', "-")
            );
        }
    }
    out
}

/// Two backends with the same targets: one with health checks, and one without (fail open).
fn targets(group: &TargetGroup, place: &Place) -> String {
    let TargetGroup { path, matcher, interval, timeout, healthy, unhealthy, port, .. } = group;
    let source = place.node;
    // A target that is down is checked each second, so that a new target gets its first check immediately, as in AWS.
    // After the first success, the applied interval is used.
    format!(
        "backend targets\n  balance roundrobin\n  source {source}\n  timeout check {timeout}s\n  option httpchk\n  \
         http-check send meth GET uri {path} ver HTTP/1.1 hdr Host balancer hdr User-Agent ELB-HealthChecker/2.0\n  http-check expect status {matcher}\n  \
         server-template t 1-{SLOTS} 0.0.0.0:{port} check inter {interval}s downinter 1s rise {healthy} fall {unhealthy} disabled\n\n\
         backend fail-open\n  balance roundrobin\n  source {source}\n  server-template t 1-{SLOTS} 0.0.0.0:{port} disabled\n\n"
    )
}

fn helpers(balancer: &Balancer, place: &Place) -> String {
    let (endpoint, emulator) = &place.endpoint;
    let (credentials, tunnel) = (place.credentials, place.tunnel);
    let mut out = format!(
        "frontend endpoint\n  bind {endpoint}\n  no log\n  default_backend emulator\n\n\
         backend emulator\n  server emulator {emulator}\n\n\
         frontend credentials\n  bind {credentials}\n  no log\n  http-request return status 200 content-type application/json string \
         '{{\"AccessKeyId\":\"TASKROLE\",\"SecretAccessKey\":\"rehearsal\",\"Token\":\"rehearsal\",\"Expiration\":\"2099-01-01T00:00:00Z\"}}'\n\n"
    );
    // TCP mode, so that only the tool and the listener decide when a connection ends or is reused.
    let (listener, tls) = match balancer.listeners.iter().find(|l| l.protocol == "HTTPS") {
        Some(listener) => (
            listener.port,
            format!(
                " ssl verify required ca-file {} sni str(rehearsal)",
                place.certificate.display()
            ),
        ),
        None => (80, String::new()),
    };
    let _ = write!(
        out,
        "listen tunnel\n  mode tcp\n  no log\n  bind {tunnel}\n  server listener {}:{}{tls}\n",
        place.node, listener
    );
    out
}

#[cfg(test)]
mod tests;
