//! A clock of processes that a test sets while they run, with the library `libfaketime` of Debian.

use crate::service::Settings;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use tempfile::TempDir;

/// A file with the difference to the clock of the machine. Processes read it whenever they look at their clock.
#[derive(Clone)]
pub(crate) struct FakeClock {
    library: PathBuf,
    folder: Rc<TempDir>,
}

impl FakeClock {
    /// `None` if the library is not installed.
    pub(crate) fn new() -> Option<Self> {
        let folders = fs::read_dir("/usr/lib").ok()?.flatten();
        let libraries = folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
        let library = libraries.into_iter().find(|library| library.exists())?;
        let clock = Self { library, folder: Rc::new(tempfile::tempdir().unwrap()) };
        clock.set(0);
        Some(clock)
    }

    /// Sets the difference in seconds.
    pub(crate) fn set(&self, seconds: i64) {
        let next = self.folder.path().join("next");
        fs::write(&next, format!("{seconds:+}s\n")).unwrap();
        fs::rename(next, self.file()).unwrap();
    }

    /// The settings of a process with this clock. Time limits use another clock, which does not jump.
    pub(crate) fn settings(&self, settings: Settings) -> Settings {
        settings
            .with("LD_PRELOAD", text(&self.library))
            .with("FAKETIME_TIMESTAMP_FILE", text(&self.file()))
            .with("FAKETIME_NO_CACHE", "1")
            .with("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .with("DONT_FAKE_MONOTONIC", "1")
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("offset")
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
