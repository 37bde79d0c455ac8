//! Combines the task definition and the image of one container, ready to start.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};

use super::definition::{Container, TaskDefinition};
use super::image::{self, Image};

/// The places of the files that a build would copy into the images.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The repository's root: build context, and parent of `services/`.
    pub root: PathBuf,
    /// The folder of the service below `services/`.
    pub service: String,
    /// The name of the service and of its binary.
    pub name: String,
    /// The folder with the release builds of the service and of the sidecar.
    pub binaries: PathBuf,
}

/// All values to start, check and stop the container.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The container of the task definition.
    pub container: Container,
    /// Entry point and command.
    pub argv: Vec<String>,
    /// Environment. It contains the values of secrets: never print it.
    pub environment: BTreeMap<String, String>,
    /// User and group.
    pub user: (u32, u32),
    /// Files of this machine, and their paths in the image.
    pub files: Vec<(PathBuf, PathBuf)>,
    /// `SIGTERM`, `SIGQUIT` …
    pub stop_signal: String,
    /// The health check that the image declares. So the image has its program.
    pub image_health_command: Vec<String>,
}

impl Sources {
    /// The Dockerfile of a container. Every service's own container is called `api`, and they share one file.
    #[must_use]
    pub fn dockerfile(&self, container: &str) -> PathBuf {
        let services = self.root.join("services");
        let folder = if container == "api" { services } else { services.join(container) };
        folder.join("Dockerfile")
    }

    /// The path on this machine of a program in the image.
    fn binary(&self, program: &Path) -> PathBuf {
        let name = program.file_name().filter(|name| *name != "service");
        self.binaries.join(name.unwrap_or(self.name.as_ref()))
    }
}

impl Launch {
    /// Combines container and image. `secrets` are the resolved values.
    pub fn new(
        definition: &TaskDefinition,
        container: &Container,
        sources: &Sources,
        secrets: Vec<(String, String)>,
    ) -> anyhow::Result<Self> {
        if image::digest(&container.image).is_none() {
            bail!(
                "the image of container {} is not named by digest: {}",
                container.name,
                container.image
            );
        }
        let image = image::read(&sources.dockerfile(&container.name), &sources.service)?;
        let user = container.user.as_ref().or(image.user.as_ref());
        let user = numeric_user(user.map_or("0:0", String::as_str))
            .with_context(|| format!("the user of container {}", container.name))?;
        let linux = container.linux_parameters.as_ref();
        if linux.and_then(|l| l.capabilities.as_ref()).is_some_and(|c| !c.add.is_empty()) {
            bail!(
                "container {} adds capabilities, which the runner does not support",
                container.name
            );
        }
        for point in &container.mount_points {
            if !definition.volumes.iter().any(|v| v.name == point.source_volume) {
                bail!(
                    "container {} mounts the undeclared volume {}",
                    container.name,
                    point.source_volume
                );
            }
        }
        let mut environment: BTreeMap<_, _> = image.environment.iter().cloned().collect();
        environment.extend(container.environment.iter().map(|v| (v.name.clone(), v.value.clone())));
        environment.extend(secrets);
        Ok(Self {
            container: container.clone(),
            argv: argv(container, &image)?,
            environment,
            user,
            files: files(&image, sources)?,
            stop_signal: image.stop_signal.clone().unwrap_or_else(|| "SIGTERM".to_owned()),
            image_health_command: image.health_command,
        })
    }

    /// The container's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.container.name
    }
}

/// The command line, as in ECS and Docker: an entry point in the task definition also removes the image's command.
fn argv(container: &Container, image: &Image) -> anyhow::Result<Vec<String>> {
    let own_entry = !container.entry_point.is_empty();
    let mut argv =
        if own_entry { container.entry_point.clone() } else { image.entry_point.clone() };
    if !container.command.is_empty() {
        argv.extend(container.command.iter().cloned());
    } else if !own_entry {
        argv.extend(image.command.iter().cloned());
    }
    if argv.is_empty() {
        bail!(
            "neither the image nor the definition of container {} has an entry point or a command",
            container.name
        );
    }
    Ok(argv)
}

/// The image's files: the binary, and the files from the build context. This machine replaces the base image.
fn files(image: &Image, sources: &Sources) -> anyhow::Result<Vec<(PathBuf, PathBuf)>> {
    let program = image.entry_point.first().map_or("", String::as_str);
    ensure!(!program.is_empty(), "ENTRYPOINT has no program");
    let built = image.files.iter().find(|file| file.built);
    built.context("the Dockerfile copies no file from another stage")?;
    let binary = (sources.binary(Path::new(program)), PathBuf::from(program));
    let copied = image.files.iter().filter(|file| !file.built).map(|file| {
        let local = sources.root.join(&file.source);
        local
            .exists()
            .then(|| (local, file.destination.clone()))
            .with_context(|| format!("the Dockerfile copies {}, which does not exist", file.source))
    });
    std::iter::once(Ok(binary)).chain(copied).collect()
}

fn numeric_user(user: &str) -> anyhow::Result<(u32, u32)> {
    let (uid, gid) = user.split_once(':').unwrap_or((user, user));
    let number = |text: &str| {
        text.parse().with_context(|| {
            format!("`{user}` must be numeric: without the image, a name has no user id")
        })
    };
    Ok((number(uid)?, number(gid)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_point_of_the_task_removes_the_images_command() {
        let image =
            Image { entry_point: vec!["/e".into()], command: vec!["c".into()], ..Image::default() };
        let mut definition: TaskDefinition =
            serde_json::from_str(include_str!("sample.json")).unwrap();
        let container = &mut definition.container_definitions[0];
        assert_eq!(argv(container, &image).unwrap(), ["/e", "c"]);
        container.command = vec!["x".into()];
        assert_eq!(argv(container, &image).unwrap(), ["/e", "x"]);
        container.entry_point = vec!["/o".into()];
        container.command.clear();
        assert_eq!(argv(container, &image).unwrap(), ["/o"]);
    }

    #[test]
    fn user_must_be_a_number() {
        assert_eq!(numeric_user("101:101").unwrap(), (101, 101));
        assert_eq!(numeric_user("65532").unwrap(), (65532, 65532));
        assert!(numeric_user("nginx").is_err());
    }

    #[test]
    fn image_with_a_tag_is_refused() {
        let mut definition: TaskDefinition =
            serde_json::from_str(include_str!("sample.json")).unwrap();
        definition.container_definitions[0].image = "repo/nginx:latest".into();
        let sources = Sources {
            root: PathBuf::new(),
            service: String::new(),
            name: String::new(),
            binaries: PathBuf::new(),
        };
        let error =
            Launch::new(&definition, &definition.container_definitions[0], &sources, Vec::new())
                .unwrap_err();
        assert!(error.to_string().contains("digest"), "{error}");
    }
}
