//! Limits the memory of a task with its own control group, version 1 or 2.
//!
//! As on a container host, `crun` makes the groups of the containers below it. The parent of the tasks' groups is made
//! and removed outside the namespaces, so that no group remains.

use std::path::{Path, PathBuf};

const GROUPS: &str = "/sys/fs/cgroup";

/// Makes the parent of the tasks' groups; `None` when this system does not allow it.
#[must_use]
pub fn make_base() -> Option<PathBuf> {
    let name = format!("rehearsal-{}", std::process::id());
    // The folder of the memory controller of version 1, then the folder of version 2.
    ["memory", ""].iter().map(|mount| Path::new(GROUPS).join(mount).join(&name)).find(|base| {
        let usable = std::fs::create_dir(base).is_ok() && task(base, 0, 64).is_some();
        if !usable {
            remove_base(base);
        }
        usable
    })
}

/// A group for one task with a limit in MiB.
#[must_use]
pub fn task(base: &Path, number: u8, mebibytes: u64) -> Option<PathBuf> {
    // In version 2, a group must enable a controller for its children.
    let _ = std::fs::write(base.join("cgroup.subtree_control"), "+memory");
    let group = base.join(format!("task-{number}"));
    std::fs::create_dir(&group).ok()?;
    let limit = (mebibytes * 1024 * 1024).to_string();
    let set = ["memory.max", "memory.limit_in_bytes"]
        .iter()
        .any(|file| group.join(file).exists() && std::fs::write(group.join(file), &limit).is_ok());
    set.then_some(group)
}

/// Used and allowed bytes of a group.
#[must_use]
pub fn usage(group: &Path) -> Option<(u64, u64)> {
    let number = |names: [&str; 2]| {
        names.iter().find_map(|n| std::fs::read_to_string(group.join(n)).ok()?.trim().parse().ok())
    };
    Some((
        number(["memory.current", "memory.usage_in_bytes"])?,
        number(["memory.max", "memory.limit_in_bytes"])?,
    ))
}

/// Removes the groups, which must be empty. Under version 1, `crun` made them for every controller.
pub fn remove_base(base: &Path) {
    let Some(name) = base.file_name() else { return };
    let controllers = std::fs::read_dir(GROUPS).into_iter().flatten().flatten();
    let folders = controllers.map(|entry| entry.path()).chain([PathBuf::from(GROUPS)]);
    folders.for_each(|folder| remove(&folder.join(name)));
}

fn remove(group: &Path) {
    for entry in std::fs::read_dir(group).into_iter().flatten().flatten() {
        remove(&entry.path());
    }
    // The kernel removes the files of a group with the group.
    let _ = std::fs::remove_dir(group);
}
