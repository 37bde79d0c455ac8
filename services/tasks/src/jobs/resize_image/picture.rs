//! Resizes an image: bytes in, bytes out. The bytes can be hostile, so this runs in an isolated process.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use std::io::Cursor;
use thiserror::Error;

/// The most pixels of an image, as many as the largest result has.
pub(super) const PIXELS: u64 = 4096 * 4096;
/// The most bytes of a result.
pub(super) const RESULT: usize = 32 << 20;
/// The most bytes that a decoder takes in addition to the pixels.
const DECODER: u64 = 192 << 20;
/// The quality of a JPEG image, 1 to 100.
const QUALITY: u8 = 85;

/// Why an image is not resized. The owner of the task reads the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum Refusal {
    /// The data does not decode.
    #[error("The image is damaged, incomplete, or has another format than its first bytes say.")]
    Damaged,
    /// The header declares too many pixels.
    #[error("The image has more than {PIXELS} pixels.")]
    TooManyPixels,
    /// A decoder needs more memory than the limit.
    #[error("The image needs too much memory.")]
    TooMuchMemory,
    /// The result is too long.
    #[error("The resized image has more than {RESULT} bytes.")]
    ResultTooLong,
}

impl From<ImageError> for Refusal {
    fn from(error: ImageError) -> Self {
        if matches!(error, ImageError::Limits(_)) { Self::TooMuchMemory } else { Self::Damaged }
    }
}

/// The format of a file, from its first bytes.
pub(super) fn format(file: &[u8]) -> Option<ImageFormat> {
    if file.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some(ImageFormat::Png)
    } else if file.starts_with(b"\xff\xd8\xff") {
        Some(ImageFormat::Jpeg)
    } else if file.starts_with(b"RIFF") && file.get(8..12) == Some(b"WEBP") {
        Some(ImageFormat::WebP)
    } else {
        None
    }
}

/// Resizes an image to the largest size with its proportions that fits into `width` × `height`. A smaller image is
/// enlarged.
///
/// The result has the same format, eight bits for each channel, and no metadata. The rotation that Exif declares is applied.
pub(super) fn resize(file: &[u8], width: u32, height: u32) -> Result<Vec<u8>, Refusal> {
    let format = format(file).ok_or(Refusal::Damaged)?;
    if format == ImageFormat::Jpeg && !jpeg_ends(file) {
        return Err(Refusal::Damaged);
    }
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(DECODER);
    let mut reader = ImageReader::with_format(Cursor::new(file), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let (given_width, given_height) = decoder.dimensions();
    if u64::from(given_width) * u64::from(given_height) > PIXELS {
        return Err(Refusal::TooManyPixels);
    }
    let orientation = decoder.orientation()?;
    // Turned after resizing, which needs less memory. So the limits are those of the image that is not turned yet.
    let (width, height) = if is_sideways(orientation) { (height, width) } else { (width, height) };
    let mut image = eight_bits(DynamicImage::from_decoder(decoder)?);
    multiply_alpha(&mut image);
    image = image.resize(width, height, FilterType::Lanczos3);
    divide_alpha(&mut image);
    image.apply_orientation(orientation);
    let mut result = Vec::new();
    match format {
        ImageFormat::Png => image.write_with_encoder(PngEncoder::new(&mut result))?,
        ImageFormat::Jpeg => {
            let encoder = JpegEncoder::new_with_quality(&mut result, QUALITY);
            image.write_with_encoder(encoder)?;
        }
        _ => image.write_with_encoder(WebPEncoder::new_lossless(&mut result))?,
    }
    if result.len() > RESULT { Err(Refusal::ResultTooLong) } else { Ok(result) }
}

fn is_sideways(orientation: Orientation) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(orientation, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH)
}

fn eight_bits(image: DynamicImage) -> DynamicImage {
    match image {
        DynamicImage::ImageLuma16(_) => image.into_luma8().into(),
        DynamicImage::ImageLumaA16(_) => image.into_luma_alpha8().into(),
        DynamicImage::ImageRgb16(_) => image.into_rgb8().into(),
        DynamicImage::ImageRgba16(_) => image.into_rgba8().into(),
        _ => image,
    }
}

/// Whether the data of a JPEG image goes on to the marker of its end. The decoder fills the rest with grey if it does not.
fn jpeg_ends(file: &[u8]) -> bool {
    let mut rest = &file[2..];
    // Metadata can contain a small image with its own end, so this looks after the first marker of pixels (SOS).
    while let [0xff, marker, rest_of_file @ ..] = rest {
        rest = match marker {
            0xda => return rest_of_file.windows(2).any(|pair| pair == b"\xff\xd9"),
            0xff => &rest[1..],
            _ => match rest_of_file {
                [high, low, ..] => {
                    let length = usize::from(u16::from_be_bytes([*high, *low]));
                    rest_of_file.get(length..).unwrap_or_default()
                }
                _ => return false,
            },
        };
    }
    false
}

/// Weights each color by its alpha. Otherwise the color of transparent pixels would become visible at their edges.
fn multiply_alpha(image: &mut DynamicImage) {
    each_pixel(image, |color, alpha| u16::from(color) * u16::from(alpha) / 255);
}

/// Reverses [`multiply_alpha`].
fn divide_alpha(image: &mut DynamicImage) {
    each_pixel(image, |color, alpha| {
        (u16::from(color) * 255).checked_div(alpha.into()).unwrap_or(0)
    });
}

/// Changes the colors of an image that has alpha.
fn each_pixel(image: &mut DynamicImage, change: impl Fn(u8, u8) -> u16) {
    let (pixels, channels): (&mut [u8], usize) = match image {
        DynamicImage::ImageLumaA8(pixels) => (pixels, 2),
        DynamicImage::ImageRgba8(pixels) => (pixels, 4),
        _ => return,
    };
    for pixel in pixels.chunks_exact_mut(channels) {
        if let [colors @ .., alpha] = pixel {
            for color in colors {
                *color = u8::try_from(change(*color, *alpha)).unwrap_or(u8::MAX);
            }
        }
    }
}
