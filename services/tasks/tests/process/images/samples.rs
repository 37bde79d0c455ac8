//! Images, valid and not, that the tests make.

use image::{DynamicImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use std::io::Cursor;

/// The formats of the job, with their media types.
pub(crate) const FORMATS: [(ImageFormat, &str); 3] = [
    (ImageFormat::Png, "image/png"),
    (ImageFormat::Jpeg, "image/jpeg"),
    (ImageFormat::WebP, "image/webp"),
];

/// A gradient: red grows to the right, green downwards.
pub(crate) fn gradient(width: u32, height: u32) -> DynamicImage {
    let part = |at: u32, of: u32| u8::try_from(at * 255 / of).unwrap();
    RgbImage::from_fn(width, height, |x, y| Rgb([part(x, width), part(y, height), 40])).into()
}

/// Transparent, with a hidden green, except for the left half, which is red.
pub(crate) fn half_transparent(width: u32, height: u32) -> DynamicImage {
    let color = |x| if x < width / 2 { [255, 0, 0, 255] } else { [0, 255, 0, 0] };
    RgbaImage::from_fn(width, height, |x, _| Rgba(color(x))).into()
}

pub(crate) fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    image.write_to(&mut file, format).unwrap();
    file.into_inner()
}

pub(crate) fn decoded(file: &[u8], format: ImageFormat) -> DynamicImage {
    image::load_from_memory_with_format(file, format).unwrap()
}

/// A PNG image of 4096 × 4096 black pixels: 64 MiB in a few bytes.
pub(crate) fn black() -> Vec<u8> {
    encoded(&RgbaImage::new(4096, 4096).into(), ImageFormat::Png)
}

/// A chunk of a PNG image.
pub(crate) fn chunk(kind: &[u8], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap().to_be_bytes();
    let checked = [kind, data].concat();
    [&length[..], &checked, &crc(&checked).to_be_bytes()].concat()
}

fn crc(data: &[u8]) -> u32 {
    !data.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 }
        })
    })
}

/// The data of the chunks of a kind, together.
pub(crate) fn png_data(png: &[u8], kind: &[u8]) -> Vec<u8> {
    let (mut rest, mut found) = (&png[8..], Vec::new());
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        if after.starts_with(kind) {
            found.extend_from_slice(&after[4..4 + length]);
        }
        rest = &after[4 + length + 4..];
    }
    found
}

/// A PNG image of RGBA pixels with this size in its header, other chunks after it, and this data.
pub(crate) fn png(width: u32, height: u32, others: &[Vec<u8>], data: &[u8]) -> Vec<u8> {
    let head = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 6, 0, 0, 0]].concat();
    let parts = [chunk(b"IHDR", &head), others.concat(), chunk(b"IDAT", data), chunk(b"IEND", b"")];
    [&b"\x89PNG\r\n\x1a\n"[..], &parts.concat()].concat()
}

/// A JPEG image with the size of another one in its header.
pub(crate) fn jpeg(file: &[u8], width: u16, height: u16) -> Vec<u8> {
    let mut file = file.to_vec();
    let start = file.windows(2).position(|pair| pair == b"\xff\xc0").unwrap();
    file[start + 5..start + 7].copy_from_slice(&height.to_be_bytes());
    file[start + 7..start + 9].copy_from_slice(&width.to_be_bytes());
    file
}

/// A JPEG image with Exif metadata: the orientation, and a text.
pub(crate) fn with_exif(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
    exif.extend(b"at home");
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], b"\xff\xe1", &length, &exif, &jpeg[2..]].concat()
}

/// A WebP file of these parts.
pub(crate) fn riff(parts: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut body = b"WEBP".to_vec();
    for (kind, data) in parts {
        body.extend_from_slice(&riff_part(*kind, data));
    }
    [&b"RIFF"[..], &u32::try_from(body.len()).unwrap().to_le_bytes(), &body].concat()
}

pub(crate) fn riff_part(kind: &[u8], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap().to_le_bytes();
    [kind, &length[..], data, &[0][..data.len() % 2]].concat()
}
