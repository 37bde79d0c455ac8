//! The files that jobs make.
//!
//! The key of a file has the id of its task and the fence of the run that wrote it. So two runs of one task never write the
//! same file, and the row of the task says which one is its result.

use crate::model::result::ResultFile;
use crate::model::task::TaskId;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt};
use std::future::ready;
use std::io;
use std::path::Path;
use std::sync::Arc;
use thiserror::Error;

/// Why a file was not written or read.
#[derive(Debug, Error)]
#[error("the storage failed: {0}")]
pub struct StorageError(#[from] object_store::Error);

/// The storage. A clone is the same storage.
#[derive(Debug, Clone)]
pub struct Results(Arc<dyn ObjectStore>);

impl Results {
    /// Files in a folder, which is created for its owner only. Every process must share it.
    pub fn in_folder(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let store = LocalFileSystem::new_with_prefix(folder).map_err(io::Error::other)?;
        Ok(Self(Arc::new(store)))
    }

    /// The pieces of a file.
    pub async fn read(
        &self,
        file: &ResultFile,
    ) -> Result<impl Stream<Item = Bytes> + Send + use<>, StorageError> {
        let got = self.0.get(&Key::from(file.key.as_str())).await?;
        // A reader notices a stream that ends early by the length.
        let good = got.into_stream().take_while(|piece| ready(piece.is_ok()));
        Ok(good.filter_map(|piece| ready(piece.ok())))
    }

    /// Removes a file.
    pub async fn delete(&self, key: &str) -> Result<(), StorageError> {
        Ok(self.0.delete(&Key::from(key)).await?)
    }

    /// Stores a whole file.
    pub async fn put(
        &self,
        task: TaskId,
        fence: i64,
        media_type: &'static str,
        file: Vec<u8>,
    ) -> Result<ResultFile, StorageError> {
        let (key, bytes) = (format!("{task}/{fence}"), file.len() as u64);
        self.0.put(&Key::from(key.as_str()), file.into()).await?;
        Ok(ResultFile { key, media_type: media_type.into(), bytes })
    }
}
