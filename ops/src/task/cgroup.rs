//! The task's memory limit, by a control group of its own, version 1 or 2.
//!
//! The group that holds the tasks' groups is made outside of the namespaces and taken away there, so
//! that none stays behind.

use std::path::{Path, PathBuf};

/// Makes the group that will hold the tasks' groups; `None` where this system does not let us.
#[must_use]
pub fn make_base() -> Option<PathBuf> {
    let own = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = |controller: &str| {
        own.lines().find_map(|l| {
            let mut parts = l.splitn(3, ':').skip(1);
            (parts.next()? == controller)
                .then(|| parts.next().unwrap_or("/").trim_start_matches('/').to_owned())
        })
    };
    let name = format!("rehearsal-{}", std::process::id());
    let mounts = [
        path("memory")
            .map(|own| (Path::new("/sys/fs/cgroup/memory").join(own), "memory.limit_in_bytes")),
        // Under version 2 a group with processes cannot have groups with limits, so it goes to the top.
        Some((PathBuf::from("/sys/fs/cgroup"), "memory.max")),
    ];
    for (parent, file) in mounts.into_iter().flatten() {
        let base = parent.join(&name);
        if std::fs::create_dir(&base).is_err() {
            continue;
        }
        // Version 2 hands a controller down only when asked.
        let _ = std::fs::write(base.join("cgroup.subtree_control"), "+memory");
        let usable = task(&base, 0, 64).is_some_and(|group| group.join(file).exists());
        if usable {
            return Some(base);
        }
        remove_base(&base);
    }
    None
}

/// A group for one task, limited to so many MiB.
#[must_use]
pub fn task(base: &Path, number: u8, mebibytes: u64) -> Option<PathBuf> {
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

/// Takes the groups away; they must be empty by now.
pub fn remove_base(base: &Path) {
    for entry in std::fs::read_dir(base).into_iter().flatten().flatten() {
        let _ = std::fs::remove_dir(entry.path());
    }
    let _ = std::fs::remove_dir(base);
}
