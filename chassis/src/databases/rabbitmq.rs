//! `RabbitMQ`: one node, with a port mapper of its own.

use super::{Process, find, free_port, is_root, run};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Calls a function in the node, without another Erlang machine.
const ERL_CALL: &str = "/usr/lib/erlang/bin/erl_call";
/// The secret of the node, for `erl_call`.
const COOKIE: &str = "cookie-of-tests";
/// The virtual host.
const VIRTUAL_HOST: &str = "tasks";

/// Without work, its threads sleep. An interrupt is ignored. Other nodes can not connect.
const ARGUMENTS: &str = "+sbwt none +sbwtdcpu none +sbwtdio none +B i \
    -kernel inet_dist_use_interface {127,0,0,1}";

/// A `RabbitMQ` server. Its user is `tasks`.
#[derive(Debug)]
pub struct RabbitMq {
    process: Option<Process>,
    port: u16,
    distribution: u16,
    folder: TempDir,
    /// Knows the port of the node.
    _mapper: Process,
    mapper: u16,
}

impl RabbitMq {
    /// Whether the server is installed. If it is not, prints that the test is skipped.
    #[must_use]
    pub fn can_start(test: &str) -> bool {
        let can_start = program().is_some() && Path::new(ERL_CALL).exists();
        if !can_start {
            println!("SKIPPED: {test}: the Debian package rabbitmq-server is not installed");
        }
        can_start
    }

    /// A new server, with these lines of settings in addition (`FOLDER` is its folder), and files that it reads (name and content).
    #[must_use]
    pub fn start(settings: &[&str], files: &[(&str, &str)]) -> Self {
        let folder = tempfile::Builder::new().prefix("rabbitmq-").tempdir().unwrap();
        let (port, distribution, mapper) = (free_port(), free_port(), free_port());
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write(
            "rabbitmq.conf",
            &format!(
                "listeners.tcp.1 = 127.0.0.1:{port}\ndefault_vhost = {VIRTUAL_HOST}\ndefault_user = tasks\n\
                default_pass = secret-word\ndisk_free_limit.absolute = 1MB\n{}\n",
                settings.join("\n").replace("FOLDER", &folder.path().display().to_string())
            ),
        );
        for (name, text) in files {
            write(name, text);
        }
        write("plugins", "[].\n");
        write(".erlang.cookie", COOKIE);
        let cookie = folder.path().join(".erlang.cookie");
        fs::set_permissions(cookie, fs::Permissions::from_mode(0o400)).unwrap();
        if is_root() {
            run(Command::new("chown").args(["-R", "rabbitmq:rabbitmq"]).arg(folder.path()));
        }
        let log = folder.path().join("mapper");
        let mut epmd = command(find("epmd").unwrap());
        epmd.args(["-address", "127.0.0.1", "-port", &mapper.to_string()]);
        let process = Process::start(&mut epmd, mapper, &log);
        let mut server =
            Self { process: None, port, distribution, folder, _mapper: process, mapper };
        server.start_again();
        server
    }

    /// Starts the server again on the same port and data.
    pub fn start_again(&mut self) {
        let folder = self.folder.path();
        let mut command = command(program().unwrap());
        let variables = [
            ("HOME", folder.to_owned()),
            ("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq.conf")),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("plugins")),
            ("RABBITMQ_MNESIA_BASE", folder.join("data")),
            ("RABBITMQ_LOG_BASE", folder.to_owned()),
            ("RABBITMQ_CONF_ENV_FILE", PathBuf::from("/dev/null")),
        ];
        command.envs(variables).envs([
            ("PATH", "/usr/bin:/bin"),
            ("RABBITMQ_LOGS", "-"),
            ("RABBITMQ_NODENAME", &format!("tasks-{}@localhost", self.port)),
            ("RABBITMQ_DIST_PORT", &self.distribution.to_string()),
            ("ERL_EPMD_PORT", &self.mapper.to_string()),
            ("ERL_EPMD_ADDRESS", "127.0.0.1"),
            // The script becomes the server, which then gets the signals.
            ("RUNNING_UNDER_SYSTEMD", "true"),
            ("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", ARGUMENTS),
        ]);
        let log = folder.join("log");
        self.process = Some(Process::start(&mut command, self.port, &log));
    }

    /// Ends the server at once, without writing anything back.
    pub fn crash(&mut self) {
        self.signal("-KILL");
        self.process.take().unwrap().stop().unwrap();
    }

    /// Stops the server in order. Its clients are told.
    pub fn stop(&mut self) {
        self.signal("-TERM");
        self.process.take().unwrap().stop().unwrap();
    }

    /// Whether the server runs.
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.process.is_some()
    }

    /// Makes the server accept connections without any answer (`-STOP`), until `-CONT`.
    pub fn signal(&self, signal: &str) {
        if let Some(process) = &self.process {
            process.signal(signal);
        }
    }

    /// Evaluates an expression of Erlang in the node.
    #[must_use]
    pub fn call(&self, expression: &str) -> String {
        let mut call = Command::new(ERL_CALL);
        call.args(["-address", &self.distribution.to_string(), "-c", COOKIE, "-e"]);
        let mut call = call.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        writeln!(call.stdin.take().unwrap(), "{expression}.").unwrap();
        let output = call.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let answer = text.strip_prefix("{ok, ").and_then(|text| text.strip_suffix('}'));
        answer.unwrap_or_else(|| panic!("{expression}: {text}")).to_owned()
    }

    /// The URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("amqp://tasks:secret-word@127.0.0.1:{}/{VIRTUAL_HOST}", self.port)
    }
}

/// The script of the newest version. The one on the search path would change the folder and the log.
fn program() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/rabbitmq/lib").ok()?;
    let script = |folder: fs::DirEntry| folder.path().join("sbin/rabbitmq-server");
    versions.flatten().map(script).filter(|script| script.exists()).max()
}

/// A command as the user `rabbitmq` if this process is root. It is killed when the thread that starts it ends.
fn command(program: PathBuf) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    if is_root() {
        command.args(["--reuid", "rabbitmq", "--regid", "rabbitmq", "--clear-groups"]);
    }
    command.arg("--").arg(program).env_clear().env("LC_ALL", "C.UTF-8").current_dir("/");
    command
}

/// Nothing of the server is needed any more.
impl Drop for RabbitMq {
    fn drop(&mut self) {
        self.signal("-KILL");
    }
}
