//! The generated files, each written as a whole.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::{Value, json};
use sidecar::settings::Settings;
use sidecar::start;

use super::declared::Services;
use super::template;

const COMPOSE: &str = include_str!("docker-compose.yaml.jinja");
const TERRAFORM: &str = include_str!("services.tf.jinja");

/// A file and what it must hold.
#[derive(Debug)]
pub(super) struct File {
    /// Below the root.
    pub(super) path: PathBuf,
    /// All of it.
    pub(super) text: String,
}

impl File {
    /// Writes it so that a reader finds the old text or the new one, and never a part.
    pub(super) fn write(&self, root: &Path) -> anyhow::Result<()> {
        let path = root.join(&self.path);
        let name = path.file_name().context("a file has a name")?.to_string_lossy().into_owned();
        let beside = path.with_file_name(format!(".{name}.new"));
        std::fs::write(&beside, &self.text)
            .and_then(|()| std::fs::rename(&beside, &path))
            .inspect_err(|_| drop(std::fs::remove_file(&beside)))
            .with_context(|| self.path.display().to_string())
    }
}

/// What several services share: Compose and Terraform.
pub(super) fn shared(services: &Services) -> anyhow::Result<Vec<File>> {
    // `terraform fmt` puts the equals signs of a list of members below each other.
    let longest = services.0.iter().map(|service| service.folder.len()).max().unwrap_or_default();
    let rows: Vec<Value> = services
        .0
        .iter()
        .map(|service| {
            json!({
                "folder": service.folder, "padded": format!("{:longest$}", service.folder),
                "name": service.name, "port": service.port, "sidecar_port": service.sidecar_port,
            })
        })
        .collect();
    let values = json!({ "services": rows });
    [("docker-compose.yaml", COMPOSE), ("terraform/services.tf", TERRAFORM)]
        .into_iter()
        .map(|(path, text)| Ok(File { path: path.into(), text: template::fill(text, &values)? }))
        .collect()
}

/// The configuration of a service's sidecar, for its reviewers: with the settings that the document gives.
pub(super) fn rendering(folder: &Path) -> anyhow::Result<String> {
    let document = folder.join("openapi.json");
    let settings = Settings::read(|name| {
        (name == "OPENAPI_DOCUMENT").then(|| document.clone().into_os_string())
    })?;
    start::show(&settings, true).with_context(|| document.display().to_string())
}

/// Every generated file whose text is not what the documents say.
pub(super) fn differing(root: &Path, services: &Services) -> anyhow::Result<Vec<File>> {
    let mut files = shared(services)?;
    for service in &services.0 {
        let folder = Path::new("services").join(&service.folder);
        let text = rendering(&root.join(&folder))?;
        files.push(File { path: folder.join("nginx.conf"), text });
    }
    files.retain(|file| {
        std::fs::read_to_string(root.join(&file.path)).ok().as_ref() != Some(&file.text)
    });
    Ok(files)
}
