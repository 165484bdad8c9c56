//! Whatever the bytes: no panic, and what is taken is clean.

use image::DynamicImage;
use proptest::prelude::*;
use proptest::sample::Index;

use super::super::Format;
use super::made::{
    apng, exif, flag, gif, glass, jpeg, png, riff, webp, webp_frame, webp_head, webp_of, with_chunk, with_segment,
};
use super::{Made, made_of};

fn whole() -> Vec<(Format, Vec<u8>)> {
    let note = exif(6);
    vec![
        (Format::Png, with_chunk(&png(&DynamicImage::ImageRgb8(flag(24, 16))), b"eXIf", &note)),
        (Format::Png, png(&DynamicImage::ImageRgba8(glass(24, 16)))),
        (Format::Png, apng()),
        (Format::Jpeg, with_segment(&jpeg(&flag(24, 16)), 0xe1, &[b"Exif\0\0".to_vec(), note].concat())),
        (Format::Gif, gif(&flag(24, 16), 2)),
        (Format::Webp, webp(&glass(24, 16))),
        (
            Format::Webp,
            webp_of(&[
                webp_head(0x12, 24, 16),
                riff(b"ANIM", &[0; 6]),
                webp_frame(&glass(24, 16), &[]),
                webp_frame(&glass(24, 16), &[]),
            ]),
        ),
    ]
}

/// Whether it is taken; if so, it is what it will be: cleaning it again changes nothing.
fn check(format: Format, bytes: &[u8]) {
    let Ok(made) = made_of(format, bytes) else { return };
    let again = made_of(format, &made.cleaned).expect("what was cleaned is taken");
    assert_eq!(again.cleaned, made.cleaned);
    let seen = |made: &Made| (made.said.width, made.said.height, made.said.animated);
    assert_eq!(seen(&again), seen(&made));
    assert!(made.said.thumbnail.width.max(made.said.thumbnail.height) <= 320);
}

/// Checksums of a PNG as they have to be, so that changes come further than to the first of them.
fn mended(mut bytes: Vec<u8>) -> Vec<u8> {
    let mut at = 8;
    while let Some(length) = bytes.get(at..at + 4) {
        let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]) as usize;
        let end = at.saturating_add(8).saturating_add(length);
        let Some(named) = bytes.get(at + 4..end) else { break };
        let sum = crc32fast::hash(named).to_be_bytes();
        let Some(place) = bytes.get_mut(end..end + 4) else { break };
        place.copy_from_slice(&sum);
        at = end + 4;
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_pictures_break_nothing(
        which in 0..7_usize,
        replaced in prop::collection::vec((any::<Index>(), any::<u8>()), 1..6),
        mend in any::<bool>(),
    ) {
        let (format, mut bytes) = whole().swap_remove(which);
        for (at, byte) in replaced {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let bytes = if mend && format == Format::Png { mended(bytes) } else { bytes };
        check(format, &bytes);
    }

    #[test]
    fn pictures_cut_anywhere_break_nothing(which in 0..7_usize, from in any::<Index>(), to in any::<Index>(), times in 0..3_usize) {
        let (format, mut bytes) = whole().swap_remove(which);
        let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
        let piece = bytes[from.min(to)..from.max(to)].repeat(times);
        bytes.splice(from.min(to)..from.max(to), piece);
        check(format, &bytes);
    }

    #[test]
    fn bytes_behind_a_beginning_break_nothing(which in 0..7_usize, keep in 0..40_usize, tail in prop::collection::vec(any::<u8>(), 0..400)) {
        let (format, bytes) = whole().swap_remove(which);
        check(format, &[&bytes[..keep.min(bytes.len())], &tail].concat());
    }
}

#[test]
fn every_beginning_of_a_picture_breaks_nothing() {
    for (format, bytes) in whole() {
        check(format, &bytes);
        (0..bytes.len()).for_each(|end| check(format, &bytes[..end]));
    }
}
