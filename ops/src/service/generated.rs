//! Writes and compares the generated files.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::{Value, json};
use sidecar::settings::Settings;
use sidecar::start;

use super::declared::Services;
use super::template;

const COMPOSE: &str = include_str!("docker-compose.yaml.jinja");
const TERRAFORM: &str = include_str!("services.tf.jinja");

/// A file and its expected text.
#[derive(Debug)]
pub(super) struct File {
    /// Below the root.
    pub(super) path: PathBuf,
    /// All of it.
    pub(super) text: String,
}

impl File {
    /// Writes the file atomically: a reader gets the old text or the new one, never a part.
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

/// The files that several services share: Compose and Terraform.
pub(super) fn shared(services: &Services) -> anyhow::Result<Vec<File>> {
    // `terraform fmt` aligns the equals signs in a list of members.
    let longest = services.0.iter().map(|service| service.folder.len()).max().unwrap_or_default();
    let rows: Vec<Value> = services
        .0
        .iter()
        .map(|service| {
            json!({
                "folder": service.folder, "padded": format!("{:longest$}", service.folder),
                "name": service.name, "port": service.port, "sidecar_port": service.sidecar_port,
                "keeps_state": service.keeps_state,
            })
        })
        .collect();
    let stateful: Vec<&Value> = rows.iter().filter(|row| row["keeps_state"] == true).collect();
    let values = json!({ "services": rows, "stateful": stateful });
    [("docker-compose.yaml", COMPOSE), ("terraform/services.tf", TERRAFORM)]
        .into_iter()
        .map(|(path, text)| Ok(File { path: path.into(), text: template::fill(text, &values)? }))
        .collect()
}

/// The configuration of a service's sidecar for reviewers, with the settings from the document.
pub(super) fn rendering(folder: &Path) -> anyhow::Result<String> {
    let document = folder.join("openapi.json");
    let settings = Settings::read(|name| {
        (name == "OPENAPI_DOCUMENT").then(|| document.clone().into_os_string())
    })?;
    start::show(&settings, true).with_context(|| document.display().to_string())
}

/// Every generated file that differs from the documents.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::Declared;

    #[test]
    fn generated_files_match_the_documents() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let services = Services::read(root).unwrap();
        assert!(!services.0.is_empty());
        let differing = differing(root, &services).unwrap();
        let differing: Vec<_> = differing.iter().map(|file| file.path.display()).collect();
        assert!(differing.is_empty(), "`make generate` writes {differing:?}");
    }

    #[test]
    fn each_service_has_its_block_in_each_file() {
        let service = |folder: &str, port| Declared {
            folder: folder.into(),
            name: format!("{folder}-api"),
            port,
            sidecar_port: port + 1,
            metrics_port: port + 1000,
            keeps_state: folder == "my-b",
        };
        let services = Services(vec![service("a", 8080), service("my-b", 8082)]);
        let [compose, terraform] = &shared(&services).unwrap()[..] else { panic!("two files") };
        for line in [
            "  a:\n",
            "  a-nginx:\n",
            "\n\n  my-b:\n",
            "image: my-b-api:dev\n",
            ":-8083}:8083\"\n",
            "\nvolumes:\n  my-b-state:\n",
        ] {
            assert!(compose.text.contains(line), "{line}: {}", compose.text);
        }
        for line in [
            "folders = [\"a\", \"my-b\"]\n",
            "module \"my-b\" {\n",
            "? [module.my-b[0].needs] : [],\n",
            "    a    = one(module.a)\n    my-b = one(module.my-b)\n",
        ] {
            assert!(terraform.text.contains(line), "{line}: {}", terraform.text);
        }
    }

    #[test]
    fn write_replaces_the_file_and_leaves_no_other() {
        let root = tempfile::tempdir().unwrap();
        let file = File { path: "a.yaml".into(), text: "new\n".into() };
        file.write(root.path()).unwrap();
        let names: Vec<_> = std::fs::read_dir(root.path()).unwrap().collect();
        assert_eq!(names.len(), 1);
        assert_eq!(std::fs::read_to_string(root.path().join("a.yaml")).unwrap(), "new\n");
    }
}
