//! What others see.

use image::{DynamicImage, Rgb};

use super::super::Format;
use super::made::{
    exif, flag, gif, glass, jpeg, png, profile, riff, webp_head, webp_of, webp_pixels, with_chunk, with_segment,
};
use super::made_of;

/// The nearest of three colours: JPEG changes them a little.
fn colour(pixel: image::Rgba<u8>) -> Rgb<u8> {
    Rgb([pixel.0[0], pixel.0[1], pixel.0[2]].map(|part| if part > 127 { 255 } else { 0 }))
}

const GREEN: Rgb<u8> = Rgb([0, 255, 0]);

/// Where the green corner is for each way of holding a camera: to the right, to the bottom.
const CORNERS: [(u8, bool, bool); 8] = [
    (1, false, false),
    (2, true, false),
    (3, true, true),
    (4, false, true),
    (5, false, false),
    (6, true, false),
    (7, true, true),
    (8, false, true),
];

#[test]
fn a_picture_that_was_held_sideways_is_turned() {
    for (orientation, right, bottom) in CORNERS {
        let size = if orientation < 5 { (80, 48) } else { (48, 80) };
        let note = exif(orientation);
        let pixels = DynamicImage::ImageRgb8(flag(80, 48)).to_rgba8();
        let sent = [
            (Format::Jpeg, with_segment(&jpeg(&flag(80, 48)), 0xe1, &[b"Exif\0\0".to_vec(), note.clone()].concat())),
            (Format::Png, with_chunk(&png(&DynamicImage::ImageRgb8(flag(80, 48))), b"eXIf", &note)),
            (Format::Webp, webp_of(&[webp_head(8, 80, 48), webp_pixels(&pixels), riff(b"EXIF", &note)])),
        ];
        for (format, sent) in sent {
            let made = made_of(format, &sent).unwrap();
            assert_eq!((made.said.width, made.said.height), size, "{format:?} {orientation}");
            assert!(!made.holds(b"Latitude"), "{format:?}");
            for pixels in [made.pixels(), made.small()] {
                assert_eq!(pixels.dimensions(), size, "{format:?} {orientation}");
                let at = |far: bool, side: u32| if far { side - 4 } else { 3 };
                let corner = pixels.get_pixel(at(right, size.0), at(bottom, size.1));
                assert_eq!(colour(*corner), GREEN, "{format:?} {orientation}");
            }
        }
    }
}

#[test]
fn a_turned_picture_keeps_its_colours() {
    let sent = with_segment(&jpeg(&flag(80, 48)), 0xe1, &[b"Exif\0\0".to_vec(), exif(6)].concat());
    let sent = with_segment(&sent, 0xe2, &[b"ICC_PROFILE\0\x01\x01".to_vec(), profile()].concat());
    let made = made_of(Format::Jpeg, &sent).unwrap();
    assert!(made.holds(b"ICC_PROFILE\0\x01\x01"));
    assert!(made.thumbnail.windows(12).any(|part| part == b"ICC_PROFILE\0"));
}

#[test]
fn thumbnails_are_small_and_see_through_where_the_picture_is() {
    let made = made_of(Format::Jpeg, &jpeg(&flag(1_000, 500))).unwrap();
    let small = made.said.thumbnail;
    assert_eq!((small.format, small.width, small.height), (Format::Jpeg, 320, 160));
    assert_eq!(colour(*made.small().get_pixel(10, 10)), GREEN);

    let made = made_of(Format::Png, &png(&DynamicImage::ImageRgba8(glass(500, 1_000)))).unwrap();
    let small = made.said.thumbnail;
    assert_eq!((small.format, small.width, small.height), (Format::Png, 160, 320));
    assert_eq!(made.small().get_pixel(150, 10).0[3], 90);

    // What could be seen through and is not needs no PNG; what is small already stays as large as it is.
    let opaque = DynamicImage::ImageRgb8(flag(30, 20)).to_rgba8();
    let small = made_of(Format::Png, &png(&opaque.into())).unwrap().said.thumbnail;
    assert_eq!((small.format, small.width, small.height), (Format::Jpeg, 30, 20));
}

#[test]
fn the_thumbnail_of_a_picture_that_moves_is_its_first_frame() {
    let made = made_of(Format::Gif, &gif(&flag(64, 64), 4)).unwrap();
    assert_eq!(colour(*made.small().get_pixel(4, 4)), GREEN);
}

#[test]
fn more_than_eight_bits_and_greys_are_taken() {
    let deep = DynamicImage::ImageRgb8(flag(40, 40)).to_rgba16();
    let made = made_of(Format::Png, &png(&deep.into())).unwrap();
    assert_eq!(colour(*made.small().get_pixel(4, 4)), GREEN);
    let grey = DynamicImage::ImageRgb8(flag(40, 40)).to_luma8();
    made_of(Format::Png, &png(&grey.into())).unwrap();
}
