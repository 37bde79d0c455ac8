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
