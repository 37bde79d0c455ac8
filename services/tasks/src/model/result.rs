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
    /// The end of the name under which a caller saves the file.
    #[must_use]
    pub fn extension(&self) -> &'static str {
        match self.media_type.split(';').next().unwrap_or_default() {
            "text/csv" => "csv",
            "application/json" => "json",
            "image/png" => "png",
            "image/jpeg" => "jpg",
            "image/webp" => "webp",
            _ => "bin",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extension_follows_the_media_type() {
        for (media_type, extension) in [
            ("text/csv; charset=utf-8", "csv"),
            ("application/json", "json"),
            ("image/png", "png"),
            ("image/jpeg", "jpg"),
            ("image/webp", "webp"),
            ("text/html", "bin"),
            ("", "bin"),
        ] {
            let file = ResultFile { key: "a".into(), media_type: media_type.into(), bytes: 1 };
            assert_eq!(file.extension(), extension, "{media_type}");
        }
    }
}
