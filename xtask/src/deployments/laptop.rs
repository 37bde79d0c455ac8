//! A laptop with its own empty account: an emulated AWS, and stand-ins for Docker, its registry and `gh`.

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, ensure};

use super::filled_runbook;
use crate::command::{command, from_line, output, tail};
use crate::emulator::Emulator;
use crate::terraform::{Terraform, config};

/// Builds nothing. `push` adds an image to the emulated ECR, and `image` prints the digest that ECR returned.
const DOCKER: &str = r#"#!/bin/sh
here=$(dirname "$0")
for last; do :; done
case $1 in
  build) echo "docker $*" >>"$here/calls"; while [ "$1" != --platform ]; do shift; done; echo "$2" >"$here/platform" ;;
  login) cat >/dev/null ;;
  push)
    name=${last#*/}; tag=${name##*:}; name=${name%:*}
    # The emulated ECR computes the digest of the image from those of the layers.
    layer=$(printf %s "$last" | sha256sum | cut -d' ' -f1)
    manifest="{\"schemaVersion\":2,\"mediaType\":\"application/vnd.docker.distribution.manifest.v2+json\",\"config\":{\"mediaType\":\"application/vnd.docker.container.image.v1+json\",\"size\":1,\"digest\":\"sha256:$layer\"},\"layers\":[{\"mediaType\":\"application/vnd.docker.image.rootfs.diff.tar.gzip\",\"size\":1,\"digest\":\"sha256:$layer\"}]}"
    aws ecr put-image --repository-name "$name" --image-tag "$tag" --image-manifest "$manifest" --query image.imageId.imageDigest --output text >"$here/digest"
    ;;
  image) case "$*" in *Architecture*) cat "$here/platform" ;; *) echo "${last%:*}@$(cat "$here/digest")" ;; esac ;;
esac
"#;

/// Finds one repository only.
const GH: &str = r#"#!/bin/sh
for last; do :; done
[ "$last" = repos/example/sum-api ] || { echo 'Not Found (HTTP 404)' >&2; exit 1; }
printf '7654321\n1234567\nexample/sum-api\n'
"#;

/// Sets no backend, so the state goes into the bucket of the emulated account.
const OVERRIDE: &str = "provider \"aws\" {\n  max_retries = 3\n}\n";

/// The laptop.
pub(super) struct Laptop {
    root: PathBuf,
    folder: PathBuf,
    pub(super) emulator: Emulator,
    terraform: PathBuf,
    environment: Vec<(&'static str, OsString)>,
}

/// A command that ended.
#[derive(Debug)]
pub(super) struct Ran {
    code: i32,
    pub(super) text: String,
}

impl Laptop {
    pub(super) fn new(
        root: &Path,
        terraform: &Terraform,
        folder: &Path,
        ops: &Path,
    ) -> anyhow::Result<Self> {
        fs::create_dir_all(folder)?;
        let folder = folder.canonicalize()?;
        let emulator = Emulator::start(root, &folder.join("emulator"))?;
        let copy = folder.join("terraform");
        for (name, to) in
            [("terraform", copy.clone()), ("terraform/bootstrap", copy.join("bootstrap"))]
        {
            terraform.ready(&root.join(name), &to)?;
            fs::write(to.join("emulator_override.tf"), OVERRIDE)?;
            // Remove the record of the local backend that `init` wrote.
            fs::remove_file(to.join(".terraform/terraform.tfstate"))?;
        }
        for (name, script) in [("docker", DOCKER), ("gh", GH)] {
            let path = folder.join("bin").join(name);
            fs::create_dir_all(folder.join("bin"))?;
            fs::write(&path, script)?;
            fs::set_permissions(path, Permissions::from_mode(0o755))?;
        }
        let environment = vec![
            ("OPS", ops.as_os_str().to_owned()),
            ("DEPLOY_ROOT", copy.clone().into_os_string()),
            ("TF_CLI_CONFIG_FILE", config(root).into_os_string()),
            ("CHECKPOINT_DISABLE", "1".into()),
            ("GOGC", "400".into()),
            ("RUNBOOK", filled_runbook(root, &folder)?.into_os_string()),
        ];
        Ok(Self { root: root.to_owned(), folder, emulator, terraform: copy, environment })
    }

    /// Whether a file of the root module exists.
    pub(super) fn has(&self, name: &str) -> bool {
        self.terraform.join(name).exists()
    }

    /// Runs `make TARGET` without a terminal.
    pub(super) fn make(&self, target: &str, environment: &[(&str, &str)]) -> anyhow::Result<Ran> {
        let mut make = self.command("make", environment);
        make.args(["--silent", target]).stdin(Stdio::null());
        let ran = make.output()?;
        let text = String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned();
        self.ended(target, ran.status.code(), text)
    }

    /// Runs `make TARGET` on a terminal and types the answers. Prints the duration and the number of questions.
    pub(super) fn types(
        &self,
        target: &str,
        environment: &[(&str, &str)],
        answers: &str,
    ) -> anyhow::Result<Ran> {
        let started = Instant::now();
        let log = self.folder.join("typescript");
        let mut script = self.command("script", environment);
        script
            .args(["--quiet", "--return", "--command", &format!("make --silent {target}")])
            .arg(&log);
        let mut script =
            script.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        // Keep the pipe open until the command ends: closing it closes the terminal.
        let mut keyboard = script.stdin.take().context("a pipe")?;
        keyboard.write_all(answers.as_bytes())?;
        let status = script.wait()?;
        drop(keyboard);
        let text = String::from_utf8_lossy(&fs::read(&log)?).replace('\r', "");
        let ran = self.ended(target, status.code(), text)?;
        println!(
            "        make {target}: {} questions, {} s",
            ran.questions()?,
            started.elapsed().as_secs()
        );
        Ok(ran)
    }

    /// Runs the AWS CLI against the emulated account.
    pub(super) fn aws(&self, line: &str) -> anyhow::Result<String> {
        let mut aws = from_line(&format!("aws {line}"));
        self.emulator.connect(&mut aws);
        Ok(output(aws.env("AWS_PAGER", ""))?.trim().to_owned())
    }

    /// The number of builds by Docker.
    pub(super) fn builds(&self) -> usize {
        fs::read_to_string(self.folder.join("bin/calls")).unwrap_or_default().lines().count()
    }

    fn command(&self, program: &str, environment: &[(&str, &str)]) -> Command {
        let mut command = command(program);
        self.emulator.connect(&mut command);
        let path = command.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, path)| path);
        let mut stand_ins = self.folder.join("bin").into_os_string();
        stand_ins.push(":");
        stand_ins.push(path.unwrap_or_default());
        for name in [
            "GITHUB_OUTPUT",
            "GITHUB_STEP_SUMMARY",
            "GITHUB_ACTIONS",
            "TF_VARS",
            "TF_BACKEND",
            "ENVIRONMENT",
        ] {
            command.env_remove(name);
        }
        command.env("PATH", stand_ins).current_dir(&self.root);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.env("GITHUB_SHA", "1".repeat(40)).envs(environment.iter().copied());
        command
    }

    /// Appends the output of a command to the transcript.
    fn ended(&self, target: &str, code: Option<i32>, text: String) -> anyhow::Result<Ran> {
        let mut transcript =
            File::options().append(true).create(true).open(self.folder.join("transcript"))?;
        writeln!(transcript, "$ make {target}\n{text}")?;
        Ok(Ran { code: code.context("a signal ended the command")?, text })
    }
}

impl Ran {
    pub(super) fn passes(self) -> anyhow::Result<Self> {
        ensure!(self.code == 0, "exit code {}\n{}", self.code, tail(&self.text, 40));
        Ok(self)
    }

    /// `make` ends with 2 when its command fails.
    pub(super) fn fails(self) -> anyhow::Result<Self> {
        ensure!(self.code != 0, "it passed\n{}", tail(&self.text, 40));
        Ok(self)
    }

    pub(super) fn says(self, words: &str) -> anyhow::Result<Self> {
        ensure!(self.text.contains(words), "no {words:?} in\n{}", tail(&self.text, 40));
        Ok(self)
    }

    /// The number of questions that the command reports.
    pub(super) fn questions(&self) -> anyhow::Result<u32> {
        let line = self.text.lines().rev().find_map(|line| line.trim().strip_suffix(" questions"));
        let number = line.and_then(|line| line.rsplit(' ').next());
        number
            .with_context(|| format!("no number of questions in\n{}", tail(&self.text, 40)))?
            .parse()
            .context("a number")
    }

    pub(super) fn asks(self, questions: u32) -> anyhow::Result<Self> {
        let found = self.questions()?;
        ensure!(
            found == questions,
            "it asked {found} times, expected {questions}\n{}",
            tail(&self.text, 40)
        );
        Ok(self)
    }
}
