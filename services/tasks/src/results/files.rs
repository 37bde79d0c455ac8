//! Folders of this process's user, and the unfinished files in them.

use crate::model::timestamp::Timestamp;
use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

/// Creates a folder that only its owner can enter. Refuses an existing one that others can enter.
pub(crate) fn private_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    if fs::metadata(folder)?.permissions().mode() & 0o077 != 0 {
        let shown = folder.display();
        let text = format!("other users can enter {shown}; run chmod 700 {shown}");
        return Err(io::Error::new(ErrorKind::PermissionDenied, text));
    }
    Ok(())
}

/// Removes the files `TASK/FENCE#NUMBER` that were last changed before a time. `object_store` gives a file this name until
/// it is complete.
pub(super) fn remove_unfinished(folder: &Path, time: Timestamp) -> io::Result<u64> {
    let mut removed = 0;
    for task in fs::read_dir(folder)? {
        let task = task?.path();
        let files = match fs::read_dir(&task) {
            Ok(files) => files,
            // Another process has deleted the last file of the task, or this is a file.
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                continue;
            }
            Err(error) => return Err(error),
        };
        for file in files {
            let file = file?;
            let is_unfinished = file.file_name().as_encoded_bytes().contains(&b'#');
            let is_old =
                || -> io::Result<bool> { Ok(Timestamp::from(file.metadata()?.modified()?) < time) };
            match if is_unfinished { is_old() } else { Ok(false) } {
                Ok(true) => fs::remove_file(file.path())?,
                Ok(false) => continue,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            }
            removed += 1;
        }
        // It fails if the folder has another file.
        drop(fs::remove_dir(task));
    }
    Ok(removed)
}
