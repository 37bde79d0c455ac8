//! Debian packages of the programs that the tests call.
//!
//! Debian starts a web server when its package is installed, and at each boot. The tests need only the programs, so the
//! services are not started.

use std::fs::{self, File};
use std::path::Path;

use anyhow::{bail, ensure};
use clap::builder::PossibleValuesParser;

use crate::command::{from_line, is_installed, output, passes, search_path, tail};

/// A program, its packages, and the service that the package starts.
const PROGRAMS: [(&str, &str, Option<&str>); 24] = [
    // Loads the pages of the services.
    ("chromium", "chromium", None),
    ("crun", "crun", None),
    ("curl", "curl", None),
    ("debootstrap", "debootstrap", None),
    // A separate package in Debian 13 and later. Before, it is in `docker.io`.
    ("docker", "docker-cli docker-buildx", None),
    ("docker-compose", "docker-compose", None),
    ("dockerd", "docker.io iptables", None),
    ("dot", "graphviz", None),
    // Its library sets the clock of a process.
    ("faketime", "faketime", None),
    // The tests of `ops github` call it. GitHub's machines have it.
    ("gh", "gh", None),
    ("haproxy", "haproxy", Some("haproxy")),
    ("ip", "iproute2", None),
    // The drill `stale-upstream` drops packets with it.
    ("iptables", "iptables", None),
    ("jq", "jq", None),
    ("nginx", "nginx", Some("nginx")),
    ("openssl", "openssl", None),
    ("pcre2-config", "gcc make libc6-dev libpcre2-dev zlib1g-dev libssl-dev", None),
    // The server is not on the search path, but this program of the package is.
    ("pg_createcluster", "postgresql", Some("postgresql")),
    ("pgbouncer", "pgbouncer", Some("pgbouncer")),
    ("rabbitmq-server", "rabbitmq-server", Some("rabbitmq-server")),
    ("redis-server", "redis-server", Some("redis-server")),
    ("sqlite3", "sqlite3", None),
    ("strace", "strace", None),
    ("valgrind", "valgrind", None),
];

/// Exit code 101 of `policy-rc.d` means "do not start it". The shell removes the file, also after a signal.
const INSTALL: &str = r#"set -eu
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi
apt-get update -q
DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@""#;

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Programs. The packages of missing programs are installed
    #[arg(required = true, value_parser = PossibleValuesParser::new(PROGRAMS.map(|(program, ..)| program)))]
    programs: Vec<String>,
}

/// Runs the command.
pub fn run(root: &Path, args: &Args) -> anyhow::Result<bool> {
    install(root, &args.programs).map(|()| true)
}

/// Installs the packages of missing programs. Prints nothing if all programs are installed.
pub fn install<S: AsRef<str>>(root: &Path, programs: &[S]) -> anyhow::Result<()> {
    let path = search_path(root);
    let (mut packages, mut services) = (Vec::new(), Vec::new());
    for program in programs.iter().map(S::as_ref).filter(|program| !is_installed(program, &path)) {
        let Some((_, package, service)) = PROGRAMS.iter().find(|(name, ..)| *name == program)
        else {
            bail!("no package is known for {program}");
        };
        packages.extend(package.split(' '));
        services.extend(*service);
    }
    if packages.is_empty() {
        return Ok(());
    }
    let missing = packages.join(" ");
    ensure!(
        is_installed("apt-get", &path),
        "{missing} missing. Install with the package manager of this system (nginx 1.22 or newer) and try again."
    );
    let is_root = output(&mut from_line("id -u"))?.trim() == "0";
    ensure!(
        is_root || is_installed("sudo", &path),
        "{missing} missing, and the installation needs root or sudo. Install it and try again."
    );
    let as_root = |line: &str| {
        let mut command =
            from_line(&if is_root { line.to_owned() } else { format!("sudo {line}") });
        command.env("PATH", &path);
        command
    };

    let log_path = root.join(".run/install.log");
    fs::create_dir_all(root.join(".run"))?;
    println!("Installing {missing} (log: .run/install.log)");
    let log = File::create(&log_path)?;
    if !passes(as_root("bash -c").args([INSTALL, "install"]).args(&packages), &log)? {
        eprint!("{}", tail(&fs::read_to_string(&log_path)?, 15));
        bail!("{missing} could not be installed. See the output of apt-get above.");
    }
    if Path::new("/run/systemd/system").is_dir() && !services.is_empty() {
        output(as_root("systemctl disable -q").args(&services))?;
    }
    Ok(())
}
