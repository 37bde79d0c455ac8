//! Truncated, mislabelled and damaged files. Each one ends as an image or as a text for its owner.

use super::samples::{FORMATS, encoded, gradient};
use super::{DAMAGED, refusal, resizer};
use image::ImageFormat;
use tasks::jobs::resize_image::NotResized;

/// The damaged files, for each format.
const DAMAGES: u64 = 170;

#[tokio::test]
async fn truncated_file_is_refused_at_every_length() {
    let processes = resizer();
    for (format, _) in FORMATS {
        let file = encoded(&gradient(40, 30), format);
        // All pixels of a PNG image come before its checksums and its last chunk, which is empty.
        let whole = file.len() - if format == ImageFormat::Png { 24 } else { 0 };
        let lengths: Vec<_> =
            (0..40).map(|part| part * whole / 40).chain(whole - 8..whole).collect();
        assert_eq!(lengths.len(), 48);
        for length in lengths {
            let resized = processes.resize(&file[..length], 20, 20).await;
            assert_eq!(refusal(resized), DAMAGED, "{format:?} {length}");
        }
        assert!(processes.resize(&file, 20, 20).await.is_ok(), "{format:?}");
    }
}

#[tokio::test]
async fn mislabelled_file_is_refused() {
    let processes = resizer();
    let files = FORMATS.map(|(format, _)| encoded(&gradient(40, 30), format));
    // Long enough for the first bytes of each format.
    let body = |file: &[u8]| file[12..].to_vec();
    let [png, jpeg, webp] = &files;
    for (name, file) in [
        ("PNG with the body of JPEG", [&png[..8], jpeg].concat()),
        ("PNG with the body of WebP", [&png[..8], &body(webp)].concat()),
        ("JPEG with the body of PNG", [&jpeg[..3], png].concat()),
        ("JPEG with a text", [&jpeg[..3], &b"a text\n".repeat(100)].concat()),
        ("WebP with the body of JPEG", [&webp[..12], jpeg].concat()),
        ("a text", b"a text\n".repeat(100)),
        ("a ZIP archive", [&b"PK\x03\x04"[..], &[0; 100]].concat()),
        ("SVG", b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>".to_vec()),
        ("GIF", b"GIF89a\x01\0\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\0;".to_vec()),
        ("a wave", b"RIFF\x24\0\0\0WAVEfmt \0\0\0\0".to_vec()),
        ("nothing", Vec::new()),
    ] {
        assert_eq!(refusal(processes.resize(&file, 20, 20).await), DAMAGED, "{name}");
    }
}

/// The seed is constant, so a failure repeats.
#[tokio::test]
async fn damaged_bytes_end_as_an_image_or_a_text() {
    let processes = resizer();
    let (mut resized, mut refused, mut state) = (0, 0, 20_261_128_u64);
    let mut random = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap()
    };
    for (format, _) in FORMATS {
        let whole = encoded(&gradient(24, 16), format);
        for damage in 0..DAMAGES {
            let mut file = whole.clone();
            for _ in 0..=damage % 8 {
                let place = 12 + random() % (file.len() - 12);
                file[place] = u8::try_from(random() % 256).unwrap();
            }
            match processes.resize(&file, 20, 20).await {
                Ok(_) => resized += 1,
                Err(NotResized::Refused(text)) => {
                    refused += 1;
                    assert!(text.starts_with("The image ") && text.ends_with('.'), "{text}");
                    assert!(!text.contains('/'), "{text}");
                }
                Err(other) => panic!("{format:?} {damage}: {other:?}"),
            }
        }
    }
    println!("{resized} resized, {refused} refused");
    assert_eq!(resized + refused, 3 * DAMAGES);
    assert!(resized > 20 && refused > 20, "{resized} {refused}");
}
