//! Builds the two images of a service on this machine.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{bail, ensure};

use super::process::{command, output, run};
use crate::call;

/// The containers of a task, and the Dockerfile of each.
const CONTAINERS: [(&str, &str); 2] =
    [("api", "services/Dockerfile"), ("nginx", "services/nginx/Dockerfile")];

/// The images of one service and one commit.
#[derive(Debug, clap::Args)]
pub(crate) struct Local {
    /// The service's folder below services/
    #[arg(long, env = "SERVICE")]
    service: String,
    /// The commit, which is in the tag of both images; when empty, that of the work tree
    #[arg(long, env = "GITHUB_SHA", default_value = "")]
    commit: String,
    /// The platform of the task's `cpu_architecture`: linux/amd64 (default) or linux/arm64
    #[arg(long, env = "PLATFORM", default_value = "")]
    pub(crate) platform: Platform,
    /// The repository's root
    #[arg(long, default_value = ".")]
    pub(crate) root: PathBuf,
}

/// The platform of the task. The default of the build machine can be wrong: an image from an Arm laptop does not run on
/// `X86_64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Platform {
    Amd64,
    Arm64,
}

impl Platform {
    /// Docker's name of the platform.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Amd64 => "linux/amd64",
            Self::Arm64 => "linux/arm64",
        }
    }

    /// The architecture only.
    pub(crate) const fn architecture(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// Rust's name of the target.
    pub(crate) const fn target(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64-unknown-linux-gnu",
            Self::Arm64 => "aarch64-unknown-linux-gnu",
        }
    }
}

impl FromStr for Platform {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        Ok(match text {
            "" | "linux/amd64" => Self::Amd64,
            "linux/arm64" => Self::Arm64,
            _ => bail!("expected linux/amd64 or linux/arm64"),
        })
    }
}

impl Local {
    /// The images of a commit, from the root of the repository.
    pub(crate) fn new(service: &str, commit: &str, platform: Platform) -> Self {
        let (service, commit) = (service.to_owned(), commit.to_owned());
        Self { service, commit, platform, root: PathBuf::from(".") }
    }

    /// The name in the document of the service.
    pub(crate) fn name(&self) -> anyhow::Result<String> {
        let path = self.root.join("services").join(&self.service).join("openapi.json");
        ensure!(
            !self.service.is_empty() && path.is_file(),
            "SERVICE={} must be a folder of services/ with an openapi.json",
            self.service
        );
        Ok(call::document(&self.root, &self.service)?.service.name)
    }

    /// The tag of both images. It contains the architecture too, because ECR does not overwrite a tag.
    pub(crate) fn tag(&self) -> anyhow::Result<String> {
        Ok(format!("{}-{}", self.commit()?, self.platform.architecture()))
    }

    /// The commit of the images.
    pub(crate) fn commit(&self) -> anyhow::Result<String> {
        if self.commit.is_empty() {
            output(command("git rev-parse HEAD", []).current_dir(&self.root))
        } else {
            Ok(self.commit.clone())
        }
    }

    /// The name of a container's image on this machine.
    pub(crate) fn image(&self, container: &str) -> anyhow::Result<String> {
        Ok(format!("{}-{container}:{}", self.name()?, self.tag()?))
    }

    /// Builds both images.
    pub(crate) fn build(&self) -> anyhow::Result<()> {
        let (commit, platform) = (self.commit()?, self.platform.name());
        for (container, file) in CONTAINERS {
            let image = self.image(container)?;
            let label = format!("org.opencontainers.image.revision={commit}");
            let mut docker = command("docker build --pull --platform", [platform]);
            docker.args(["--tag", &image, "--file", file, "--label", &label]);
            docker.args(["--build-arg", &format!("SERVICE={}", self.service)]);
            docker.args(["--build-arg", &format!("SERVICE_REVISION={commit}"), "."]);
            // BuildKit's provenance would put each image into an index, which ECR does not scan. The workflow signs its
            // own provenance.
            docker.current_dir(&self.root).env("BUILDX_NO_DEFAULT_ATTESTATIONS", "1");
            run(&mut docker)?;
            let format = "{{.Os}}/{{.Architecture}}";
            let built = output(&mut command("docker image inspect --format", [format, &image]))?;
            ensure!(built == platform, "{image} was built for {built}, not for {platform}");
        }
        Ok(())
    }
}
