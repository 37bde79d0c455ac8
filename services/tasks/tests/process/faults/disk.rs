//! A file system in memory that a test fills and frees.

use crate::{PATIENCE, until};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// More than a test writes. The memory is used only when files are written.
const SIZE: &str = "size=1g";

/// A mounted file system, which ends with its value.
pub(crate) struct Disk(TempDir);

impl Disk {
    /// `None` if nothing can be mounted here.
    pub(crate) fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("{SIZE},mode=700"), "tmpfs"]).arg(folder.path());
        mount.output().is_ok_and(|output| output.status.success()).then_some(Self(folder))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Leaves no free byte. Others write meanwhile, so the kernel can refuse the size that was just right.
    pub(crate) fn fill(&self) {
        until("a full disk", PATIENCE, || self.resize(&format!("size={}", self.used())));
    }

    /// Makes room again.
    pub(crate) fn free(&self) {
        assert!(self.resize(SIZE));
    }

    fn resize(&self, size: &str) -> bool {
        let mut mount = Command::new("mount");
        mount.args(["-o", &format!("remount,{size}")]).arg(self.path());
        mount.output().is_ok_and(|output| output.status.success())
    }

    fn used(&self) -> u64 {
        let df = Command::new("df").args(["--output=used", "-B1"]).arg(self.path()).output();
        let output = String::from_utf8(df.unwrap().stdout).unwrap();
        output.lines().nth(1).and_then(|used| used.trim().parse().ok()).unwrap()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("--lazy").arg(self.path()).status());
    }
}
