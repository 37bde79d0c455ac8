//! A model of a disk that loses power: a write is certain only after a sync of its file.

use super::trace::Event;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A disk writes a sector completely or not at all.
const SECTOR: usize = 512;

#[derive(Debug, Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

#[derive(Debug, Default)]
struct File {
    synced: Vec<u8>,
    pending: Vec<Change>,
}

/// The files of one database.
#[derive(Debug)]
pub(super) struct Disk {
    /// The path of the database. Its WAL begins with it too.
    database: String,
    files: BTreeMap<String, File>,
    /// For each thread that waits: the file, and how many of its changes are covered.
    syncs: BTreeMap<String, (String, usize)>,
}

impl Disk {
    pub(super) fn new(database: &Path) -> Self {
        let database = database.to_str().unwrap().to_owned();
        Self { database, files: BTreeMap::new(), syncs: BTreeMap::new() }
    }

    /// The file of the database. SQLite builds the file `-shm` again after a crash.
    fn file(&mut self, path: &str) -> Option<&mut File> {
        let known = path.starts_with(&self.database) && !path.ends_with("-shm");
        known.then(|| self.files.entry(path.to_owned()).or_default())
    }

    pub(super) fn apply(&mut self, event: &Event) {
        match event {
            Event::Write { path, offset, data } => {
                let change = Change::Write(*offset, data.clone());
                self.file(path).into_iter().for_each(|file| file.pending.push(change.clone()));
            }
            Event::Truncate { path, length } => {
                let change = Change::Truncate(*length);
                self.file(path).into_iter().for_each(|file| file.pending.push(change.clone()));
            }
            Event::Remove { path } => drop(self.files.remove(path)),
            Event::SyncBegin { thread, path } => {
                let covered = self.file(path).map(|file| file.pending.len());
                assert!(self.syncs.values().all(|(other, _)| other != path), "one sync at a time");
                self.syncs.insert(thread.clone(), (path.clone(), covered.unwrap_or(0)));
            }
            Event::SyncEnd { thread } => {
                let (path, covered) = self.syncs.remove(thread).unwrap();
                if let Some(file) = self.file(&path) {
                    for change in file.pending.drain(..covered) {
                        change.apply_to(&mut file.synced, || true);
                    }
                }
            }
            Event::Said(_) => {}
        }
    }

    /// The number of changes that a loss of power could undo.
    pub(super) fn pending(&self) -> usize {
        self.files.values().map(|file| file.pending.len()).sum()
    }

    /// Writes the files after a loss of power. `survives` decides about each sector that is not synced.
    pub(super) fn write_to(&self, folder: &Path, mut survives: impl FnMut() -> bool) {
        for (path, file) in &self.files {
            let mut content = file.synced.clone();
            for change in &file.pending {
                change.apply_to(&mut content, &mut survives);
            }
            let name = Path::new(path).file_name().unwrap();
            fs::write(folder.join(name), content).unwrap();
        }
    }
}

impl Change {
    fn apply_to(&self, content: &mut Vec<u8>, mut survives: impl FnMut() -> bool) {
        match self {
            Self::Truncate(length) => {
                if survives() {
                    content.resize(*length, 0);
                }
            }
            Self::Write(offset, data) => {
                let mut at = *offset;
                let mut data = data.as_slice();
                while !data.is_empty() {
                    let (sector, rest) = data.split_at(data.len().min(SECTOR - at % SECTOR));
                    if survives() {
                        let end = at + sector.len();
                        content.resize(content.len().max(end), 0);
                        content[at..end].copy_from_slice(sector);
                    }
                    (at, data) = (at + sector.len(), rest);
                }
            }
        }
    }
}
