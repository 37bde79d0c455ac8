//! `openapi --write`: the members of a document that follow from the code of its service.
//!
//! Other programs read the document without the code, so the file contains these members too.

use crate::document::Document;
use crate::failure::Failure;
use crate::layout;
use clap::Args;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// Writes the members into a document. The error names a place that the document lacks.
pub type Derive = fn(&mut Value) -> Result<(), String>;

/// The option of `openapi`, if the document has members that follow from the code.
#[derive(Debug, Args)]
pub struct WriteArgs {
    /// Writes the members that follow from the code into the document; without FILE into openapi.json of this folder, or of
    /// the folder of the service
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    pub write: Option<Option<PathBuf>>,
}

/// The text of a document after a [`Derive`]. All other members stay as they are, in the layout of documents.
#[expect(clippy::missing_panics_doc, reason = "the document was checked before")]
pub fn rewritten(
    text: &str,
    derive: impl FnOnce(&mut Value) -> Result<(), String>,
) -> Result<String, Failure> {
    Document::parse(text)?;
    let mut document = serde_json::from_str(text).expect("a valid document is JSON");
    derive(&mut document).map_err(Failure::Command)?;
    let text = layout::text(&document);
    Document::parse(&text)?;
    Ok(text)
}

/// Rewrites the file of a service's document.
pub(crate) fn write(path: Option<PathBuf>, service: &str, derive: Derive) -> Result<(), Failure> {
    let path = path.map_or_else(|| find(service), Ok)?;
    let at = path.display();
    let failed = |error: std::io::Error| Failure::Command(format!("{at}: {error}"));
    let text = fs::read_to_string(&path).map_err(failed)?;
    let name = Document::parse(&text)?.service.name;
    if name != service {
        let text = format!("{at} is the document of {name}, expected that of {service}");
        return Err(Failure::Command(text));
    }
    let new = rewritten(&text, derive)?;
    if new == text {
        println!("{at} is up to date");
        return Ok(());
    }
    fs::write(&path, new).map_err(failed)?;
    println!("{at} is written");
    Ok(())
}

/// The document in the folder of the service, from that folder or from the root of the repository.
fn find(service: &str) -> Result<PathBuf, Failure> {
    let inside = PathBuf::from("openapi.json");
    let below = Path::new("services").join(service).join(&inside);
    [inside, below].into_iter().find(|path| path.is_file()).ok_or_else(|| {
        let text = format!(
            "found no openapi.json and no services/{service}/openapi.json: give the path of the document"
        );
        Failure::Command(text)
    })
}
