//! The images of the commit in the registry. Images that exist already are reused.

use std::path::PathBuf;

use anyhow::Context as _;

use super::stack::{Target, commit, ensure_committed};
use crate::aws;
use crate::call;
use crate::release::Platform;
use crate::release::build::Local;
use crate::release::images::Images;
use crate::release::registry::{Push, login};

/// Builds and pushes the images, unless the registry has them.
pub(super) fn images(target: &Target, platform: Platform) -> anyhow::Result<Images> {
    let root = PathBuf::from(".");
    let name = call::document(&root, &target.service)?.service.name;
    let [api, nginx] = repositories(&name)?;
    let local = Local::new(&target.service, &commit()?, platform);
    let push = Push::new(local, &api, &nginx);
    if let Some(images) = push.known_images()? {
        println!("the registry has the images of this commit for {}", platform.name());
        return Ok(images);
    }
    ensure_committed()?;
    println!("building for {}", platform.name());
    push.local.build()?;
    login(&api)?;
    push.images()
}

/// The image repositories of a service. Bootstrap creates them.
fn repositories(name: &str) -> anyhow::Result<[String; 2]> {
    let names = ["api", "nginx"].map(|container| format!("{name}/{container}"));
    let query = "repositories[].[repositoryName,repositoryUri]";
    let call = [
        "ecr",
        "describe-repositories",
        "--repository-names",
        &names[0],
        &names[1],
        "--query",
        query,
    ];
    let found: Vec<(String, String)> = aws::call(&call).context(
        "the service has no image repositories: run `make aws-bootstrap` to create them",
    )?;
    let uri = |name: &String| {
        let repository = found.iter().find(|(found, _)| found == name);
        repository.map(|(_, uri)| uri.clone()).with_context(|| format!("no repository {name}"))
    };
    Ok([uri(&names[0])?, uri(&names[1])?])
}
