//! A stack of `make up` with its own ports and folder, so that it can run at the same time as other stacks.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

use super::Names;
use crate::service::{Declared, Services};

/// The folder and the ports of one stack.
#[derive(Debug)]
pub(super) struct Stack {
    root: PathBuf,
    service: String,
    /// All services: a page can start another one, in the same folder and with the same ports.
    documented: Services,
    /// Below the root.
    run_dir: PathBuf,
    ports: [u16; 2],
}

impl Stack {
    /// Chooses two free ports. Starts no process.
    pub(super) fn new(root: &Path, service: &str, run_dir: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(root.join(run_dir))
            .with_context(|| run_dir.display().to_string())?;
        let documented = Services::read(root)?;
        // Both ports are bound at the same time, so they differ.
        let taken = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
        let mut ports = [0; 2];
        for (port, listener) in ports.iter_mut().zip(taken) {
            *port = listener?.local_addr()?.port();
        }
        Ok(Self {
            root: root.to_owned(),
            service: service.to_owned(),
            documented,
            run_dir: run_dir.to_owned(),
            ports,
        })
    }

    /// The variables of `make up` and `make down`.
    pub(super) fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("SERVICE", self.service.clone()),
            ("API_PORT", self.ports[0].to_string()),
            ("SIDECAR_PORT", self.ports[1].to_string()),
            ("RUN_DIR", self.run_dir.display().to_string()),
        ]
    }

    /// The documented addresses and folder, and their replacements in this run.
    pub(super) fn names(&self) -> Names {
        let address = |port: u16| format!("127.0.0.1:{port}");
        let run_dir = self.run_dir.display();
        let mut names = Vec::new();
        for Declared { folder, port, sidecar_port, .. } in &self.documented.0 {
            let down = format!("make down SERVICE={folder}");
            names.push((format!(".run/up/{folder}/"), format!("{run_dir}/")));
            names.push((down.clone(), format!("{down} RUN_DIR={run_dir}")));
            names.push((address(*port), address(self.ports[0])));
            names.push((address(*sidecar_port), address(self.ports[1])));
        }
        Names(names)
    }

    /// The URL for callers.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[1])
    }

    /// Runs `make up` or `make down`.
    pub(super) fn make(&self, target: &str) -> anyhow::Result<()> {
        let log = self.root.join(&self.run_dir).join(format!("make-{target}.log"));
        let file = std::fs::File::create(&log)?;
        let status = Command::new("make")
            .arg(target)
            .current_dir(&self.root)
            .envs(self.environment())
            .env_remove("MAKEFLAGS")
            .env_remove("MAKELEVEL")
            .stdin(Stdio::null())
            .stderr(file.try_clone()?)
            .stdout(file)
            .status()
            .context("cannot run make")?;
        if !status.success() {
            bail!("make {target}: {}", std::fs::read_to_string(&log)?.trim());
        }
        Ok(())
    }

    /// Ids and start times of its processes, from the pid files of `make up`.
    pub(super) fn processes(&self) -> Vec<String> {
        let folder = self.root.join(&self.run_dir);
        let file = |name: &str| folder.join(name).with_extension("pid");
        ["api", "sidecar"].iter().flat_map(|name| std::fs::read_to_string(file(name))).collect()
    }
}
