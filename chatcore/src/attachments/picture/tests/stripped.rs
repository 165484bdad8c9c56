//! What others do not get to see.

use image::DynamicImage;

use super::super::Format;
use super::made::{
    apng, chunk, exif, flag, gif, glass, jpeg, png, profile, riff, webp, webp_frame, webp_head, webp_of, webp_pixels,
    with_chunk, with_segment, zlib,
};
use super::{Made, made_of};

const SECRETS: [&[u8]; 8] =
    [b"Latitude", b"Exif", b"eXIf", b"Ana at home", b"adobe.com/xap", b"<html", b"PK\x03\x04", b"PK\x05\x06"];

/// An archive with a page in it, as far as anybody looks.
const APPENDED: &[u8] = b"PK\x03\x04<html><script>alert(1)</script>PK\x05\x06";

fn assert_no_secret(made: &Made) {
    for secret in SECRETS {
        assert!(!made.holds(secret), "{}", secret.escape_ascii());
    }
}

#[test]
fn png_is_stripped_and_keeps_its_pixels_and_colours() {
    let image = DynamicImage::ImageRgba8(glass(60, 40));
    let plain = png(&image);
    let mut sent = with_chunk(&plain, b"eXIf", &exif(1));
    sent = with_chunk(&sent, b"tEXt", b"Comment\0Ana at home <html><script>");
    sent = with_chunk(&sent, b"zTXt", &[b"c\0\0".to_vec(), zlib(b"Ana at home")].concat());
    sent = with_chunk(&sent, b"prVt", b"Ana at home");
    let profile = [b"Ana at home\0\0".to_vec(), zlib(&[profile(), b"Ana at home".to_vec()].concat())].concat();
    sent = with_chunk(&sent, b"iCCP", &profile);
    sent.extend_from_slice(APPENDED);
    let made = made_of(Format::Png, &sent).unwrap();
    assert_no_secret(&made);
    assert_eq!(made.pixels(), image.to_rgba8());
    assert!(made.holds(b"iCCPicc\0"), "the profile stays");
    // Nothing but the profile was added.
    let added = chunk(b"iCCP", &[b"icc\0\0".to_vec(), zlib(&super::made::profile())].concat()).len();
    assert!(made.cleaned.len() <= plain.len() + added + 8, "{} {}", made.cleaned.len(), plain.len());
}

#[test]
fn bytes_behind_the_pixels_of_a_png_go_too() {
    let coded = super::made::png_pixels(8, 8, image::Rgba([1, 2, 3, 255]));
    let hidden = [coded.as_slice(), b"Ana at home"].concat();
    let sent =
        [super::made::png_start(8, 8), chunk(b"IDAT", &hidden), chunk(b"IDAT", b"Ana at home"), chunk(b"IEND", &[])];
    let made = made_of(Format::Png, &sent.concat()).unwrap();
    assert!(!made.holds(b"Ana at home"));
    assert_eq!(made.pixels().get_pixel(7, 7).0, [1, 2, 3, 255]);
}

#[test]
fn jpeg_is_stripped_and_keeps_its_pixels_and_colours() {
    let plain = jpeg(&flag(60, 40));
    let mut sent = with_segment(&plain, 0xe1, &[b"Exif\0\0".to_vec(), exif(1)].concat());
    sent = with_segment(&sent, 0xe1, b"http://ns.adobe.com/xap/1.0/\0Ana at home");
    sent = with_segment(&sent, 0xed, b"Photoshop 3.0\0Ana at home");
    sent = with_segment(&sent, 0xfe, b"Ana at home <html><script>");
    sent = with_segment(&sent, 0xe2, &[b"ICC_PROFILE\0\x01\x01".to_vec(), profile(), b"Ana at home".to_vec()].concat());
    sent = with_segment(&sent, 0xe2, b"MPF\0Ana at home");
    sent.extend_from_slice(APPENDED);
    let made = made_of(Format::Jpeg, &sent).unwrap();
    assert_no_secret(&made);
    assert!(made.holds(b"ICC_PROFILE\0\x01\x01"), "the profile stays");
    assert_eq!(made.pixels(), image::load_from_memory(&plain).unwrap().to_rgba8(), "not coded again");
    assert!(made.cleaned.ends_with(&plain[plain.len() - 40..]), "byte for byte");
}

#[test]
fn gif_is_stripped_and_moves_on() {
    let plain = gif(&flag(32, 32), 3);
    let start = 13 + if plain[10] & 0x80 == 0 { 0 } else { 3 << ((plain[10] & 7) + 1) };
    let comment = b"!\xfe\x0bAna at home\0!\xff\x0bXMP DataXMP\x0bAna at home\0";
    let sent = [&plain[..start], comment, &plain[start..], APPENDED].concat();
    let made = made_of(Format::Gif, &sent).unwrap();
    assert_no_secret(&made);
    assert!(made.said.animated);
    assert!(made.holds(b"NETSCAPE2.0\x03\x01\0\0"), "as often as it was");
    assert_eq!(made.cleaned, plain);
}

#[test]
fn webp_is_stripped_and_keeps_its_pixels_and_colours() {
    let image = glass(33, 21);
    let chunks = [
        webp_head(0x20 | 0x10 | 0x08 | 0x04, 33, 21),
        riff(b"ICCP", &profile()),
        webp_pixels(&image),
        riff(b"EXIF", &exif(1)),
        riff(b"XMP ", b"<x>adobe.com/xap Ana at home"),
        riff(b"what", b"Ana at home"),
    ];
    let sent = [webp_of(&chunks), APPENDED.to_vec()].concat();
    let made = made_of(Format::Webp, &sent).unwrap();
    assert_no_secret(&made);
    assert_eq!(made.pixels(), image);
    assert_eq!(
        made.cleaned,
        webp_of(&[webp_head(0x20 | 0x10, 33, 21), riff(b"ICCP", &profile()), webp_pixels(&image)])
    );
    // The short form.
    let plain = webp(&image);
    assert_eq!(made_of(Format::Webp, &[plain.as_slice(), APPENDED].concat()).unwrap().cleaned, plain);
}

#[test]
fn a_webp_that_moves_is_stripped_inside_its_frames_too() {
    let (image, timing) = (glass(20, 10), riff(b"ANIM", &[0; 6]));
    let hidden = [riff(b"EXIF", b"Ana at home")];
    let frames = [webp_frame(&image, &hidden), webp_frame(&image, &[])];
    let sent = webp_of(&[webp_head(0x12, 20, 10), timing.clone(), frames[0].clone(), frames[1].clone()]);
    let made = made_of(Format::Webp, &sent).unwrap();
    assert!(made.said.animated);
    assert!(!made.holds(b"Ana at home"));
    let clean = webp_frame(&image, &[]);
    assert_eq!(made.cleaned, webp_of(&[webp_head(0x12, 20, 10), timing, clean.clone(), clean]));
}

#[test]
fn a_png_that_moves_goes_on_moving() {
    let sent = with_chunk(&apng(), b"tEXt", b"Comment\0Ana at home");
    let made = made_of(Format::Png, &sent).unwrap();
    assert!(made.said.animated);
    assert!(!made.holds(b"Ana at home"));
    assert_eq!(made.cleaned, apng());
}
