//! Creates a new service: all of its files or none.
//!
//! 1. All files are made in a scratch folder: the service's own files, the generated ones, and the lock file. Cargo
//!    updates the lock file in a copy of the workspace. A signal or an error leaves the repository unchanged.
//! 2. Each file is renamed to its place, the folder of the service last. A signal waits until the end. After an error,
//!    the finished renames are reverted.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

use super::declared::{Declared, Services};
use super::generated;
use super::name::Name;
use super::template;

/// The files of a new service.
const FILES: [(&str, &str); 6] = [
    ("Cargo.toml", include_str!("new/Cargo.toml.jinja")),
    ("contract/greet.json", include_str!("new/contract/greet.json.jinja")),
    ("openapi.json", include_str!("new/openapi.json.jinja")),
    ("src/lib.rs", include_str!("new/src/lib.rs.jinja")),
    ("src/main.rs", include_str!("new/src/main.rs.jinja")),
    ("tests/integration/main.rs", include_str!("new/tests/integration/main.rs.jinja")),
];

/// Creates the service.
pub(super) fn run(root: &Path, name: &str) -> anyhow::Result<bool> {
    let services = Services::read(root)?;
    let lock = std::fs::read_to_string(root.join("Cargo.lock")).context("Cargo.lock")?;
    let name = Name::new(name, &services, &folders(root)?, &lock)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // From here on, a signal does not end the process: `select!` waits for it.
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        let prepared = tokio::select! {
            prepared = prepare(root, &name, services) => prepared?,
            _ = interrupt.recv() => bail!("interrupted: nothing was written"),
            _ = terminate.recv() => bail!("terminated: nothing was written"),
            _ = hang_up.recv() => bail!("the terminal was closed: nothing was written"),
        };
        put_in_place(root, &prepared)
    })?;
    let name = name.as_str();
    println!("services/{name} was created. To start it: make up SERVICE={name}");
    println!("To test it: cargo test -p {name} && CONTRACT_SERVICE={name} cargo test -p contract");
    Ok(true)
}

fn folders(root: &Path) -> anyhow::Result<Vec<String>> {
    let entries = std::fs::read_dir(root.join("services")).context("services")?;
    entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

/// A scratch folder, and the paths of its files, which are the same below the root. Dropping it removes the folder.
struct Prepared {
    scratch: TempDir,
    places: Vec<PathBuf>,
}

async fn prepare(root: &Path, name: &Name, mut services: Services) -> anyhow::Result<Prepared> {
    // This folder is on the same file system as the tree, and Git ignores it.
    let run = root.join(".run");
    std::fs::create_dir_all(&run)?;
    let scratch = tempfile::Builder::new().prefix("service-").tempdir_in(&run)?;
    let folder = Path::new("services").join(name.as_str());
    let copy = scratch.path().join(&folder);

    let [port, sidecar_port, metrics_port] = services.free_ports();
    let values = json!({
        "name": name.as_str(), "crate": name.path(), "version": env!("CARGO_PKG_VERSION"),
        "port": port, "sidecar_port": sidecar_port, "metrics_port": metrics_port,
    });
    for (path, text) in FILES {
        write(&copy.join(path), &template::fill(text, &values)?)?;
    }
    write(&copy.join("nginx.conf"), &generated::rendering(&copy)?)?;

    services.0.push(Declared::read(&copy)?);
    services.0.sort_by(|a, b| a.folder.cmp(&b.folder));
    let mut places = Vec::new();
    for file in generated::shared(&services)? {
        write(&scratch.path().join(&file.path), &file.text)?;
        places.push(file.path);
    }
    lock(root, scratch.path()).await?;
    places.extend([PathBuf::from("Cargo.lock"), folder]);
    Ok(Prepared { scratch, places })
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let parent = path.parent().context("a file has a folder")?;
    std::fs::create_dir_all(parent)
        .and_then(|()| std::fs::write(path, text))
        .with_context(|| path.display().to_string())
}

/// Runs Cargo, which adds the new crate to a copy of the lock file. Links give it the rest of the workspace.
async fn lock(root: &Path, scratch: &Path) -> anyhow::Result<()> {
    for file in ["Cargo.toml", "Cargo.lock"] {
        std::fs::copy(root.join(file), scratch.join(file)).context(file)?;
    }
    for entry in std::fs::read_dir(root)? {
        let entry = entry?;
        if entry.path().join("Cargo.toml").is_file() {
            symlink(entry.path(), scratch.join(entry.file_name()))?;
        }
    }
    for entry in std::fs::read_dir(root.join("services"))? {
        let entry = entry?;
        symlink(entry.path(), scratch.join("services").join(entry.file_name()))?;
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["update", "--workspace", "--offline", "--manifest-path"])
        .arg(scratch.join("Cargo.toml"))
        .kill_on_drop(true)
        .output()
        .await
        .context("cargo")?;
    if !output.status.success() {
        bail!("cargo update: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// Renames everything to its place. After an error, it restores the old state.
fn put_in_place(root: &Path, prepared: &Prepared) -> anyhow::Result<()> {
    let old = prepared.scratch.path().join("old");
    std::fs::create_dir(&old)?;
    let mut done: Vec<&PathBuf> = Vec::new();
    for place in &prepared.places {
        let kept = old.join(done.len().to_string());
        let renamed = keep(&root.join(place), &kept)
            .and_then(|()| std::fs::rename(prepared.scratch.path().join(place), root.join(place)));
        if let Err(error) = renamed {
            for (number, place) in done.iter().enumerate() {
                std::fs::rename(old.join(number.to_string()), root.join(place))
                    .with_context(|| format!("cannot restore {}", place.display()))?;
            }
            return Err(error).with_context(|| place.display().to_string());
        }
        done.push(place);
    }
    Ok(())
}

/// Makes a hard link to an existing file. The folder of the service does not exist yet, and comes last.
fn keep(path: &Path, kept: &Path) -> std::io::Result<()> {
    if path.exists() { std::fs::hard_link(path, kept) } else { Ok(()) }
}
