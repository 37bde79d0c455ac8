//! Pushes images to the registry, and verifies that our workflow built them.

use std::io::Write as _;
use std::process::Stdio;

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use super::build::Local;
use super::github;
use super::images::{Digest, Image, Images};
use super::process::{command, output, run};
use crate::aws;

/// Arguments of `push`.
#[derive(Debug, clap::Args)]
pub(crate) struct Push {
    #[command(flatten)]
    pub(crate) local: Local,
    /// Repository of the API's image, as ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME
    #[arg(long, env = "API_REPOSITORY")]
    api_repository: String,
    /// Repository of the sidecar's image
    #[arg(long, env = "NGINX_REPOSITORY")]
    nginx_repository: String,
}

/// Arguments of `verify`.
#[derive(Debug, clap::Args)]
pub(crate) struct Verify {
    /// The repository on GitHub whose workflow must have built the images, as OWNER/NAME
    #[arg(long, env = "GITHUB_REPOSITORY")]
    repository: String,
    /// The images, by digest
    #[arg(required = true)]
    images: Vec<Image>,
}

/// The used part of `DescribeImages`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Described {
    image_details: Vec<Details>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    image_digest: String,
}

/// Logs Docker in to the registry of an image or of a repository. Docker keeps the login on this machine.
pub(crate) fn login(image: &str) -> anyhow::Result<()> {
    let (registry, _) = image.split_once('/').context("expected REGISTRY/NAME")?;
    // ACCOUNT.dkr.ecr.REGION.amazonaws.com
    let region = registry.split('.').nth(3).context("expected a registry of ECR")?;
    let password = output(&mut command("aws ecr get-login-password --region", [region]))?;
    // The password goes through a pipe, because other processes can read an argument.
    let mut docker = command("docker login --username AWS --password-stdin", [registry]);
    let mut docker = docker.stdin(Stdio::piped()).spawn().context("cannot run `docker login`")?;
    docker.stdin.take().context("a pipe")?.write_all(password.as_bytes())?;
    let status = docker.wait()?;
    ensure!(status.success(), "docker login: {status}");
    Ok(())
}

impl Push {
    /// Both images of a service, and their repositories.
    pub(crate) fn new(local: Local, api_repository: &str, nginx_repository: &str) -> Self {
        let (api_repository, nginx_repository) =
            (api_repository.to_owned(), nginx_repository.to_owned());
        Self { local, api_repository, nginx_repository }
    }

    /// Pushes both images, and outputs their digests. A workflow builds for several architectures, so the outputs for
    /// other jobs begin with the architecture.
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let images = self.images()?;
        let architecture = self.local.platform.architecture();
        for (container, image) in [("api", &images.api), ("nginx", &images.nginx)] {
            github::output(&format!("{container}_digest={}", image.digest()))?;
            github::output(&format!("{container}_image={image}"))?;
            github::output(&format!("{architecture}_{container}_image={image}"))?;
        }
        Ok(())
    }

    /// Both images in the registry. Pushes an image that the registry does not have.
    pub(crate) fn images(&self) -> anyhow::Result<Images> {
        let image = |container: &str, repository: &str| -> anyhow::Result<Image> {
            let digest = match self.known(repository)? {
                Some(digest) => digest,
                None => self.push(container, repository)?,
            };
            Ok(Image::new(repository, digest))
        };
        Ok(Images {
            api: image("api", &self.api_repository)?,
            nginx: image("nginx", &self.nginx_repository)?,
        })
    }

    /// Both images; `None` when the registry does not have both.
    pub(crate) fn known_images(&self) -> anyhow::Result<Option<Images>> {
        let known = |repository: &str| -> anyhow::Result<Option<Image>> {
            Ok(self.known(repository)?.map(|digest| Image::new(repository, digest)))
        };
        let (api, nginx) = (known(&self.api_repository)?, known(&self.nginx_repository)?);
        Ok(api.zip(nginx).map(|(api, nginx)| Images { api, nginx }))
    }

    /// The digest of the commit's image in the registry. ECR does not overwrite a tag, so a repeated run uses the image
    /// that the first run pushed.
    fn known(&self, repository: &str) -> anyhow::Result<Option<Digest>> {
        let (_, name) = repository.split_once('/').context("expected REGISTRY/NAME")?;
        let tag = format!("imageTag={}", self.local.tag()?);
        let call = ["ecr", "describe-images", "--repository-name", name, "--image-ids", &tag];
        match aws::call::<Described>(&call) {
            Ok(described) => {
                let details = described.image_details.first().context("ECR describes no image")?;
                details.image_digest.parse().map(Some)
            }
            Err(error) if error.to_string().contains("ImageNotFoundException") => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn push(&self, container: &str, repository: &str) -> anyhow::Result<Digest> {
        let image = format!("{repository}:{}", self.local.tag()?);
        run(&mut command("docker tag", [self.local.image(container)?.as_str(), &image]))?;
        run(&mut command("docker push --quiet", [image.as_str()]))?;
        let format = "{{range .RepoDigests}}{{println .}}{{end}}";
        let digests = output(&mut command("docker image inspect --format", [format, &image]))?;
        let pushed =
            digests.lines().find_map(|line| line.strip_prefix(repository)?.strip_prefix('@'));
        pushed.with_context(|| format!("Docker has no digest of {image}"))?.parse()
    }
}

impl Verify {
    /// Refuses an image that our build workflow on `main` did not build on a GitHub-hosted runner. A signature of
    /// another workflow of this repository is not enough.
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let workflow = format!("{}/.github/workflows/build.yml", self.repository);
        for image in &self.images {
            let image = format!("oci://{image}");
            let mut gh = command("gh attestation verify", [image.as_str()]);
            gh.args(["--repo", &self.repository, "--source-ref", "refs/heads/main"]);
            gh.args(["--deny-self-hosted-runners", "--signer-workflow", &workflow]);
            run(&mut gh)?;
        }
        Ok(())
    }
}
