//! Takes the files of Swagger UI that the page needs out of the archive of the crate, for `src/api/docs.rs`.

use std::error::Error;
use std::io::{Cursor, Read};
use std::path::Path;

/// The files in the folder `dist` of the archive.
const FILES: [&str; 3] = ["favicon-32x32.png", "swagger-ui-bundle.js", "swagger-ui.css"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let folder = std::env::var("OUT_DIR")?;
    let archive = Cursor::new(utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED);
    let mut archive = zip::ZipArchive::new(archive)?;
    let mut missing = FILES.to_vec();
    for place in 0..archive.len() {
        let mut entry = archive.by_index(place)?;
        let name = entry.name()?.into_owned();
        let [_, "dist", file] = name.split('/').collect::<Vec<_>>()[..] else { continue };
        let Some(at) = missing.iter().position(|wanted| *wanted == file) else { continue };
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        std::fs::write(Path::new(&folder).join(missing.swap_remove(at)), bytes)?;
    }
    if missing.is_empty() { Ok(()) } else { Err(format!("the archive lacks {missing:?}").into()) }
}
