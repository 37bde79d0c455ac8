//! Files that are small, and take much memory or time.

use super::samples::{black, chunk, encoded, gradient, jpeg, png, png_data, riff, riff_part};
use super::{refusal, resizer};
use image::{ImageFormat, ImageReader};
use nix::sys::resource::{UsageWho, getrusage};
use std::io::Cursor;
use tasks::jobs::resize_image::NotResized;

/// The limit of the process, with the pages of its program.
const MOST_KIB: i64 = 480 << 10;
const TOO_MANY: &str = "The image has more than 16777216 pixels.";

fn size(file: &[u8]) -> (u32, u32) {
    let reader = ImageReader::new(Cursor::new(file)).with_guessed_format().unwrap();
    reader.into_dimensions().unwrap()
}

#[tokio::test]
async fn header_with_too_many_pixels_is_refused() {
    let processes = resizer();
    let black = png_data(&black(), b"IDAT");
    let photo = encoded(&gradient(16, 16), ImageFormat::Jpeg);
    // VP8L: a byte, then two times 14 bits with 10,000 less one.
    let large_webp = [&[0x2f][..], &(0x270f_u32 | 0x270f << 14).to_le_bytes(), &[0; 40]].concat();
    for (name, file, text) in [
        ("PNG", png(65_535, 65_535, &[], &black), TOO_MANY),
        ("PNG of one row", png(0x7fff_ffff, 1, &[], &black), "The image needs too much memory."),
        ("PNG above the limit", png(4096, 4097, &[], &black), TOO_MANY),
        ("JPEG", jpeg(&photo, 65_535, 65_535), TOO_MANY),
        ("WebP", riff(&[(b"VP8L", large_webp)]), TOO_MANY),
    ] {
        assert!(file.len() < 768 << 10);
        assert_eq!(refusal(processes.resize(&file, 100, 100).await), text, "{name}");
    }
}

#[tokio::test]
async fn memory_of_the_largest_images_is_bounded() {
    let processes = resizer();
    let file = black();
    assert!(file.len() < 768 << 10);
    // The work is largest if almost nothing becomes smaller.
    let resized = processes.resize(&file, 4095, 4095).await.unwrap();
    assert_eq!(size(&resized), (4095, 4095));
    let peak = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss();
    println!("peak of the largest child: {peak} KiB");
    assert!((64 << 10..MOST_KIB).contains(&peak), "{peak}");
}

#[tokio::test]
async fn more_data_than_the_header_declares_is_not_kept() {
    let processes = resizer();
    let zeros = png_data(&black(), b"IDAT");
    let named = |stream: &[u8]| [b"name\0\0", stream].concat();
    let pixel = png_data(&encoded(&gradient(1, 1).into_rgba8().into(), ImageFormat::Png), b"IDAT");
    let profile = chunk(b"iCCP", &named(&zeros));
    let text = chunk(b"zTXt", &named(&zeros));
    for (name, file) in [
        ("pixels", png(1, 1, &[], &zeros)),
        ("a profile", png(1, 1, &[profile], &pixel)),
        ("a text", png(1, 1, std::slice::from_ref(&text), &pixel)),
        ("ten texts", png(1, 1, &vec![text; 10], &pixel)),
    ] {
        match processes.resize(&file, 2, 2).await {
            Ok(resized) => assert_eq!(size(&resized), (2, 2), "{name}"),
            Err(NotResized::Refused(text)) => println!("{name}: {text}"),
            Err(other) => panic!("{name}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn animation_becomes_its_first_frame() {
    let still = encoded(&gradient(16, 16), ImageFormat::WebP);
    let frame = riff_part(b"VP8L", &still[20..]);
    // The place, the size less one, and the time of a frame.
    let head = [0, 0, 0, 0, 0, 0, 15, 0, 0, 15, 0, 0, 100, 0, 0, 0];
    let mut parts = vec![(b"VP8X", vec![2, 0, 0, 0, 15, 0, 0, 15, 0, 0]), (b"ANIM", vec![0; 6])];
    let frames = (700 << 10) / (frame.len() + 32);
    assert!(frames > 1000, "{frames}");
    parts.extend((0..frames).map(|_| (b"ANMF", [&head[..], &frame].concat())));
    let file = riff(&parts);
    let resized = resizer().resize(&file, 8, 8).await.unwrap();
    assert_eq!(size(&resized), (8, 8));
    assert!(resized.len() < 2 * still.len());
}

#[tokio::test]
async fn result_that_is_too_long_is_refused() {
    // Noise does not become smaller.
    let mut state = 1_u32;
    let noise = image::RgbaImage::from_fn(400, 400, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        image::Rgba((state | 0x80).to_be_bytes())
    });
    let file = encoded(&noise.into(), ImageFormat::Png);
    assert!(file.len() < 768 << 10);
    let text = refusal(resizer().resize(&file, 4096, 4096).await);
    assert_eq!(text, "The resized image has more than 33554432 bytes.");
}
