//! The nginx of this machine: its version, its test of a configuration, and its start.

use crate::Failure;
use serde::Serialize;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// The program and its version.
#[derive(Debug)]
pub struct Nginx {
    program: OsString,
    version: Option<Version>,
}

/// Major and minor version. The relevant behaviour does not depend on the patch version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(u32, u32);

/// The user of the workers if the master runs as root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct User {
    name: &'static str,
    group: String,
}

impl Version {
    /// The first version that joins the values of equal headers. In an older version, the variable contains only the
    /// first value.
    const JOINS_EQUAL_HEADERS: Self = Self(1, 23);

    /// Reads a version such as `1.30.6`, or a line that ends with one after a slash.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let version = text.trim().rsplit('/').next()?;
        let mut parts = version.split('.').map(str::parse);
        Some(Self(parts.next()?.ok()?, parts.next()?.ok()?))
    }

    /// Whether the variable of a header contains a second header of the same name.
    #[must_use]
    pub fn joins_equal_headers(self) -> bool {
        self >= Self::JOINS_EQUAL_HEADERS
    }
}

impl Nginx {
    /// Runs the program to get its version.
    pub fn find(program: &OsStr) -> Result<Self, Failure> {
        let output = command(program).arg("-v").output().ok().filter(|out| out.status.success());
        let output = output
            .ok_or_else(|| Failure::setting("NGINX", "must be the path of an executable nginx"))?;
        let said = [output.stdout, output.stderr].concat();
        Ok(Self {
            program: program.to_owned(),
            version: Version::parse(&String::from_utf8_lossy(&said)),
        })
    }

    /// Whether the variable of a header contains a second header of the same name. False if the version is unknown.
    #[must_use]
    pub fn joins_equal_headers(&self) -> bool {
        self.version.is_some_and(Version::joins_equal_headers)
    }

    /// Refuses to check keys without the service if nginx does not detect a second `X-Api-Key`.
    pub fn check_alone(&self) -> Result<(), Failure> {
        let reason = match self.version {
            Some(version) if version.joins_equal_headers() => return Ok(()),
            Some(_) => "older versions do not detect a second X-Api-Key",
            None => "the version of this nginx is unknown",
        };
        let rule = format!("may be false only with nginx 1.23 or newer: {reason}");
        Err(Failure::setting("REQUIRE_API_KEY", rule))
    }

    /// Tests a configuration. The error contains the message of nginx.
    pub fn test(&self, directory: &Path, configuration: &Path) -> Result<(), String> {
        let output = self.reading(directory, configuration).args(["-t", "-q"]).output();
        let output = output.map_err(|error| error.to_string())?;
        if output.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    }

    /// Replaces this process. Returns only if that fails.
    #[must_use]
    pub fn become_it(&self, directory: &Path, configuration: &Path) -> io::Error {
        self.reading(directory, configuration).args(["-g", "daemon off;"]).exec()
    }

    fn reading(&self, directory: &Path, configuration: &Path) -> Command {
        let mut prefix = directory.as_os_str().to_owned();
        prefix.push("/");
        let mut command = command(&self.program);
        command.args(["-e", "stderr", "-p"]).arg(prefix).arg("-c").arg(configuration);
        command
    }
}

/// Removes the keys from nginx's environment, and `NGINX`, which nginx would read as a list of inherited sockets.
fn command(program: &OsStr) -> Command {
    let mut command = Command::new(program);
    command.env_remove("API_KEY").env_remove("NGINX");
    command
}

impl User {
    /// `nobody` with its group, or `None` without root. Only root can give the workers another user. For other users
    /// nginx logs a warning.
    #[must_use]
    pub fn of_workers() -> Option<Self> {
        rustix::process::geteuid().is_root().then_some(())?;
        let field = |line: &str, place| line.split(':').nth(place).map(str::to_owned);
        let find = |file: &str, place, value: &str| {
            let text = fs::read_to_string(file).ok()?;
            let line = text.lines().find(|line| field(line, place).as_deref() == Some(value))?;
            Some(line.to_owned())
        };
        let id = field(&find("/etc/passwd", 0, "nobody")?, 3)?;
        let group = field(&find("/etc/group", 2, &id)?, 0)?;
        Some(Self { name: "nobody", group })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_is_read_from_nginx_output() {
        for (text, version) in [
            ("nginx version: nginx/1.22.1\n", Some(Version(1, 22))),
            ("nginx version: nginx/1.30.6 (Debian)", Some(Version(1, 30))),
            ("nginx version: openresty/1.27.1.2", Some(Version(1, 27))),
            ("1.30.6", Some(Version(1, 30))),
            ("nginx version: nginx/2.0", Some(Version(2, 0))),
            ("nginx", None),
            ("", None),
            ("nginx/1", None),
            ("nginx/x.y", None),
        ] {
            assert_eq!(Version::parse(text), version, "{text:?}");
        }
        let joins = |text| Version::parse(text).unwrap().joins_equal_headers();
        assert_eq!(["1.22.9", "1.23.0", "1.9.0", "2.0.0"].map(joins), [false, true, false, true]);
    }
}
