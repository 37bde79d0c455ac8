//! Compares the timing budget in terraform/service/timing.json with the nginx configuration and the defaults of a
//! service. It reads them as text, so it needs no build.

use std::fs;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::Setup;

const TEMPLATE: &str = "services/nginx/nginx.conf.jinja";
const RENDERED: &str = "contract/parcels/nginx.conf";
const DEFAULTS: &str = "chassis/src/runtime/cli/args.rs";

/// A figure, a file, and the text before the figure. The indentation distinguishes directives of the server and of an
/// upstream.
const COPIES: [(&str, &str, &str); 11] = [
    ("nginx_client_keepalive_seconds", TEMPLATE, "    keepalive_timeout"),
    ("nginx_shutdown_seconds", TEMPLATE, "worker_shutdown_timeout"),
    ("nginx_client_header_seconds", TEMPLATE, "    client_header_timeout"),
    ("nginx_client_body_seconds", TEMPLATE, "    client_body_timeout"),
    ("nginx_proxy_connect_seconds", TEMPLATE, "    proxy_connect_timeout"),
    ("nginx_proxy_read_seconds", RENDERED, "            proxy_read_timeout"),
    ("nginx_upstream_keepalive_seconds", RENDERED, "        keepalive_timeout"),
    ("api_keep_alive_seconds", DEFAULTS, "keep_alive_timeout"),
    ("api_body_seconds", DEFAULTS, "body_timeout"),
    ("api_drain_grace_seconds", DEFAULTS, "drain_grace"),
    ("api_drain_seconds", DEFAULTS, "drain_timeout"),
];

pub(super) fn run(setup: &Setup<'_>) -> anyhow::Result<()> {
    let budget = fs::read(setup.repository.join("terraform/service/timing.json"))?;
    let budget: Value = serde_json::from_slice(&budget).context("timing.json")?;
    for (figure, file, name) in COPIES {
        let text =
            fs::read_to_string(setup.repository.join(file)).with_context(|| file.to_owned())?;
        let seconds =
            budget[figure].as_u64().with_context(|| format!("{figure} in timing.json"))?;
        setup.checks.check(format!("timing: {figure} = {seconds} s in {file}"), || {
            check(&text, name, seconds)
        });
    }
    Ok(())
}

fn check(text: &str, name: &str, seconds: u64) -> anyhow::Result<()> {
    let found = if let Some((above, _)) = text.split_once(&format!("pub {name}: Duration")) {
        // Search in the attribute of the field.
        above
            .rsplit("#[arg(")
            .next()
            .is_some_and(|attribute| attribute.contains(&format!("default_value = \"{seconds}s\"")))
    } else {
        let mut values = text.lines().filter_map(|line| line.strip_prefix(name));
        values.any(|value| value.trim() == format!("{seconds}s;"))
    };
    ensure!(found, "{} is missing or is not {seconds}s", name.trim());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directive_matches_by_indentation() {
        let nginx = "    keepalive_timeout  75s;\n        keepalive_timeout 60s;\n";
        check(nginx, "    keepalive_timeout", 75).unwrap();
        check(nginx, "        keepalive_timeout", 60).unwrap();
        check(nginx, "    keepalive_timeout", 60).unwrap_err();
        check(nginx, "    keepalive_timeout", 7).unwrap_err();
    }

    #[test]
    fn default_belongs_to_its_own_field() {
        let fields = "#[arg(default_value = \"5s\")]\npub body_timeout: Duration,\n\
                      #[arg(default_value = \"2s\")]\npub drain_grace: Duration,\n";
        check(fields, "body_timeout", 5).unwrap();
        check(fields, "drain_grace", 2).unwrap();
        check(fields, "drain_grace", 5).unwrap_err();
        check(fields, "drain_timeout", 5).unwrap_err();
    }
}
