//! Scratch copies of Terraform's root modules, initialised with the provider of the lock file.
//!
//! The copies keep terraform/ unchanged and need no AWS account.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use anyhow::{Context as _, ensure};

use crate::command::{command, is_installed, output, tail};
use crate::emulator::Emulator;

const WORK: &str = ".run/terraform";

/// The file extensions that a root needs.
const EXTENSIONS: [&str; 4] = ["tf", "json", "tftpl", "example"];

/// Keeps the state in the copy. A call that the emulator does not support fails after 3 attempts instead of minutes.
const OVERRIDE: &str = r#"terraform {
  backend "local" {}
}

provider "aws" {
  max_retries = 3
}
"#;

/// Terraform with its provider.
#[derive(Debug)]
pub struct Terraform {
    /// The root of the repository.
    pub repository: PathBuf,
    /// An initialised folder. The copies share its provider.
    provider: PathBuf,
}

/// A copy of a root module, or of a module that is tested as a root.
#[derive(Debug, Clone)]
pub struct Root {
    /// The folder of the copy.
    pub folder: PathBuf,
    repository: PathBuf,
    environment: BTreeMap<String, String>,
}

impl Terraform {
    /// Finds the program, and the provider of the lock file in a mirror or on the internet. Else returns the reason.
    pub fn find(repository: &Path) -> anyhow::Result<Result<Self, String>> {
        let path = env::var_os("PATH").unwrap_or_default();
        if !is_installed("terraform", &path) {
            return Ok(Err("terraform is not on PATH".to_owned()));
        }
        let work = repository.join(WORK);
        let root = Root::new(repository, work.join("provider"));
        fs::create_dir_all(&root.folder)?;
        // Another command can search for the provider at the same time.
        let lock = File::create(work.join("provider.lock"))?;
        lock.lock()?;
        // Write the file only when it differs: the commands of another process read it.
        let (config, mirror) = (config(repository), mirror());
        if !fs::read_to_string(&config).is_ok_and(|written| written == mirror) {
            fs::write(&config, mirror)?;
        }
        for name in ["versions.tf", ".terraform.lock.hcl"] {
            fs::copy(repository.join("terraform").join(name), root.folder.join(name))?;
        }
        let Err(error) = root.init() else {
            return Ok(Ok(Self { repository: repository.to_owned(), provider: root.folder }));
        };
        fs::write(work.join("provider.log"), format!("{error:#}\n"))?;
        Ok(Err(format!(
            "no mirror has the provider of .terraform.lock.hcl and it cannot be downloaded (see {WORK}/provider.log)"
        )))
    }

    /// Makes and initialises a new copy of the root module at `source`. Copies the documents of the services to the
    /// relative path where the root reads them.
    pub fn ready(&self, source: &Path, folder: &Path) -> anyhow::Result<Root> {
        let root = self.copy(source, folder)?;
        root.init()?;
        Ok(root)
    }

    /// An existing copy.
    pub fn at(&self, folder: &Path) -> anyhow::Result<Root> {
        Ok(Root::new(&self.repository, folder.canonicalize()?))
    }

    /// An empty folder.
    pub fn empty(&self, folder: &Path) -> anyhow::Result<Root> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder)?;
        Ok(Root::new(&self.repository, folder.canonicalize()?))
    }

    fn copy(&self, source: &Path, folder: &Path) -> anyhow::Result<Root> {
        let source = source.canonicalize().with_context(|| source.display().to_string())?;
        let root = self.empty(folder)?;
        fs::create_dir(folder.join(".terraform"))?;
        for entry in fs::read_dir(&source)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default();
            let extension = path.extension().unwrap_or_default();
            if EXTENSIONS.iter().any(|known| extension == *known) || name == ".terraform.lock.hcl" {
                fs::copy(&path, folder.join(name))?;
            } else if name == "tests" || name == "service" {
                output(command("cp").arg("-R").args([&path, &folder.join(name)]))?;
            }
        }
        let above = if source.ends_with("bootstrap") { "../.." } else { ".." };
        for parent in ["services", "contract"] {
            let from = source.join(above).join(parent);
            for (name, document) in documents(&from)? {
                let to = folder.join(above).join(parent).join(name);
                fs::create_dir_all(&to)?;
                let to = to.join("openapi.json");
                // For a copy two folders below the repository, `to` is the original document.
                if !to.exists() || to.canonicalize()? != document.canonicalize()? {
                    fs::copy(document, to)?;
                }
            }
        }
        fs::write(folder.join("emulator_override.tf"), OVERRIDE)?;
        let provider = self.provider.join(".terraform/providers");
        symlink(provider, folder.join(".terraform/providers"))?;
        Ok(root)
    }
}

impl Root {
    fn new(repository: &Path, folder: PathBuf) -> Self {
        Self { folder, repository: repository.to_owned(), environment: BTreeMap::new() }
    }

    /// Adds an environment variable to the commands of this root.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    /// `terraform init` with the versions and hashes of the lock file.
    pub fn init(&self) -> anyhow::Result<()> {
        self.run(&["init", "-no-color", "-lockfile=readonly"]).map(drop)
    }

    /// The module `service` of this root, initialised as a root.
    pub fn service(&self) -> anyhow::Result<Self> {
        let module = Self { folder: self.folder.join("service"), ..self.clone() };
        let lock = ".terraform.lock.hcl";
        fs::copy(self.folder.join(lock), module.folder.join(lock))?;
        fs::create_dir_all(module.folder.join(".terraform"))?;
        let provider = ".terraform/providers";
        symlink(self.folder.join(provider), module.folder.join(provider))?;
        module.init()?;
        Ok(module)
    }

    /// Runs Terraform and returns its output. A failure is an error.
    pub fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        self.run_in(None, arguments)
    }

    /// Like [`Self::run`], against an emulated AWS.
    pub fn run_in(
        &self,
        emulator: Option<&Emulator>,
        arguments: &[&str],
    ) -> anyhow::Result<String> {
        let output = self.output(emulator, arguments)?;
        let name = arguments.first().copied().unwrap_or_default();
        let said = tail(&text(&output), 40);
        ensure!(output.status.success(), "terraform {name}: {}\n{said}", output.status);
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Status and output of Terraform, also when it fails.
    pub fn output(
        &self,
        emulator: Option<&Emulator>,
        arguments: &[&str],
    ) -> anyhow::Result<Output> {
        let mut terraform = command("terraform");
        // The user's configuration must not change the results.
        terraform.env("TF_CLI_CONFIG_FILE", config(&self.repository)).envs([
            ("TF_IN_AUTOMATION", "1"),
            ("TF_INPUT", "0"),
            ("CHECKPOINT_DISABLE", "1"),
            // The processes live for seconds and spend a quarter of their time on garbage collection.
            ("GOGC", "400"),
        ]);
        if let Some(emulator) = emulator {
            emulator.connect(&mut terraform);
        }
        terraform.args(arguments).current_dir(&self.folder).envs(&self.environment);
        terraform.stdin(Stdio::null()).output().context("terraform cannot be started")
    }
}

/// The output of Terraform: stdout, then stderr.
#[must_use]
pub fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

/// The file with Terraform's CLI configuration, which names a mirror of the provider. [`Terraform::find`] writes it.
#[must_use]
pub fn config(repository: &Path) -> PathBuf {
    repository.join(WORK).join("cli.tfrc")
}

/// The CLI configuration that names a mirror of the provider. It is empty if there is no mirror.
fn mirror() -> String {
    let home = PathBuf::from(env::var_os("HOME").unwrap_or_default());
    let data =
        env::var_os("XDG_DATA_HOME").map_or_else(|| home.join(".local/share"), PathBuf::from);
    let mut folders: Vec<PathBuf> =
        env::var_os("TF_PLUGIN_MIRROR").into_iter().map(PathBuf::from).collect();
    folders.extend([home.join(".terraform.d/plugins"), data.join("terraform/plugins")]);
    folders.extend(
        ["/usr/local/share/terraform/plugins", "/usr/share/terraform/plugins"].map(PathBuf::from),
    );
    folders.extend(fs::read_dir("/opt").into_iter().flatten().flatten().map(|entry| entry.path()));
    let found =
        folders.iter().find(|folder| folder.join("registry.terraform.io/hashicorp/aws").is_dir());
    found.map_or_else(String::new, |folder| {
        format!(
            "provider_installation {{\n  filesystem_mirror {{\n    path    = {:?}\n    include = [\"registry.terraform.io/*/*\"]\n  }}\n}}\n",
            folder.display().to_string()
        )
    })
}

/// The folders below `parent` that contain a document, with the path of the document.
pub(super) fn documents(parent: &Path) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(parent).into_iter().flatten() {
        let entry = entry?;
        let document = entry.path().join("openapi.json");
        if document.is_file() {
            found.push((entry.file_name().to_string_lossy().into_owned(), document));
        }
    }
    Ok(found)
}
