//! Sends requests through the balancer and checks the responses and the sidecar's log.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;
use tokio::process::Command;
use tokio::time::sleep;

use crate::testbed::Testbed;
use crate::testbed::certificate::HOST;
use crate::testbed::key::Key;
use crate::testbed::report::Report;

/// A response, as curl printed it.
pub(super) struct Seen {
    pub(super) status: u16,
    headers: String,
    body: String,
}

/// Checks the listeners, the rules and the log line of one request.
pub(super) async fn check(testbed: &Testbed, key: &Key, report: &mut Report) -> anyhow::Result<()> {
    // The rehearsal gives the stack a certificate.
    let scheme = scheme(testbed);
    let secure = scheme == "https";
    report.check("there is an HTTPS listener", secure, "");
    let call = &testbed.call;
    let named = format!("{} {}", call.method, call.path);
    report.note(&format!(
        "$ curl {scheme}://{HOST}{} -H \"X-Api-Key: $KEY\" --json '{}'",
        call.path, call.body
    ));
    let seen = example(testbed, &[with_key(key)]).await?;
    report.check(
        &format!("{named} with a key"),
        call.is_answered_by(seen.status, seen.body.as_bytes()),
        &format!("{} {}", seen.status, seen.body),
    );
    let policy = format!("ratelimit-policy: \"{}\";q={};w=1", call.limit.name, call.limit.rate);
    let policy = seen.headers.to_lowercase().contains(&policy);
    report.check(
        "the response has the sidecar's headers",
        policy && header(&seen, "x-request-id").is_some(),
        "",
    );
    if secure {
        report.check(
            "the listener adds the HSTS header",
            header(&seen, "strict-transport-security").is_some(),
            header(&seen, "strict-transport-security").unwrap_or("absent"),
        );
        let plain = curl(testbed, "http", &format!("{}?x=1", call.path), &[]).await?;
        let to = header(&plain, "location").unwrap_or("nowhere").to_owned();
        report.check(
            "plain HTTP is redirected",
            plain.status == 301
                && to.starts_with(&format!("https://{HOST}:"))
                && to.ends_with(&format!("{}?x=1", call.path)),
            &to,
        );
    }
    let seen = example(testbed, &[]).await?;
    report.check(
        &format!("{named} without a key"),
        seen.status == 401 && seen.body.contains("request_id"),
        &seen.body,
    );
    for (path, expected) in
        [(&call.live, r#"{"status":"ok"}"#), (&call.ready, r#"{"status":"ready"}"#)]
    {
        let seen = curl(testbed, scheme, path, &[]).await?;
        report.check(
            &format!("GET {path}"),
            seen.status == 200 && seen.body == expected,
            &seen.body,
        );
    }
    let nowhere = "/rehearsal-nowhere";
    let seen = curl(testbed, scheme, nowhere, &[]).await?;
    sleep(Duration::from_millis(300)).await;
    let containers = testbed.service.tasks.iter().flat_map(|l| &l.task.containers);
    let lines: Vec<String> = containers.flat_map(|c| c.log.from(0)).collect();
    // The log must contain the earlier calls. Otherwise a missing line would prove nothing.
    let reached = |path: &str| lines.iter().any(|line| line.contains(path));
    report.check(
        "an unknown path is the balancer's own 404",
        seen.status == 404
            && seen.body.contains("about:blank")
            && reached(&call.path)
            && !reached(nowhere),
        &seen.body,
    );
    report
        .attempt("one request, found in the sidecar's log by its id", followed(testbed, key).await);
    Ok(())
}

fn scheme(testbed: &Testbed) -> &'static str {
    let secure = testbed.applied.listeners.iter().any(|l| l.protocol == "HTTPS");
    if secure { "https" } else { "http" }
}

/// The header with a key.
pub(super) fn with_key(key: &Key) -> String {
    format!("X-Api-Key: {}", key.value)
}

/// Sends the example call of the service with these headers.
pub(super) async fn example(testbed: &Testbed, headers: &[String]) -> anyhow::Result<Seen> {
    let call = &testbed.call;
    let mut arguments = vec!["--request", call.method];
    if !call.body.is_empty() {
        arguments.extend(["--json", &call.body]);
    }
    arguments.extend(headers.iter().flat_map(|header| ["-H", header]));
    curl(testbed, scheme(testbed), &call.path, &arguments).await
}

/// Compares the identifiers of one request in the response and in the sidecar's log line. The API logs a request only
/// when it answers with a server error.
async fn followed(testbed: &Testbed, key: &Key) -> anyhow::Result<String> {
    let id = "rehearsal.follow-1";
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let headers = [
        with_key(key),
        format!("X-Request-Id: {id}"),
        format!("traceparent: {parent}"),
        "X-Forwarded-For: 198.51.100.66".to_owned(),
    ];
    let seen = example(testbed, &headers).await?;
    if header(&seen, "x-request-id") != Some(id) {
        bail!("the answer's id is {:?}", header(&seen, "x-request-id"));
    }
    sleep(Duration::from_millis(300)).await;
    let tasks = testbed.service.tasks.iter();
    let sidecars = tasks.filter_map(|live| live.task.container("nginx"));
    let mut lines = sidecars.flat_map(|nginx| nginx.log.from(0));
    let line = lines.find(|line| line.contains(id));
    let line = line.with_context(|| format!("nginx wrote no line with {id}"))?;
    let nginx: Value =
        serde_json::from_str(&line).with_context(|| format!("nginx's line is not JSON: {line}"))?;
    let trace = nginx["trace_id"].as_str().unwrap_or_default().to_owned();
    if !trace.starts_with("Root=1-") || nginx["traceparent"] != parent {
        bail!(
            "the balancer's trace id or the caller's traceparent is not in the sidecar's line: {nginx}"
        );
    }
    let address = nginx["address"].as_str().unwrap_or_default();
    if address == "198.51.100.66" || address.is_empty() {
        bail!("the log has the address that the caller sent: {address}");
    }
    // The peer is the balancer's node. The caller's address comes from X-Forwarded-For, which TRUSTED_PROXIES permits.
    if nginx["peer"] != testbed.place.node.to_string() {
        bail!("the peer is {}, not the balancer's node {}", nginx["peer"], testbed.place.node);
    }
    Ok(format!("{trace}, address {address}, not the one that the caller sent"))
}

fn header<'a>(seen: &'a Seen, name: &str) -> Option<&'a str> {
    seen.headers.lines().find_map(|line| {
        let (n, value) = line.split_once(':')?;
        n.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

async fn curl(
    testbed: &Testbed,
    scheme: &str,
    path: &str,
    arguments: &[&str],
) -> anyhow::Result<Seen> {
    let node = testbed.place.node;
    let port = if scheme == "https" { 443 } else { 80 };
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "10", "--dump-header", "-", "--cacert"])
        .arg(&testbed.certificate.public)
        .args(["--resolve", &format!("{HOST}:{port}:{node}")])
        .args(arguments)
        .arg(format!("{scheme}://{HOST}:{port}{path}"))
        .env_remove("http_proxy")
        .env_remove("https_proxy")
        .env("NO_PROXY", "*")
        .stdin(Stdio::null())
        .output()
        .await
        .context("cannot run curl: is it installed?")?;
    if !output.status.success() {
        bail!("curl: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let text = String::from_utf8_lossy(&output.stdout).replace('\r', "");
    let (headers, body) = text.split_once("\n\n").context("curl printed no headers")?;
    let status = headers
        .split_whitespace()
        .nth(1)
        .and_then(|s| s.parse().ok())
        .context("curl printed no status")?;
    Ok(Seen { status, headers: headers.to_owned(), body: body.to_owned() })
}
