//! The files that jobs make.
//!
//! The key of a file has the id of its task and the fence of the run that wrote it. So two runs of one task never write the
//! same file, and the row of the task says which one is its result. A file without a row is an orphan: the sweep finds it
//! by its age.
//!
//! A file appears when it is complete and on the disk. Before, it has another name that [`Results::older_than`] does not
//! list. A process that is killed leaves such a file, which [`Results::remove_unfinished`] finds.

pub(crate) mod files;

use crate::model::result::ResultFile;
use crate::model::task::TaskId;
use crate::model::timestamp::Timestamp;
use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt, TryStreamExt, poll_fn};
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt};
use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::Poll;
use thiserror::Error;

/// The bytes that a writer holds in memory. S3 accepts no smaller part.
const PART: usize = 5 << 20;

/// Why a file was not written or read. The owner of the task reads the text; the log has the cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum StorageError {
    /// No space is left.
    #[error("the storage for results is full")]
    Full,
    /// A stored file has another length than its row says.
    #[error("the stored file is damaged")]
    Damaged,
    /// Another failure.
    #[error("the storage for results does not work")]
    Failed,
}

/// The storage. A clone is the same storage.
#[derive(Debug, Clone)]
pub struct Results {
    store: Arc<dyn ObjectStore>,
    folder: PathBuf,
}

impl Results {
    /// Files in a folder of their owner, which is created. Every process must share it.
    pub fn in_folder(folder: &Path) -> io::Result<Self> {
        files::private_folder(folder)?;
        let store = LocalFileSystem::new_with_prefix(folder).map_err(io::Error::other)?;
        let store = Arc::new(store.with_fsync(true).with_automatic_cleanup(true));
        Ok(Self { store, folder: folder.into() })
    }

    /// Stores a whole file.
    pub async fn put(
        &self,
        task: TaskId,
        fence: i64,
        media_type: &'static str,
        file: Vec<u8>,
    ) -> Result<ResultFile, StorageError> {
        let (key, bytes) = (key(task, fence), file.len() as u64);
        self.store.put(&Key::from(&*key), file.into()).await.map_err(|error| failure(&error))?;
        Ok(ResultFile { key, media_type: media_type.into(), bytes })
    }

    /// Begins a file that is written in pieces.
    pub async fn writer(
        &self,
        task: TaskId,
        fence: i64,
        media_type: &'static str,
    ) -> Result<Writer, StorageError> {
        let key = key(task, fence);
        let upload = self.store.put_multipart(&Key::from(&*key)).await;
        let upload = upload.map_err(|error| failure(&error))?;
        let file = ResultFile { key, media_type: media_type.into(), bytes: 0 };
        Ok(Writer { upload, waiting: Vec::new(), file })
    }

    /// Opens a file. `None` if it is gone.
    pub async fn open(&self, file: &ResultFile) -> Result<Option<Download>, StorageError> {
        let opened = match self.store.get(&Key::from(&*file.key)).await {
            Ok(opened) => opened,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(failure(&error)),
        };
        if opened.meta.size != file.bytes {
            return Err(StorageError::Damaged);
        }
        let pieces = whole(opened.into_stream(), file.bytes);
        let (media_type, extension) = (file.media_type.clone(), file.extension());
        Ok(Some(Download { bytes: file.bytes, media_type, extension, pieces }))
    }

    /// Deletes a file. It can be gone already.
    pub async fn delete(&self, key: &str) -> Result<(), StorageError> {
        match self.store.delete(&Key::from(key)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failure(&error)),
        }
    }

    /// The keys of the files that were completed before a time, in any order.
    #[must_use]
    pub fn older_than(&self, time: Timestamp) -> BoxStream<'static, Result<String, StorageError>> {
        let files = self.store.list(None).map_err(|error| failure(&error));
        let old = files.try_filter_map(move |file| async move {
            let is_old = file.last_modified.timestamp_millis() < time.as_millis();
            Ok(is_old.then(|| file.location.to_string()))
        });
        old.boxed()
    }

    /// Removes the unfinished files that nobody has written to since a time. Returns their number.
    pub async fn remove_unfinished(&self, time: Timestamp) -> Result<u64, StorageError> {
        let folder = self.folder.clone();
        let removed = tokio::task::spawn_blocking(move || files::remove_unfinished(&folder, time));
        let removed = removed.await.map_err(io::Error::other).flatten();
        removed.map_err(|error| failure(&error))
    }
}

fn key(task: TaskId, fence: i64) -> String {
    format!("{task}/{fence}")
}

/// Writes the cause to the log, because it can contain a path.
fn failure(error: &(dyn Error + 'static)) -> StorageError {
    tracing::warn!(error, "the storage failed");
    let mut cause = Some(error);
    while let Some(error) = cause {
        let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
        if matches!(kind, Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded)) {
            return StorageError::Full;
        }
        cause = error.source();
    }
    StorageError::Failed
}

/// A file that is written in pieces. Dropped before [`Self::finish`], it leaves nothing.
pub struct Writer {
    upload: Box<dyn MultipartUpload>,
    waiting: Vec<u8>,
    file: ResultFile,
}

impl Writer {
    /// Appends bytes.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<(), StorageError> {
        self.file.bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PART - self.waiting.len()));
            self.waiting.extend_from_slice(now);
            bytes = later;
            if self.waiting.len() == PART {
                self.send().await?;
            }
        }
        Ok(())
    }

    async fn send(&mut self) -> Result<(), StorageError> {
        let part = std::mem::take(&mut self.waiting);
        self.upload.put_part(part.into()).await.map_err(|error| failure(&error))
    }

    /// Makes the file visible.
    pub async fn finish(mut self) -> Result<ResultFile, StorageError> {
        if !self.waiting.is_empty() {
            self.send().await?;
        }
        self.upload.complete().await.map_err(|error| failure(&error))?;
        Ok(self.file)
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("file", &self.file).finish_non_exhaustive()
    }
}

/// A file that is read in pieces.
pub struct Download {
    /// The length.
    pub bytes: u64,
    /// The media type.
    pub media_type: String,
    /// The end of the name under which a caller saves it.
    pub extension: &'static str,
    /// The content. It has exactly the length, or ends with an error.
    pub pieces: BoxStream<'static, Result<Bytes, StorageError>>,
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

/// Ends with an error if there are fewer bytes. `object_store` reads on without end at the end of a file that became
/// shorter.
fn whole(
    mut pieces: BoxStream<'static, object_store::Result<Bytes>>,
    mut left: u64,
) -> BoxStream<'static, Result<Bytes, StorageError>> {
    let pieces = poll_fn(move |context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        let piece = match std::task::ready!(pieces.as_mut().poll_next(context)) {
            Some(Ok(piece)) if !piece.is_empty() => piece,
            Some(Err(error)) => {
                left = 0;
                return Poll::Ready(Some(Err(failure(&error))));
            }
            Some(Ok(_)) | None => {
                left = 0;
                return Poll::Ready(Some(Err(StorageError::Damaged)));
            }
        };
        left = left.saturating_sub(piece.len() as u64);
        Poll::Ready(Some(Ok(piece)))
    });
    pieces.boxed()
}
