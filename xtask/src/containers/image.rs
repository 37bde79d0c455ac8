//! Checks the content and the configuration of an image before it runs in the stack.

use anyhow::ensure;

use super::{Bases, Run};
use crate::checks::{Checks, equal};
use crate::command::said;

/// The lowest release of nginx without the known vulnerabilities of its branch.
const OLDEST_NGINX: [u32; 3] = [1, 30, 6];
/// Seconds after which an image that starts without settings is stopped.
const LIMIT: u32 = 15;
/// The content of the API's image in addition to the binary.
const LIBRARIES: [&str; 3] = ["libc", "libm", "libgcc_s"];
const FILES: [&str; 3] = ["etc/nsswitch.conf", "etc/os-release", CA_ROOTS];
const CA_ROOTS: &str = "etc/ssl/certs/ca-certificates.crt";
const PACKAGES: &str = "var/lib/dpkg/status.d/";
const OF_THE_BASE: &str =
    "! ls /etc/nginx/conf.d /etc/nginx/nginx.conf /docker-entrypoint.sh 2>/dev/null | grep .";

pub(super) fn check(run: &Run, bases: &Bases, checks: &Checks) -> anyhow::Result<()> {
    let (api, nginx) = (run.api.as_str(), run.nginx.as_str());
    let of = |image, format| run.engine.docker("image inspect --format", &[format, image]);
    let size: u64 = of(api, "{{.Size}}")?.parse()?;
    let largest = run.service.image.megabytes;
    checks.check(
        format!("the API's image is at most {largest} MB (it is {} MB)", megabytes(size)),
        || {
            ensure!(size <= largest * 1_000_000, "{size} bytes");
            Ok(())
        },
    );
    println!("        the sidecar's image: {} MB", megabytes(of(nginx, "{{.Size}}")?.parse()?));

    let files = run.files(api)?;
    let name = format!(
        "the API's image contains only the binary, glibc and CA roots ({} files)",
        files.len()
    );
    checks.check(name, || {
        ensure!(files.iter().any(|file| file == "service"), "no binary: {files:?}");
        let others: Vec<_> = files.iter().filter(|file| !is_expected(file)).collect();
        ensure!(others.is_empty(), "{others:?}");
        Ok(())
    });
    checks.check("the API's image has no shell", || {
        match run.run_once(api, "/bin/sh", &["-c", "true"]) {
            Ok(_) => anyhow::bail!("it ran /bin/sh"),
            Err(error) => contains(&format!("{error:#}"), "no such file"),
        }
    });
    checks.check("the API's image has CA roots", || {
        ensure!(files.iter().any(|file| file == CA_ROOTS), "{files:?}");
        Ok(())
    });
    checks.check("the API runs as 65532", || equal("65532:65532", &of(api, "{{.Config.User}}")?));
    checks.check("the sidecar runs as 101", || equal("101:101", &of(nginx, "{{.Config.User}}")?));
    checks.check("the sidecar is stopped with SIGQUIT", || {
        equal("SIGQUIT", &of(nginx, "{{.Config.StopSignal}}")?)
    });
    for (image, short) in [(api, "api"), (nginx, "nginx")] {
        checks.check(format!("no key in the layers of {short}"), || {
            without_key("COPY", &run.engine.docker("history --no-trunc", &[image])?)
        });
        checks.check(format!("no key in the configuration of {short}"), || {
            without_key("Entrypoint", &run.engine.docker("image inspect", &[image])?)
        });
    }
    checks.check("the sidecar's image has no default site", || {
        run.run_once(nginx, "/bin/sh", &["-c", OF_THE_BASE])
    });
    let refuses = |name: &str, image, environment: &[String]| {
        checks.check(format!("{name} refuses to start without keys"), || {
            equal("64", &run.exit_code(image, environment)?)
        });
    };
    if run.service.requires_key {
        refuses("the sidecar", nginx, &[]);
    }
    if run.service.requires_key || run.service.requires_token {
        refuses("the API", api, &run.service.image.environment());
    }
    checks.check("the command openapi works in the image", || {
        contains(&run.run_once(api, "/service", &["openapi"])?, "\"openapi\"")
    });
    let version = run.run_once(nginx, "nginx", &["-v"])?;
    let version = version.trim();
    if bases.stand_ins {
        let skip =
            format!("containers: nginx is at least 1.30.6: the base is a stand-in with {version}");
        checks.skip(&skip, 1);
    } else {
        checks.check(format!("nginx is at least 1.30.6 ({version})"), || is_new_enough(version));
    }
    Ok(())
}

impl Run {
    /// The files of an image. Ignores empty files and directories, because Docker adds some (/dev, /proc, …).
    fn files(&self, image: &str) -> anyhow::Result<Vec<String>> {
        let container = format!("{}-caller", self.project);
        self.engine.docker("create --network none --name", &[&container, image])?;
        let list = format!("set -o pipefail; docker export {container} | tar --list --verbose");
        let list = said(self.engine.command("bash -c").arg(list))?;
        self.engine.docker("rm", &[&container])?;
        let file = |line: &str| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let has_content = fields.get(2).is_some_and(|size| *size != "0");
            let is_listed = !line.starts_with('d') && has_content;
            fields.get(5).filter(|_| is_listed).map(|&name| name.to_owned())
        };
        Ok(list.lines().filter_map(file).collect())
    }

    /// Runs a program of an image and returns its output.
    fn run_once(&self, image: &str, program: &str, arguments: &[&str]) -> anyhow::Result<String> {
        let mut docker = self.engine.command("docker run --rm --network none --entrypoint");
        said(docker.args([program, image]).args(arguments))
    }

    /// The exit code of an image that starts with these settings only. The time limit stops an image that runs forever.
    fn exit_code(&self, image: &str, environment: &[String]) -> anyhow::Result<String> {
        let container = format!("{}-caller", self.project);
        let mut arguments = vec![container.as_str()];
        arguments.extend(environment.iter().flat_map(|setting| ["--env", setting]));
        arguments.push(image);
        self.engine.docker("run --detach --network none --name", &arguments)?;
        let line = format!("timeout {LIMIT} docker wait {container}");
        let waited = said(&mut self.engine.command(&line));
        self.engine.docker("rm --force", &[&container])?;
        Ok(waited?.trim().to_owned())
    }
}

fn megabytes(bytes: u64) -> String {
    let tenths = (bytes + 50_000) / 100_000;
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn is_expected(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file);
    let in_lib = file.starts_with("lib/") || file.starts_with("lib64/");
    file == "service"
        || FILES.contains(&file)
        || (in_lib && is_library(name))
        || file.strip_prefix(PACKAGES).is_some_and(|package| !package.contains('/'))
}

fn is_library(name: &str) -> bool {
    let Some((stem, version)) = name.split_once(".so.") else { return false };
    let is_number = !version.is_empty() && version.chars().all(|digit| digit.is_ascii_digit());
    is_number && (stem.starts_with("ld-linux") || LIBRARIES.contains(&stem))
}

fn is_new_enough(version: &str) -> anyhow::Result<()> {
    let numbers = version.rsplit('/').next().unwrap_or_default();
    let numbers: Vec<u32> = numbers.split('.').filter_map(|number| number.parse().ok()).collect();
    ensure!(numbers.len() == 3 && numbers >= OLDEST_NGINX.to_vec(), "{version}");
    Ok(())
}

/// Checks that the text contains no key. The text must contain `known`, so an empty text fails.
pub(super) fn without_key(known: &str, text: &str) -> anyhow::Result<()> {
    contains(text, known)?;
    let found = text.lines().find(|line| line.contains("API_KEY=") || line.contains(super::KEY));
    ensure!(found.is_none(), "{}", found.unwrap_or_default());
    Ok(())
}

pub(super) fn contains(text: &str, expected: &str) -> anyhow::Result<()> {
    ensure!(text.contains(expected), "no {expected:?} in: {text}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_documented_files_are_expected() {
        for file in [
            "service",
            "lib64/ld-linux-x86-64.so.2",
            "lib/ld-linux-aarch64.so.1",
            "lib/x86_64-linux-gnu/libc.so.6",
            "lib/x86_64-linux-gnu/libgcc_s.so.1",
            "var/lib/dpkg/status.d/libc6",
            CA_ROOTS,
        ] {
            assert!(is_expected(file), "{file}");
        }
        for file in [
            "bin/sh",
            "etc/passwd",
            "lib/x86_64-linux-gnu/libcrypt.so.1",
            "lib/x86_64-linux-gnu/libssl.so.3",
            "libc.so.6",
            "var/lib/dpkg/status",
        ] {
            assert!(!is_expected(file), "{file}");
        }
    }

    #[test]
    fn old_nginx_is_refused() {
        for version in ["nginx version: nginx/1.30.6", "nginx version: nginx/1.31.0", "nginx/2.0.0"]
        {
            is_new_enough(version).unwrap();
        }
        for version in ["nginx version: nginx/1.30.5", "nginx/1.26.3", "nginx/1.31", ""] {
            is_new_enough(version).unwrap_err();
        }
    }

    #[test]
    fn key_or_empty_text_is_an_error() {
        without_key("COPY", "COPY /service /").unwrap();
        for text in ["COPY x\nENV API_KEY=x", "COPY CHANGEME", ""] {
            without_key("COPY", text).unwrap_err();
        }
    }
}
