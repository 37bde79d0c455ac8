//! Each format, with exact sizes and without metadata.

use super::resizer;
use super::samples::{
    FORMATS, chunk, decoded, encoded, gradient, half_transparent, png, png_data, with_exif,
};
use image::{DynamicImage, GenericImageView, ImageFormat, ImageReader};
use std::io::Cursor;

#[tokio::test]
async fn image_is_the_largest_that_fits_in_its_format() {
    let processes = resizer();
    let mut tested = 0;
    for (format, _) in FORMATS {
        for (given, bounds, expected) in [
            ((64, 48), (32, 32), (32, 24)),
            ((48, 64), (32, 32), (24, 32)),
            ((64, 48), (64, 48), (64, 48)),
            ((64, 48), (640, 480), (640, 480)),
            ((64, 48), (4096, 96), (128, 96)),
            ((1, 1), (9, 5), (5, 5)),
            ((300, 1), (10, 10), (10, 1)),
            ((33, 17), (10, 10), (10, 5)),
        ] {
            let file = encoded(&gradient(given.0, given.1), format);
            let resized = processes.resize(&file, bounds.0, bounds.1).await.unwrap();
            let reader = ImageReader::new(Cursor::new(&resized)).with_guessed_format().unwrap();
            assert_eq!(reader.format(), Some(format));
            assert_eq!(reader.into_dimensions().unwrap(), expected, "{format:?} {given:?}");
            tested += 1;
        }
    }
    assert_eq!(tested, 24);
}

#[tokio::test]
async fn pixels_stay_where_they_are() {
    for (format, _) in FORMATS {
        let file = encoded(&gradient(200, 100), format);
        let resized = resizer().resize(&file, 100, 100).await.unwrap();
        let (resized, expected) = (decoded(&resized, format), gradient(100, 50));
        for (x, y) in [(2, 2), (97, 2), (2, 47), (97, 47), (50, 25)] {
            let (pixel, other) = (resized.get_pixel(x, y), expected.get_pixel(x, y));
            let near = pixel.0.iter().zip(other.0).all(|(one, two)| one.abs_diff(two) < 12);
            assert!(near, "{format:?} {x} {y}: {pixel:?} {other:?}");
        }
    }
}

#[tokio::test]
async fn every_color_type_of_png_is_read() {
    let image = half_transparent(30, 30);
    for (image, channels) in [
        (DynamicImage::from(image.to_luma8()), 1),
        (image.to_luma_alpha8().into(), 2),
        (image.to_rgb8().into(), 3),
        (image.to_rgba8().into(), 4),
        (image.to_luma16().into(), 1),
        (image.to_luma_alpha16().into(), 2),
        (image.to_rgb16().into(), 3),
        (image.to_rgba16().into(), 4),
    ] {
        let file = encoded(&image, ImageFormat::Png);
        let resized = resizer().resize(&file, 10, 20).await.unwrap();
        let resized = decoded(&resized, ImageFormat::Png);
        assert_eq!(resized.dimensions(), (10, 10));
        assert_eq!(resized.color().channel_count(), channels);
        assert_eq!(resized.color().bytes_per_pixel(), channels);
    }
}

#[tokio::test]
async fn color_of_transparent_pixels_stays_hidden() {
    for format in [ImageFormat::Png, ImageFormat::WebP] {
        let file = encoded(&half_transparent(90, 90), format);
        let resized = resizer().resize(&file, 31, 31).await.unwrap();
        let resized = decoded(&resized, format).into_rgba8();
        assert_eq!(resized.dimensions(), (31, 31));
        assert_eq!(resized.get_pixel(3, 15).0, [255, 0, 0, 255]);
        assert_eq!(resized.get_pixel(28, 15).0[3], 0);
        assert!(resized.pixels().all(|pixel| pixel.0[1] == 0), "{format:?}");
    }
}

#[tokio::test]
async fn orientation_of_exif_is_applied_and_its_metadata_is_dropped() {
    let file = encoded(&gradient(80, 40), ImageFormat::Jpeg);
    // The red and the green of the corner at the top left, and the size.
    for (orientation, red, green, size) in [
        (1, 0, 0, (40, 20)),
        (2, 255, 0, (40, 20)),
        (3, 255, 255, (40, 20)),
        (4, 0, 255, (40, 20)),
        (5, 0, 0, (30, 60)),
        (6, 0, 255, (30, 60)),
        (7, 255, 255, (30, 60)),
        (8, 255, 0, (30, 60)),
    ] {
        let file = with_exif(&file, orientation);
        assert!(file.windows(7).any(|part| part == b"at home"));
        let resized = resizer().resize(&file, 40, 60).await.unwrap();
        assert!(!resized.windows(7).any(|part| part == b"at home"));
        assert!(!resized.windows(4).any(|part| part == b"Exif"));
        let resized = decoded(&resized, ImageFormat::Jpeg);
        assert_eq!(resized.dimensions(), size, "{orientation}");
        let corner = resized.get_pixel(0, 0).0;
        let near = corner[0].abs_diff(red) < 40 && corner[1].abs_diff(green) < 40;
        assert!(near, "{orientation}: {corner:?}");
    }
}

#[tokio::test]
async fn texts_of_png_are_dropped() {
    let data = png_data(&encoded(&half_transparent(8, 8), ImageFormat::Png), b"IDAT");
    let others = [chunk(b"tEXt", b"Comment\0at home"), chunk(b"eXIf", b"at home")];
    let file = png(8, 8, &others, &data);
    let resized = resizer().resize(&file, 4, 4).await.unwrap();
    assert!(!resized.windows(7).any(|part| part == b"at home"));
    assert_eq!(png_data(&resized, b"tEXt"), b"");
    assert_ne!(png_data(&resized, b"IDAT"), b"");
}
