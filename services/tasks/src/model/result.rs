//! The file that a job made.

/// A file in the storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultFile {
    /// The key in the storage. It contains the fence of the run.
    pub key: String,
    /// The media type.
    pub media_type: String,
    /// The length.
    pub bytes: u64,
}

impl ResultFile {
    /// The end of a name for it.
    #[must_use]
    pub fn extension(&self) -> &'static str {
        match self.media_type.as_str() {
            "text/csv" => "csv",
            "application/json" => "json",
            "image/png" => "png",
            "image/jpeg" => "jpg",
            "image/webp" => "webp",
            _ => "bin",
        }
    }
}
