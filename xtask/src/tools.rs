//! Installs pinned tools into .tools/: linters, the emulator, Schemathesis, tools for diagrams and bills of materials.
//!
//! A group is installed again when its pins or its commands change. Each installer except `PipVersions` checks hashes:
//! `pip --require-hashes`, `npm ci`, `cargo install --locked`.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use clap::builder::PossibleValuesParser;

use crate::command::{from_line, passes, tail};

/// The installer of a group of tools.
enum Installer {
    /// A virtual environment with the packages of a requirements file.
    Pip(&'static str),
    /// The same with exact versions but without hashes.
    PipVersions(&'static str),
    /// The packages of tools/package.json.
    Npm,
    /// One crate, as `NAME@VERSION`.
    Cargo(&'static str),
    /// The program nginx, from a crate with its sources. The value is the SHA-256 of the crate.
    Nginx(&'static str),
}

const GROUPS: [(&str, Installer); 11] = [
    ("python", Installer::Pip("tools/requirements.txt")),
    ("npm", Installer::Npm),
    ("cargo", Installer::Cargo("cargo-deny@0.20.2")),
    ("nginx", Installer::Nginx("60c9192630560c017a18e1da5b4c5de9d78450923f17325752c6f0f7f3911c86")),
    ("diagram", Installer::Pip("tools/diagram-requirements.txt")),
    ("sbom", Installer::Pip("tools/sbom-requirements.txt")),
    ("emulator", Installer::PipVersions("terraform/emulator/requirements.txt")),
    ("checkov", Installer::PipVersions("terraform/requirements.txt")),
    ("permissions", Installer::Pip("tools/permissions-requirements.txt")),
    ("schemathesis", Installer::Pip("tools/schemathesis-requirements.txt")),
    ("smtp", Installer::Pip("tools/smtp-requirements.txt")),
];

const NGINX_CRATE: &str = ".tools/nginx-source/vendor/nginx-src";

/// The groups that `make lint` needs.
pub const LINTERS: [&str; 3] = ["python", "npm", "cargo"];

/// Arguments of the command.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The groups to install
    #[arg(default_values = LINTERS, value_parser = PossibleValuesParser::new(GROUPS.map(|(name, _)| name)))]
    groups: Vec<String>,
}

/// Runs the command. Returns whether all groups are installed.
pub fn run(root: &Path, args: &Args) -> anyhow::Result<bool> {
    install(root, &args.groups)
}

/// Installs the missing ones of these groups. Returns whether all are installed.
pub fn install<S: AsRef<str>>(root: &Path, names: &[S]) -> anyhow::Result<bool> {
    let mut all = true;
    for (name, installer) in GROUPS {
        if names.iter().any(|wanted| wanted.as_ref() == name) {
            all &= installer.install(root, name)?;
        }
    }
    Ok(all)
}

impl Installer {
    /// Files with the versions and the hashes.
    fn pins(&self) -> Vec<&'static str> {
        match self {
            Self::Pip(requirements) | Self::PipVersions(requirements) => vec![requirements],
            Self::Npm => vec!["tools/package.json", "tools/package-lock.json"],
            Self::Cargo(_) => vec![],
            Self::Nginx(_) => vec!["tools/nginx.toml"],
        }
    }

    /// The commands of the installation. They run in the root of the repository.
    fn commands(&self, name: &str) -> Vec<String> {
        match self {
            Self::Pip(pins) => pip(name, "--require-hashes", pins),
            Self::PipVersions(pins) => pip(name, "", pins),
            Self::Npm => vec![
                "mkdir -p .tools/npm".to_owned(),
                format!("cp {} .tools/npm/", self.pins().join(" ")),
                // Run no install scripts of packages.
                "npm ci --prefix .tools/npm --ignore-scripts --no-audit --no-fund".to_owned(),
            ],
            // A debug build takes 1 minute instead of 5. The tool runs for a second.
            Self::Cargo(tool) => vec![
                format!(
                    "cargo install --locked --debug --config profile.dev.debug=false --root .tools --target-dir .tools/target {tool}"
                ),
                "rm -rf .tools/target".to_owned(),
            ],
            Self::Nginx(hash) => [
                "cargo xtask packages pcre2-config",
                "rm -rf .tools/nginx-source",
                "install -D tools/nginx.toml .tools/nginx-source/Cargo.toml",
                "cargo vendor --quiet --manifest-path .tools/nginx-source/Cargo.toml .tools/nginx-source/vendor",
                &format!("grep --quiet \"package\":\"{hash}\" {NGINX_CRATE}/.cargo-checksum.json"),
                // Without optimisation, the build takes half the time. nginx runs for a minute.
                &format!(
                    "env --chdir={NGINX_CRATE}/nginx sh auto/configure --with-cc-opt=-O0 --with-pcre-jit \
                     --with-http_realip_module --with-http_ssl_module"
                ),
                &format!("make --jobs=4 --directory={NGINX_CRATE}/nginx"),
                &format!("mv {NGINX_CRATE}/nginx/objs/nginx .tools/nginx"),
                "rm -rf .tools/nginx-source",
            ]
            .map(str::to_owned)
            .to_vec(),
        }
    }

    fn install(&self, root: &Path, name: &str) -> anyhow::Result<bool> {
        let (tools, commands) = (root.join(".tools"), self.commands(name));
        let stamp = tools.join(name).with_extension("stamp");
        fs::create_dir_all(tools.join("log"))?;
        // Another command can install the group at the same time.
        let lock = File::create(tools.join("log").join(name).with_extension("lock"))?;
        lock.lock()?;
        let mut wanted = commands.join("\n");
        for file in self.pins() {
            wanted += &fs::read_to_string(root.join(file)).with_context(|| file.to_owned())?;
        }
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(true);
        }
        // The stamp marks a complete installation, so remove it first.
        let _ = fs::remove_file(&stamp);
        println!("tools: installing {name}");
        let path = tools.join("log").join(name).with_extension("log");
        let mut log = File::create(&path)?;
        for line in commands {
            let passed = passes(from_line(&line).current_dir(root), &log);
            if let Err(error) = &passed {
                writeln!(log, "{error:#}")?;
            }
            if !passed.unwrap_or(false) {
                eprintln!(
                    "tools: {name} could not be installed; the end of .tools/log/{name}.log:"
                );
                eprint!("{}", tail(&fs::read_to_string(&path)?, 5));
                return Ok(false);
            }
        }
        fs::write(stamp, wanted)?;
        Ok(true)
    }
}

fn pip(name: &str, option: &str, requirements: &str) -> Vec<String> {
    let pip = format!(".tools/{name}/bin/pip install --quiet --disable-pip-version-check");
    vec![
        format!("python3 -m venv --clear .tools/{name}"),
        format!("{pip} {option} -r {requirements}"),
    ]
}
