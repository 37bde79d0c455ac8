//! Starts the process that resizes an image, and ends it in time.

use super::child::{COMMAND, NOT_ISOLATED, REFUSED, head};
use super::picture::{RESULT, format};
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::timeout;

/// The time limit of a process. The limit of its CPU time is shorter.
const TIME: Duration = Duration::from_mins(1);
/// The signal of `abort`, which ends a Rust program without memory.
const SIGABRT: i32 = 6;
/// The signal of a kernel without memory.
const SIGKILL: i32 = 9;
/// The signal at the limit of CPU time.
const SIGXCPU: i32 = 24;

/// An image of one pixel, which every process can resize.
const PIXEL: &[u8] = include_bytes!("pixel.png");

/// Why an image was not resized. The owner of the task reads the text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotResized {
    /// The process refused the image, with this text.
    #[error("{0}")]
    Refused(String),
    /// The time is over.
    #[error("The image takes too long to resize.")]
    TooSlow,
    /// The process ended at its limit of memory.
    #[error("The image needs too much memory.")]
    TooMuchMemory,
    /// The process ended in another way. The log says how.
    #[error("The image could not be resized, because the process that did it ended early.")]
    Ended,
    /// The process could not isolate itself, so it did not read the image.
    #[error("Images cannot be resized on this machine.")]
    NotIsolated,
}

/// Resizes images, each in a process of its own.
#[derive(Debug)]
pub struct Resizer {
    program: PathBuf,
    is_available: OnceCell<bool>,
    /// One image at a time, because a process can take much memory.
    turn: Semaphore,
}

impl Resizer {
    /// Starts processes of this program. It is also right if the file of the program has been replaced.
    #[must_use]
    pub fn of_this_program() -> Self {
        Self::new("/proc/self/exe".into())
    }

    /// Starts processes of another program, which must have the command [`COMMAND`].
    #[must_use]
    pub fn new(program: PathBuf) -> Self {
        Self { program, is_available: OnceCell::new(), turn: Semaphore::new(1) }
    }

    /// Whether a process can isolate itself on this machine. The first call starts one.
    pub async fn is_available(&self) -> bool {
        let check = async || {
            let resized = self.resize(PIXEL, 1, 1).await;
            if let Err(error) = &resized {
                tracing::warn!(%error, "images cannot be resized");
            }
            resized.is_ok()
        };
        *self.is_available.get_or_init(check).await
    }

    /// Resizes an image. If the future is dropped, the process is killed.
    pub async fn resize(
        &self,
        image: &[u8],
        width: u32,
        height: u32,
    ) -> Result<Vec<u8>, NotResized> {
        let _turn = self.turn.acquire().await.map_err(|_| NotResized::Ended)?;
        let mut child = self.start().map_err(|error| ended(&error))?;
        let head = head(width, height);
        let answer = timeout(TIME, exchange(&mut child, head.as_bytes(), image)).await;
        if !matches!(answer, Ok(Ok(_))) {
            // This also waits for the end.
            child.kill().await.map_err(|error| ended(&error))?;
        }
        let answer = answer.map_err(|_| NotResized::TooSlow)?;
        let (status, output) = answer.map_err(|error| ended(&error))?;
        judge(status, output, image)
    }

    fn start(&self) -> io::Result<Child> {
        let mut command = Command::new(&self.program);
        command.arg(COMMAND).env_clear().current_dir("/").kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        command.spawn()
    }
}

async fn exchange(
    child: &mut Child,
    head: &[u8],
    image: &[u8],
) -> io::Result<(ExitStatus, Vec<u8>)> {
    let pipes = child.stdin.take().zip(child.stdout.take());
    let (mut input, output) = pipes.expect("both are pipes, and nothing else takes them");
    // A process that fails early does not read its input. Its exit code says more than this error.
    let _ = async {
        input.write_all(head).await?;
        input.write_all(image).await
    }
    .await;
    drop(input);
    let mut result = Vec::new();
    output.take(RESULT as u64 + 1).read_to_end(&mut result).await?;
    if result.len() > RESULT {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok((child.wait().await?, result))
}

fn judge(status: ExitStatus, output: Vec<u8>, image: &[u8]) -> Result<Vec<u8>, NotResized> {
    let text = || String::from_utf8_lossy(&output).into_owned();
    match (status.code().map(u8::try_from), status.signal()) {
        (Some(Ok(0)), _) if format(&output) == format(image) => Ok(output),
        (Some(Ok(REFUSED)), _) => Err(NotResized::Refused(text())),
        (Some(Ok(NOT_ISOLATED)), _) => {
            tracing::error!(step = text(), "the process that resizes images is not isolated");
            Err(NotResized::NotIsolated)
        }
        (_, Some(SIGABRT | SIGKILL)) => Err(NotResized::TooMuchMemory),
        (_, Some(SIGXCPU)) => Err(NotResized::TooSlow),
        _ => Err(ended(&status)),
    }
}

fn ended(cause: &dyn std::fmt::Display) -> NotResized {
    tracing::error!(%cause, "the process that resizes an image failed");
    NotResized::Ended
}
