//! The start, from the settings to nginx.

use crate::nginx::{Nginx, User};
use crate::settings::Settings;
use crate::view::View;
use crate::{Failure, declaration, keys, render};
use chassis::document::Access;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// In nginx since 1.29.8, and in some older versions that a distribution patches.
const MAX_HEADERS: &str = "max_headers";

/// Replaces this process by nginx. Returns only if that fails.
pub fn start(settings: &Settings) -> Result<(), Failure> {
    let document = declaration::read(&settings.document)?;
    declaration::check(&document, settings)?;
    let nginx = Nginx::find(&settings.nginx)?;
    if !settings.require_api_key && document.requires(Access::ApiKey) {
        nginx.check_alone()?;
    }
    let keys = keys::real(settings.keys.as_ref());
    let user = User::of_workers();
    let view = View::new(&document, settings, &keys, user, nginx.joins_equal_headers())?;
    let text = render::render(&view)?;
    let directory = &settings.runtime_dir;
    let file = directory.join("nginx.conf");
    write(directory, &file, &text).map_err(|_| Failure::CannotCreate)?;
    test(&nginx, directory, &file, &text)?;
    Err(Failure::CannotStart(nginx.become_it(directory, &file)))
}

/// The configuration for people, with marks instead of keys.
pub fn show(settings: &Settings, joins_equal_headers: bool) -> Result<String, Failure> {
    let document = declaration::read(&settings.document)?;
    declaration::liveness(&document)?;
    let keyed = settings.keys.is_some() || document.requires(Access::ApiKey);
    let keys = if keyed { keys::marks(settings.keys.as_ref()) } else { Vec::new() };
    render::render(&View::new(&document, settings, &keys, None, joins_equal_headers)?)
}

/// Lets nginx test the configuration. Removes `max_headers` if nginx does not support it.
fn test(nginx: &Nginx, directory: &Path, file: &Path, text: &str) -> Result<(), Failure> {
    let Err(said) = nginx.test(directory, file) else { return Ok(()) };
    if !said.contains(&format!("unknown directive \"{MAX_HEADERS}\"")) {
        return Err(Failure::Refused(said));
    }
    let known = |line: &&str| !line.trim_start().starts_with(MAX_HEADERS);
    let text: String = text.split_inclusive('\n').filter(known).collect();
    write(directory, file, &text).map_err(|_| Failure::CannotCreate)?;
    nginx.test(directory, file).map_err(Failure::Refused)
}

/// Writes a new file, so that only its owner can read it, even if a file with other permissions existed.
fn write(directory: &Path, file: &Path, text: &str) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    file.write_all(text.as_bytes())
}
