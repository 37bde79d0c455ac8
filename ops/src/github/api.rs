//! GitHub's REST API, through its command `gh`.
//!
//! `gh` supplies the login of a person or the token of a workflow, the host of an enterprise, proxies and TLS. It also
//! encrypts secrets. Each call starts `gh` once. A refusal (403, 404, 422) is not an error here: it can mean that one
//! setting needs a paid plan, and the other settings do not. The following are errors, because further calls would
//! fail too: no login, an exhausted rate limit, a failure of GitHub.
//!
//! Source: <https://docs.github.com/en/rest>, version 2022-11-28.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

const VERSION: &str = "X-GitHub-Api-Version: 2022-11-28";

/// The part of the API that belongs to one repository.
#[derive(Debug)]
pub(super) struct Repository {
    name: String,
}

/// A response of GitHub.
#[derive(Debug)]
pub(super) struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    /// Null if the response has no body.
    body: Value,
}

/// A response other than 2xx: the status, and the message of GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) message: String,
}

/// The body of a 2xx response, or the refusal.
pub(super) type Answer = Result<Value, Refusal>;

impl Repository {
    /// `name` is OWNER/NAME.
    pub(super) fn new(name: &str) -> anyhow::Result<Self> {
        let is_word = |word: &str| {
            !word.is_empty()
                && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
        };
        let valid = name
            .split_once('/')
            .is_some_and(|(owner, name)| is_word(owner) && is_word(name) && !name.contains('/'));
        ensure!(valid, "the repository is `{name}`: expected OWNER/NAME");
        Ok(Self { name: name.to_owned() })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Reads a path below the repository. An empty path reads the repository itself.
    pub(super) fn get(&self, path: &str) -> anyhow::Result<Answer> {
        Ok(call("GET", &self.path(path), None)?.answer())
    }

    /// Reads all pages of a list. Each page is an array, or has the array in the member `list`.
    pub(super) fn list(
        &self,
        path: &str,
        list: Option<&str>,
    ) -> anyhow::Result<Result<Vec<Value>, Refusal>> {
        // GitHub returns at most 30 variables on a page. The other lists work with this size too.
        let (mut found, separator) = (Vec::new(), if path.contains('?') { '&' } else { '?' });
        for page in 1.. {
            let path = self.path(&format!("{path}{separator}per_page=30&page={page}"));
            let reply = call("GET", &path, None)?;
            let has_next = reply.header("link").contains("rel=\"next\"");
            let mut body = match reply.answer() {
                Ok(body) => body,
                Err(refusal) => return Ok(Err(refusal)),
            };
            let items = match list {
                Some(member) => body[member].take(),
                None => body,
            };
            let Value::Array(items) = items else { bail!("{path}: GitHub returned no list") };
            found.extend(items);
            if !has_next {
                break;
            }
        }
        Ok(Ok(found))
    }

    /// Writes (`POST`, `PUT`, `PATCH`) or removes (`DELETE`, with a null body).
    pub(super) fn send(&self, method: &str, path: &str, body: &Value) -> anyhow::Result<Answer> {
        let body = (!body.is_null()).then_some(body);
        Ok(call(method, &self.path(path), body)?.answer())
    }

    /// Sets a secret of an environment. `gh` reads the value from standard input and encrypts it.
    pub(super) fn set_secret(
        &self,
        environment: &str,
        name: &str,
        value: &str,
    ) -> anyhow::Result<Result<(), Refusal>> {
        let mut gh = gh();
        gh.args(["secret", "set", name, "--env", environment, "--repo", &self.name]);
        let output = finish(&mut gh, Some(value))?;
        let said = String::from_utf8_lossy(&output.stderr);
        let message = said.trim().replace(value, "…");
        Ok(if output.status.success() { Ok(()) } else { Err(Refusal { status: 0, message }) })
    }

    fn path(&self, path: &str) -> String {
        let separator = if path.is_empty() { "" } else { "/" };
        format!("repos/{}{separator}{path}", self.name)
    }
}

/// Reads a path outside of repositories: a person or a team.
pub(super) fn get(path: &str) -> anyhow::Result<Answer> {
    Ok(call("GET", path, None)?.answer())
}

impl Reply {
    /// Parses the output of `gh api --include`: a status line, headers, an empty line and the body.
    fn parse(text: &str) -> Option<Self> {
        let text = text.replace("\r\n", "\n");
        let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
        let mut lines = head.lines();
        let status = lines.next()?.strip_prefix("HTTP/")?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let body =
            if body.trim().is_empty() { Value::Null } else { serde_json::from_str(body).ok()? };
        Some(Self { status, headers, body })
    }

    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }

    /// The advice for a response after which further calls would fail too.
    fn stops(&self) -> Option<&'static str> {
        let limited = self.status == 429
            || self.status == 403
                && (self.header("x-ratelimit-remaining") == "0"
                    || !self.header("retry-after").is_empty());
        match self.status {
            401 => Some("log in with `gh auth login`, or set GH_TOKEN to a token that is valid"),
            _ if limited => Some("the rate limit is spent; repeat the command later"),
            500.. => Some("GitHub has failed; repeat the command later"),
            _ => None,
        }
    }

    fn answer(self) -> Answer {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        let message = self.body["message"].as_str().unwrap_or("no message").to_owned();
        // GitHub's messages about single members of the request.
        let details = self.body["errors"].as_array().into_iter().flatten();
        let details = details.filter_map(|e| e.as_str().or_else(|| e["message"].as_str()));
        let message = std::iter::once(message.as_str()).chain(details).collect::<Vec<_>>();
        Err(Refusal { status: self.status, message: message.join(": ") })
    }
}

impl Refusal {
    /// Whether the path does not exist, or this login cannot see it.
    pub(super) fn is_not_found(&self) -> bool {
        self.status == 404
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.status {
            // The message of `gh` contains the status.
            0 => write!(f, "{}", self.message),
            status => write!(f, "GitHub answers {status}: {}", self.message),
        }
    }
}

fn gh() -> Command {
    let mut gh = Command::new("gh");
    gh.env("GH_PROMPT_DISABLED", "1").env("GH_NO_UPDATE_NOTIFIER", "1").env_remove("GH_DEBUG");
    gh
}

fn call(method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<Reply> {
    let mut gh = gh();
    gh.args(["api", "--include", "--method", method, "--header", VERSION, path]);
    if body.is_some() {
        gh.args(["--input", "-"]);
    }
    let output = finish(&mut gh, body.map(Value::to_string).as_deref())?;
    let Some(reply) = Reply::parse(&String::from_utf8_lossy(&output.stdout)) else {
        bail!("gh api {path}: {}", String::from_utf8_lossy(&output.stderr).trim());
    };
    if let Some(advice) = reply.stops() {
        let refusal = reply.answer().err();
        bail!(
            "{method} {path}: {}: {advice}",
            refusal.context("GitHub returned an unexpected success")?
        );
    }
    Ok(reply)
}

/// Runs `gh` with this standard input.
fn finish(gh: &mut Command, input: Option<&str>) -> anyhow::Result<Output> {
    let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
    let mut child =
        gh.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context(
            "cannot run `gh`: install GitHub's command line tool, https://cli.github.com",
        )?;
    if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
        // `gh` can end before it reads its input. Its standard error has the reason.
        let _ = stdin.write_all(input.as_bytes());
    }
    child.wait_with_output().context("cannot read the output of `gh`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repository_must_be_owner_and_name() {
        assert!(Repository::new("owner/my.name_1").is_ok());
        for name in ["", "owner", "owner/", "/name", "owner/na/me", "owner/name?x", "https://x/y"] {
            assert!(Repository::new(name).is_err(), "{name}");
        }
    }

    #[test]
    fn parse_reads_status_headers_and_body() {
        let text = "HTTP/2.0 422 Unprocessable Entity\r\nX-A: b\r\n\r\n{\"message\":\"Validation Failed\",\"errors\":[\"no such check\"]}";
        let reply = Reply::parse(text).unwrap();
        assert_eq!((reply.status, reply.header("x-a")), (422, "b"));
        let refusal = reply.answer().unwrap_err();
        assert_eq!(refusal.to_string(), "GitHub answers 422: Validation Failed: no such check");
        assert!(Reply::parse("HTTP/1.1 204 No Content\r\nA: b\r\n\r\n").unwrap().answer().is_ok());
        for text in ["", "gh: not logged in", "HTTP/1.1", "HTTP/1.1 200 OK\r\n\r\n<html>"] {
            assert!(Reply::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn login_limit_and_server_errors_stop_the_command() {
        for (head, stops) in [
            ("200 OK", false),
            ("404 Not Found", false),
            ("403 Forbidden", false),
            ("403 Forbidden\r\nX-RateLimit-Remaining: 4999", false),
            ("403 Forbidden\r\nX-RateLimit-Remaining: 0", true),
            ("403 Forbidden\r\nRetry-After: 60", true),
            ("429 Too Many Requests", true),
            ("401 Unauthorized", true),
            ("502 Bad Gateway", true),
        ] {
            let reply = Reply::parse(&format!("HTTP/2.0 {head}\r\n\r\n{{}}")).unwrap();
            assert_eq!(reply.stops().is_some(), stops, "{head}");
        }
    }
}
