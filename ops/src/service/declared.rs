//! Reads the services from their folders.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use chassis::document::Document;

/// The values of a document that the generated files contain.
#[derive(Debug, Clone)]
pub struct Declared {
    /// The folder below `services`.
    pub folder: String,
    /// `x-service.name`.
    pub name: String,
    /// `x-service.port`.
    pub port: u16,
    /// `x-service.sidecar_port`.
    pub sidecar_port: u16,
    /// `x-service.metrics_port`.
    pub metrics_port: u16,
    /// Whether the folder has a `compose.env`: its container then gets these variables and a volume at `/state`.
    pub keeps_state: bool,
}

/// All services, in the order of their folders.
#[derive(Debug, Clone)]
pub struct Services(pub Vec<Declared>);

impl Services {
    /// Reads the documents below `services`.
    pub fn read(root: &Path) -> anyhow::Result<Self> {
        let folder = root.join("services");
        let entries = std::fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
        let mut folders: Vec<PathBuf> =
            entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
        folders.retain(|folder| folder.join("openapi.json").is_file());
        folders.sort();
        folders.iter().map(|folder| Declared::read(folder)).collect::<Result<_, _>>().map(Self)
    }

    /// The next free ports for a service: its own, the sidecar's, the private one.
    ///
    /// A service and its sidecar have consecutive ports, such as 8080 and 8081. The private port is the service's port
    /// plus 1000. A worker uses the port after it.
    #[must_use]
    pub fn free_ports(&self) -> [u16; 3] {
        let taken: BTreeSet<u16> = self
            .0
            .iter()
            .flat_map(|s| [s.port, s.sidecar_port, s.metrics_port, s.metrics_port + 1])
            .collect();
        let highest = self.0.iter().map(|service| service.port).max().unwrap_or(8078);
        let ports = (highest + 2..).step_by(2).map(|port| [port, port + 1, port + 1000]);
        let free = |ports: &[u16; 3]| {
            ports.iter().chain([&(ports[2] + 1)]).all(|port| !taken.contains(port))
        };
        ports.into_iter().find(free).unwrap_or_default()
    }
}

impl Declared {
    /// Reads the document of a folder.
    pub fn read(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join("openapi.json");
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let service = Document::parse(&text).with_context(|| path.display().to_string())?.service;
        let keeps_state = folder.join("compose.env").is_file();
        let folder =
            folder.file_name().and_then(|name| name.to_str()).context("a folder's name")?;
        Ok(Self {
            folder: folder.to_owned(),
            name: service.name,
            port: service.port,
            sidecar_port: service.sidecar_port,
            metrics_port: service.metrics_port,
            keeps_state,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(port: u16, metrics_port: u16) -> Declared {
        let (folder, name) = ("a".to_owned(), "a".to_owned());
        Declared { folder, name, port, sidecar_port: port + 1, metrics_port, keeps_state: false }
    }

    #[test]
    fn free_ports_follow_those_of_every_service() {
        for (services, expected) in [
            (vec![], [8080, 8081, 9080]),
            (vec![service(8080, 9080)], [8082, 8083, 9082]),
            (vec![service(8084, 9084), service(8080, 9080)], [8086, 8087, 9086]),
            (vec![service(8080, 9082)], [8084, 8085, 9084]),
        ] {
            assert_eq!(Services(services).free_ports(), expected);
        }
    }
}
