//! The process that resizes one image. It isolates itself before it reads anything.
//!
//! The input is a line with the width and the height, and the image. The output is the result, or a text that the exit code
//! explains.

use super::picture::{self, Refusal};
use super::sandbox;
use std::io::{self, Read, Write};
use std::panic;
use std::process::ExitCode;

/// The command of the process.
pub const COMMAND: &str = "resize-image";
/// The exit code if the output is a text for the owner of the image (`EX_DATAERR`).
pub(super) const REFUSED: u8 = 65;
/// The exit code if the output says which step of the isolation failed (`EX_UNAVAILABLE`).
pub(super) const NOT_ISOLATED: u8 = 69;
/// The exit code if the request or the response could not be transferred (`EX_IOERR`).
const BROKEN_PIPE: u8 = 74;

/// The most bytes of a request. The payload of a task has fewer.
const REQUEST: u64 = 2 << 20;

/// Runs the process: one thread, without settings and without a log.
#[must_use]
pub fn main() -> ExitCode {
    let (code, output) = match sandbox::isolate() {
        Err(step) => (NOT_ISOLATED, step.into_bytes()),
        Ok(()) => match answer() {
            Ok(Ok(result)) => (0, result),
            Ok(Err(refusal)) => (REFUSED, refusal.to_string().into_bytes()),
            Err(_) => (BROKEN_PIPE, Vec::new()),
        },
    };
    let mut pipe = io::stdout().lock();
    match pipe.write_all(&output).and_then(|()| pipe.flush()) {
        Ok(()) => ExitCode::from(code),
        Err(_) => ExitCode::from(BROKEN_PIPE),
    }
}

fn answer() -> io::Result<Result<Vec<u8>, Refusal>> {
    let mut request = Vec::new();
    io::stdin().lock().take(REQUEST).read_to_end(&mut request)?;
    let (width, height, image) = parse(&request).ok_or(io::ErrorKind::InvalidData)?;
    // A panic of a decoder says the same as an error of it.
    panic::set_hook(Box::new(|_| {}));
    let resized = panic::catch_unwind(|| picture::resize(image, width, height));
    Ok(resized.unwrap_or(Err(Refusal::Damaged)))
}

/// The first bytes of a request. The image follows.
pub(super) fn head(width: u32, height: u32) -> String {
    format!("{width} {height}\n")
}

fn parse(request: &[u8]) -> Option<(u32, u32, &[u8])> {
    let end = request.iter().position(|byte| *byte == b'\n')?;
    let (width, height) = str::from_utf8(&request[..end]).ok()?.split_once(' ')?;
    Some((width.parse().ok()?, height.parse().ok()?, &request[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_is_a_line_and_an_image() {
        let request = [head(640, 480).as_bytes(), b"\n \n"].concat();
        assert_eq!(parse(&request), Some((640, 480, &b"\n \n"[..])));
        for wrong in ["", "640 480", "640\n", "640 -1\n", "640 480 1\n", "4294967296 1\n"] {
            assert_eq!(parse(wrong.as_bytes()), None, "{wrong:?}");
        }
    }
}
