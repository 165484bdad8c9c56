//! Pictures that nobody sends by mistake.

use std::io::Cursor;

use image::{DynamicImage, Rgba};

use super::super::{Bounds, Format, Size};
use super::made::{
    chunk, flag, gif, glass, jpeg, png, png_pixels, png_start, riff, webp, webp_frame, webp_head, webp_of, webp_pixels,
    zlib,
};
use super::{made_of, refused};

fn measured(format: Format, bytes: &[u8]) -> String {
    match Size::read(&mut Cursor::new(bytes), format, &Bounds::default()) {
        Ok(size) => panic!("it was taken: {size:?}"),
        Err(why) => format!("{}: {why}", why.code()),
    }
}

fn jpeg_head(frame: u8, width: u16, height: u16) -> Vec<u8> {
    let [width, height] = [width, height].map(u16::to_be_bytes);
    let colours = [1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0];
    [&[0xff, 0xd8, 0xff, frame, 0, 17, 8][..], &height, &width, &[3], &colours].concat()
}

#[test]
fn what_claims_to_be_huge_is_refused_by_its_head() {
    let side = 50_000_u16.to_le_bytes();
    let huge = [
        (Format::Png, png_start(50_000, 50_000)),
        (Format::Jpeg, jpeg_head(0xc0, 50_000, 50_000)),
        (Format::Gif, [b"GIF89a".as_slice(), &side, &side, &[0, 0, 0]].concat()),
        (Format::Webp, webp_of(&[webp_head(0, 50_000, 50_000)])),
    ];
    for (format, bytes) in huge {
        // 40 bytes behind: the head is all that is there.
        assert_eq!(
            measured(format, &[bytes, vec![0; 40]].concat()),
            "too_large: The picture has 50000 × 50000 pixels; the most are 40 million, and 16384 on a side."
        );
    }
    assert!(measured(Format::Png, &[png_start(20_000, 10), vec![0; 40]].concat()).contains("20000 × 10"));
    let progressive = measured(Format::Jpeg, &jpeg_head(0xc2, 6_300, 6_300));
    assert!(progressive.starts_with("too_large: The picture would take 3"), "{progressive}");
    assert_eq!(
        measured(Format::Png, &[png_start(0, 10), chunk(b"IEND", &[])].concat()),
        "invalid: The picture has no pixels."
    );
}

#[test]
fn more_pixels_than_were_announced_are_not_decoded() {
    let bomb = zlib(&vec![0; 50 << 20]);
    let sent = [png_start(10, 10), chunk(b"IDAT", &bomb), chunk(b"IEND", &[])].concat();
    assert_eq!(refused(Format::Png, &sent), "invalid: The picture has more data than pixels.");

    // A small canvas around a large picture.
    let large = webp_pixels(&glass(300, 300));
    assert_eq!(refused(Format::Webp, &webp_of(&[webp_head(0x10, 10, 10), large])), "invalid: The picture is damaged.");
    let frames = [webp_head(0x12, 10, 10), riff(b"ANIM", &[0; 6]), webp_frame(&glass(300, 300), &[])];
    assert_eq!(refused(Format::Webp, &webp_of(&frames)), "invalid: The picture is damaged.");

    let mut moving = gif(&flag(64, 64), 2);
    moving[6..10].copy_from_slice(&[8, 0, 8, 0]);
    assert_eq!(refused(Format::Gif, &moving), "invalid: A frame of the picture is larger than the picture.");
}

#[test]
fn an_animation_that_would_keep_the_machine_busy_is_refused() {
    let line = png_pixels(4_000, 4_000, Rgba([0; 4]));
    let mut sent = [png_start(4_000, 4_000), chunk(b"acTL", &[0, 0, 0, 200, 0, 0, 0, 0])].concat();
    for number in 0..200_u32 {
        let control = [2 * number, 4_000, 4_000, 0, 0].map(u32::to_be_bytes).concat();
        sent.extend(chunk(b"fcTL", &[control, vec![0; 6]].concat()));
        if number == 0 {
            sent.extend(chunk(b"IDAT", &line));
        } else {
            sent.extend(chunk(b"fdAT", &[(2 * number + 1).to_be_bytes().as_slice(), &line].concat()));
        }
    }
    sent.extend(chunk(b"IEND", &[]));
    assert_eq!(refused(Format::Png, &sent), "too_large: The picture has too many frames for its size.");
}

#[test]
fn half_a_picture_is_refused() {
    let whole = [
        (Format::Png, png(&DynamicImage::ImageRgb8(flag(64, 64)))),
        (Format::Jpeg, jpeg(&flag(64, 64))),
        (Format::Gif, gif(&flag(64, 64), 1)),
        (Format::Webp, webp(&glass(64, 64))),
    ];
    for (format, bytes) in whole {
        made_of(format, &bytes).unwrap();
        let half = refused(format, &bytes[..bytes.len() / 2]);
        assert_eq!(half, "invalid: The file ends before the picture does.", "{format:?}");
    }
}

#[test]
fn what_begins_like_a_picture_and_is_a_program_is_refused() {
    let script = b"GIF89a/*<script>*/=1;alert(document.cookie)//";
    assert!(refused(Format::Gif, script).starts_with("too_large"), "the beginning of a comment is a size");
    let small = b"GIF89a/*\x08\0\0\0\0*/=1;alert(document.cookie)//";
    assert!(refused(Format::Gif, small).starts_with("invalid"));
    assert!(refused(Format::Jpeg, b"\xff\xd8\xff\xe0<html><script>alert(1)</script>").starts_with("invalid"));
    assert!(refused(Format::Png, b"\x89PNG\r\n\x1a\n<html><script>alert(1)</script>").starts_with("invalid"));
    assert!(refused(Format::Webp, b"RIFF\x20\0\0\0WEBP<script>alert(1)</script>").starts_with("invalid"));
}

#[test]
fn parts_of_a_page_between_the_pixels_are_found() {
    // Bytes behind the last pixel of a scan: every decoder passes over them.
    let plain = jpeg(&flag(64, 64));
    let sent = [&plain[..plain.len() - 2], b"<ScRiPt>alert(1)</script>", &[0xff, 0xd9]].concat();
    let why = "invalid: There are parts of a page or a document in this picture.";
    assert_eq!(refused(Format::Jpeg, &sent), why);

    // On the edge of what is read at a time: pixels that are not packed.
    for at in (65_536 - 12)..65_540 {
        let mut sent = plain[..plain.len() - 2].to_vec();
        sent.resize(at, 0x11);
        sent.extend(b"<?php system($_GET[0]);\xff\xd9");
        assert_eq!(refused(Format::Jpeg, &sent), why, "{at}");
    }
}
