//! The signing key of a service on a SQLite file: made at the first start, in a file beside the database.
//!
//! The caller holds the lock of the database, so two processes cannot make two keys. In every other case, the keys must
//! be set, because several processes would need the same ones.

use crate::access::{Denied, random};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The settings that name other keys.
const SETTINGS: [&str; 2] = ["JWT_KEYS", "JWT_KEYS_PARAMETER"];

/// Whether the settings name keys. An empty variable counts: it is an error, which the chassis reports.
#[must_use]
pub fn are_given() -> bool {
    SETTINGS.iter().any(|name| std::env::var_os(name).is_some())
}

/// The keys of a database. Makes them if there are none. The error is a text for the operator.
pub fn load_or_make(database: &Path) -> Result<SecretString, String> {
    let path = path(database);
    let failed = |error: io::Error| format!("{}: {error}", path.display());
    match OpenOptions::new().read(true).open(&path) {
        Ok(file) => read(file, &path),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let list = make().map_err(|error| format!("{}: {error:?}", path.display()))?;
            store(&path, &list).map_err(failed)?;
            Ok(list.as_str().into())
        }
        Err(error) => Err(failed(error)),
    }
}

fn path(database: &Path) -> PathBuf {
    database.with_extension("jwt-keys")
}

fn read(mut file: File, path: &Path) -> Result<SecretString, String> {
    let failed = |error: io::Error| format!("{}: {error}", path.display());
    let mode = file.metadata().map_err(failed)?.permissions().mode();
    if mode & 0o077 != 0 {
        let path = path.display();
        return Err(format!(
            "{path} can be read by other users; run chmod 600 {path}, and replace the key in it"
        ));
    }
    let mut list = Zeroizing::new(String::new());
    file.read_to_string(&mut list).map_err(failed)?;
    Ok(list.trim_end().into())
}

/// `kid:secret` with 32 random bytes.
fn make() -> Result<Zeroizing<String>, Denied> {
    let kid = u32::from_ne_bytes(random::bytes()?);
    let secret: Zeroizing<[u8; 32]> = Zeroizing::new(random::bytes()?);
    let secret = Zeroizing::new(URL_SAFE_NO_PAD.encode(*secret));
    Ok(Zeroizing::new(format!("{kid:08x}:{}", *secret)))
}

/// Writes a whole file or none: a crash must not leave half of a key.
fn store(path: &Path, list: &str) -> io::Result<()> {
    let unfinished = path.with_extension("jwt-keys.new");
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    writeln!(file, "{list}")?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chassis::bearer::Issuer;
    use secrecy::ExposeSecret;

    #[test]
    fn key_is_made_once_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("tasks.db");
        let made = load_or_make(&database).unwrap();
        let issuer = Issuer::new(made.expose_secret(), "tasks", "tasks");
        assert_eq!(issuer.unwrap().kids().count(), 1);
        let file = folder.path().join("tasks.jwt-keys");
        let permissions = fs::metadata(&file).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, 0o600);
        let again = load_or_make(&database).unwrap();
        assert_eq!(again.expose_secret(), made.expose_secret());

        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        let refused = load_or_make(&database).unwrap_err();
        assert!(refused.contains("chmod 600"), "{refused}");
        assert!(!refused.contains(made.expose_secret()));

        let other = tempfile::tempdir().unwrap();
        let other = load_or_make(&other.path().join("tasks.db")).unwrap();
        assert_ne!(other.expose_secret(), made.expose_secret());
    }
}
