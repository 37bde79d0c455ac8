//! The programs that can be measured, and their start.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use rustix::process::Signal;

use crate::request;

/// A server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Program {
    /// sum-api itself, with all features.
    Api,
    /// hyper with a constant answer.
    Bare,
    /// `/sum` on axum.
    Axum,
    /// `/sum` on actix-web.
    Actix,
    /// `/sum` on Go's `net/http`.
    Go,
    /// nginx with a constant answer.
    Nginx,
    /// The project's sidecar, in front of another program.
    Sidecar,
    /// nginx with a plain `proxy_pass`, in front of another program.
    PlainProxy,
}

/// A server and the program behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Setup {
    /// The program that gets the requests.
    pub front: Program,
    /// The program that a proxy forwards them to.
    pub behind: Option<Program>,
    /// Number of keys of the API and the sidecar.
    pub keys: usize,
}

impl Setup {
    /// A program without a proxy.
    pub const fn alone(front: Program) -> Self {
        Self { front, behind: None, keys: request::CLIENTS }
    }

    /// A proxy in front of a program.
    pub const fn proxied(front: Program, behind: Program) -> Self {
        Self { front, behind: Some(behind), keys: request::CLIENTS }
    }

    /// The same setup with this number of keys.
    #[must_use]
    pub const fn with_keys(self, keys: usize) -> Self {
        Self { keys, ..self }
    }

    /// Its name in tables and plots.
    pub fn name(&self) -> String {
        let front = self.front.name();
        self.behind.map_or(front.into(), |behind| format!("{front} → {}", behind.name()))
    }

    /// Whether this machine has all its programs.
    pub fn exists(&self) -> bool {
        self.front.exists() && self.behind.is_none_or(Program::exists)
    }
}

impl Program {
    /// Its name in tables and plots.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Api => "sum-api",
            Self::Bare => "bare hyper",
            Self::Axum => "axum",
            Self::Actix => "actix-web",
            Self::Go => "Go net/http",
            Self::Nginx => "nginx return",
            Self::Sidecar => "sidecar",
            Self::PlainProxy => "plain proxy",
        }
    }

    /// The path of its binary, if it is built in this repository.
    pub fn binary(self) -> PathBuf {
        let given = |variable, path: &str| {
            std::env::var_os(variable).map_or_else(|| root().join(path), PathBuf::from)
        };
        let peer = |name| root().join("target/bench/release").join(name);
        match self {
            Self::Api => given("SUM_API_BIN", "target/release/sum-api"),
            Self::Sidecar => given("SIDECAR_BIN", "target/release/sidecar"),
            Self::Bare => peer("peer-bare"),
            Self::Axum => peer("peer-axum"),
            Self::Actix => peer("peer-actix"),
            Self::Go => peer("peer-go"),
            Self::Nginx | Self::PlainProxy => nginx(),
        }
    }

    const fn is_nginx(self) -> bool {
        matches!(self, Self::Nginx | Self::Sidecar | Self::PlainProxy)
    }

    /// Whether this machine has it.
    pub fn exists(self) -> bool {
        if self.is_nginx() {
            Command::new(nginx()).arg("-v").output().is_ok()
        } else {
            self.binary().exists()
        }
    }

    /// The signal for a graceful stop.
    pub const fn graceful(self) -> Signal {
        if self.is_nginx() { Signal::QUIT } else { Signal::TERM }
    }

    /// The command that starts it under `tool`, a program with its arguments, or without one. Under a tool, nginx
    /// is one process, so that the tool counts all of it.
    pub fn command(
        self,
        address: SocketAddr,
        behind: Option<SocketAddr>,
        keys: usize,
        directory: &Path,
        tool: &[String],
    ) -> Result<Command> {
        let behind = behind.map_or_else(String::new, |address| address.to_string());
        let binary = self.binary();
        // The sidecar replaces itself by nginx. Only nginx must be counted.
        let mut words = if self == Self::Sidecar { &[] } else { tool }.iter().map(String::as_str);
        let mut command = Command::new(words.next().map_or(binary.as_path(), Path::new));
        command.args(words);
        if self != Self::Sidecar && !tool.is_empty() {
            command.arg(binary);
        }
        match self {
            Self::Api => {
                command.env("LISTEN", address.to_string()).env("API_KEY", request::key_list(keys));
                // Several can run at once.
                command.env("METRICS_LISTEN", "127.0.0.1:0");
            }
            Self::Bare | Self::Axum | Self::Actix | Self::Go => {
                command.arg(address.to_string());
            }
            Self::Nginx | Self::PlainProxy => {
                let name = if self == Self::Nginx { "return.conf" } else { "proxy.conf" };
                let template = root().join("benches/peers/nginx").join(name);
                let text = fs::read_to_string(&template)
                    .with_context(|| format!("reading {}", template.display()))?
                    .replace("@LISTEN@", &address.to_string())
                    .replace("@BEHIND@", &behind);
                let configuration = directory.join("nginx.conf");
                fs::write(&configuration, text)?;
                let single = if tool.is_empty() { "" } else { " master_process off;" };
                command.args(["-e", "stderr", "-p"]).arg(directory).arg("-c").arg(configuration);
                command.arg("-g").arg(format!("daemon off;{single}"));
            }
            Self::Sidecar => {
                command
                    .env("OPENAPI_DOCUMENT", root().join("services/sum/openapi.json"))
                    .env("LISTEN", address.to_string())
                    .env("API_ADDRESS", behind)
                    .env("API_KEY", request::key_list(keys))
                    .env("RUNTIME_DIR", directory)
                    .env("RATE_LIMIT", "10000")
                    .env("RATE_LIMIT_BURST", "10000");
                if !tool.is_empty() {
                    command.env("NGINX", nginx_under(tool, directory)?);
                }
            }
        }
        Ok(command)
    }
}

fn nginx() -> PathBuf {
    std::env::var_os("NGINX").map_or_else(|| "nginx".into(), PathBuf::from)
}

/// The sidecar runs nginx three times: for its version, for a test, and to replace itself. Only the last run must be
/// counted.
fn nginx_under(tool: &[String], directory: &Path) -> Result<PathBuf> {
    let (nginx, tool) = (nginx(), tool.join(" "));
    let nginx = nginx.display();
    let script = directory.join("nginx-counted");
    let text = format!(
        "#!/bin/sh\ncase \"$*\" in\n*daemon*) exec {tool} {nginx} -e stderr -p \"$4\" -c \"$6\" -g 'daemon off; master_process off;' ;;\n*) exec {nginx} \"$@\" ;;\nesac\n"
    );
    fs::write(&script, text)?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
    Ok(script)
}

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the crate is two levels down in the repository")
}
