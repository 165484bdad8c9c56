//! The square that others see somebody by.

use std::io::{Cursor, Read, Seek, Write};

use image::{DynamicImage, RgbaImage};

use super::super::{Bounds, Format, Memory, Size, square};
use super::futures_now;
use super::made::{exif, flag, gif, glass, jpeg, png, profile, with_chunk, with_segment, zlib};
use crate::attachments::Unfit;

const SIDE: u32 = 256;

fn square_of(format: Format, bytes: &[u8]) -> Result<(Format, Vec<u8>, RgbaImage), Unfit> {
    let bounds = Bounds::default();
    let size = Size::read(&mut Cursor::new(bytes), format, &bounds)?;
    let room = futures_now(Memory::new(bounds.memory).reserve(&size));
    let [mut source, mut parts, mut made] = [(); 3].map(|()| tempfile::tempfile().expect("a file"));
    source.write_all(bytes).expect("it is written");
    let said = square(&size, room, SIDE, &mut source, &mut parts, &mut made)?;
    let mut written = Vec::new();
    made.rewind().and_then(|()| made.read_to_end(&mut written)).expect("it can be read");
    let pixels = image::load_from_memory(&written).expect("it can be decoded").to_rgba8();
    assert_eq!((said.width, said.height, said.bytes), (pixels.width(), pixels.height(), written.len() as u64));
    Ok((said.format, written, pixels))
}

#[test]
fn it_is_the_middle_and_never_larger_than_the_picture() {
    for (width, height, side) in
        [(1_000, 400, SIDE), (300, 2_000, SIDE), (256, 256, 256), (80, 48, 48), (1, 9, 1), (1, 1, 1), (4_000, 3, 3)]
    {
        // Red to the left of the middle square, blue to its right, green in it; the same from top to bottom.
        let (all, long) = (width.min(height), width.max(height));
        let picture = image::RgbImage::from_fn(width, height, |x, y| {
            let (at, from) = (x.max(y), (long - all) / 2);
            let in_square = |at: u32| (from..from + all).contains(&at);
            match (width >= height, at) {
                (true, _) if !in_square(x) => image::Rgb([255, 0, 0]),
                (false, _) if !in_square(y) => image::Rgb([255, 0, 0]),
                _ => image::Rgb([0, 255, 0]),
            }
        });
        let (format, _, pixels) = square_of(Format::Png, &png(&DynamicImage::ImageRgb8(picture))).unwrap();
        assert_eq!((pixels.dimensions(), format), ((side, side), Format::Jpeg), "{width} × {height}");
        let green = pixels.pixels().filter(|pixel| pixel.0[1] > 200 && pixel.0[0] < 60).count();
        assert_eq!(green, pixels.pixels().len(), "{width} × {height}: something beside the middle");
    }
}

#[test]
fn one_that_was_held_sideways_is_turned_and_says_nothing_of_where() {
    let picture = flag(80, 80);
    let upright = square_of(Format::Jpeg, &jpeg(&picture)).unwrap().2;
    let sent = with_segment(&jpeg(&picture), 0xe1, &[b"Exif\0\0".to_vec(), exif(3)].concat());
    let (_, written, turned) = square_of(Format::Jpeg, &sent).unwrap();
    assert!(!written.windows(8).any(|part| part == b"Latitude"));
    let corners = [(3, 3), (76, 3), (3, 76), (76, 76)];
    for (x, y) in corners {
        let (was, is) = (upright.get_pixel(x, y), turned.get_pixel(79 - x, 79 - y));
        let near = was.0.iter().zip(is.0).all(|(was, is)| was.abs_diff(is) < 60);
        assert!(near, "{x} {y}: {was:?} {is:?}");
    }
    assert_ne!(upright.get_pixel(3, 3).0.map(|part| part > 127), turned.get_pixel(3, 3).0.map(|part| part > 127));
}

#[test]
fn what_can_be_seen_through_stays_so_and_one_that_moves_stands_still() {
    let (format, _, pixels) = square_of(Format::Png, &png(&DynamicImage::ImageRgba8(glass(600, 400)))).unwrap();
    assert_eq!((format, pixels.dimensions()), (Format::Png, (SIDE, SIDE)));
    assert!(pixels.pixels().any(|pixel| pixel.0[3] < 255));
    let (format, written, _) = square_of(Format::Gif, &gif(&flag(80, 48), 2)).unwrap();
    assert!(matches!(format, Format::Jpeg | Format::Png), "{format:?}");
    assert!(!written.starts_with(b"GIF"));
}

#[test]
fn what_a_grey_picture_says_of_its_greys_is_not_said_of_colours() {
    let shade = |x, _| image::Luma([u8::try_from(x % 256).unwrap_or(0)]);
    let plain = png(&DynamicImage::ImageLuma8(image::GrayImage::from_fn(300, 300, shade)));
    let mut of_greys = profile();
    of_greys[16..20].copy_from_slice(b"GRAY");
    let sent = with_chunk(&plain, b"iCCP", &[b"icc\0\0".to_vec(), zlib(&of_greys)].concat());
    let (format, written, pixels) = square_of(Format::Png, &sent).unwrap();
    assert!(pixels.pixels().all(|pixel| pixel.0[0].abs_diff(pixel.0[2]) < 8));
    assert!(format == Format::Jpeg && !written.windows(4).any(|part| part == b"GRAY"));
    // Of colours it is kept.
    let sent = with_segment(&jpeg(&flag(300, 300)), 0xe2, &[b"ICC_PROFILE\0\x01\x01".to_vec(), profile()].concat());
    let (_, written, _) = square_of(Format::Jpeg, &sent).unwrap();
    assert!(written.windows(11).any(|part| part == b"ICC_PROFILE"));
}
