//! `resize_image`: resizes a PNG, JPEG or WebP image in proportion.
//!
//! Nobody trusts the image. So this process does not decode it: it starts its own program again, and that process isolates
//! itself before it reads the image.

pub mod child;
mod picture;
mod resizer;
#[cfg(target_os = "linux")]
pub mod sandbox;
#[cfg(not(target_os = "linux"))]
pub mod sandbox {
    //! Only Linux has this isolation.

    /// Fails, so no image is read.
    pub fn isolate() -> Result<(), String> {
        Err("this system has no seccomp".into())
    }
}

pub use self::resizer::{NotResized, Resizer};

use super::context::{Context, Unfinished};
use super::{Broken, Job, KIB};
use crate::model::result::ResultFile;
use crate::model::task::{Kind, Task};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::sleep_until;

pub(super) const JOB: Job = Job {
    kind: Kind::new("resize_image"),
    schema,
    longest: 1024 * KIB,
    for_admins: false,
    check: |payload, _| check(payload),
    volatile: Some("image"),
    needs_isolation: true,
    // Longer than the time limit of the process: it can wait for its turn.
    timeout: Duration::from_mins(3),
    run: |context| Box::pin(run(context)),
};

/// A PNG with one grey pixel.
const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mOoBwAAgQCAfhwpxwAAAABJRU5ErkJggg==";

fn schema() -> Value {
    json!({
        "type": "object",
        "description": "Resizes an image in proportion",
        "properties": {
            "image": { "type": "string", "contentEncoding": "base64", "description": "A PNG, JPEG or WebP image" },
            "width": { "type": "integer", "minimum": 1, "maximum": 4096 },
            "height": { "type": "integer", "minimum": 1, "maximum": 4096 }
        },
        "required": ["image", "width", "height"],
        "additionalProperties": false,
        "examples": [{ "image": PIXEL, "width": 1, "height": 1 }]
    })
}

/// Looks only at the first bytes. The job decodes the rest in a process of its own.
fn check(payload: &Value) -> Vec<Broken> {
    let text = payload["image"].as_str().unwrap_or_default();
    let Ok(image) = BASE64_STANDARD.decode(text) else {
        return vec![("/image", "must be base64 (RFC 4648, section 4)")];
    };
    if picture::format(&image).is_some() {
        Vec::new()
    } else {
        vec![("/image", "must be a PNG, JPEG or WebP image")]
    }
}

#[derive(Deserialize)]
struct Payload {
    image: String,
    width: u32,
    height: u32,
}

async fn run(context: Context) -> Result<Option<ResultFile>, Unfinished> {
    let invalid = || Unfinished::Failed("The payload is not valid.".into());
    let payload = context.task.payload.as_ref().and_then(|it| Payload::deserialize(it).ok());
    let Payload { image, width, height } = payload.ok_or_else(invalid)?;
    let image = BASE64_STANDARD.decode(image).map_err(|_| invalid())?;
    let format = picture::format(&image).ok_or_else(invalid)?;
    let resized = tokio::select! {
        resized = context.tools.resizer.resize(&image, width, height) => resized,
        () = context.stopped() => return Err(Unfinished::Stopped),
        () = sleep_until(context.deadline()) => Err(NotResized::TooSlow),
    };
    let file = resized.map_err(|error| Unfinished::Failed(error.to_string()))?;
    let Task { summary, .. } = &*context.task;
    let stored = context.tools.results.put(summary.id, context.fence, format.to_mime_type(), file);
    let stored = stored.await.map_err(|error| {
        tracing::error!(%error, "a result was not stored");
        Unfinished::Failed("The result could not be stored.".into())
    })?;
    Ok(Some(stored))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_must_look_like_one() {
        let jpeg = BASE64_STANDARD.encode(b"\xff\xd8\xff\xe0");
        let webp = BASE64_STANDARD.encode(b"RIFF\0\0\0\0WEBPVP8 ");
        let wave = BASE64_STANDARD.encode(b"RIFF\0\0\0\0WAVEfmt ");
        for (image, valid) in [
            ("iVBORw0KGgo=", true),
            (&*jpeg, true),
            (&*webp, true),
            (&*wave, false),
            ("iVBORw0KGgo", false),
            ("iVBORw0KGgo=\n", false),
            ("R0lGODlhAQABAAAAACw=", false),
            ("", false),
        ] {
            let payload = json!({ "image": image, "width": 1, "height": 1 });
            assert_eq!(check(&payload).is_empty(), valid, "{image}");
        }
    }
}
