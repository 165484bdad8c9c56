//! Pictures, and what is put into them.

use std::io::{Cursor, Write as _};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

/// Colours that run into each other, with so much noise on them.
pub(crate) fn noisy(width: u32, height: u32, noise: u32) -> RgbImage {
    let mut state = 0x9e37_79b9_u32;
    RgbImage::from_fn(width, height, |x, y| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let shade = |base: u32, bits: u32| u8::try_from(base * 200 / 4_000 + bits % noise).unwrap_or(u8::MAX);
        Rgb([shade(x, state), shade(y, state >> 8), shade(x.midpoint(y), state >> 16)])
    })
}

pub(crate) fn jpeg(picture: &RgbImage, quality: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(picture).expect("it is coded");
    bytes
}

/// One of the formats.
pub(crate) fn coded(picture: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(picture.clone()).write_to(&mut bytes, format).expect("it is coded");
    bytes.into_inner()
}

/// A chunk of a PNG.
pub(crate) fn chunk(name: &[u8], content: &[u8]) -> Vec<u8> {
    let named = [name, content].concat();
    let length = u32::try_from(content.len()).expect("it is short");
    [&length.to_be_bytes(), named.as_slice(), &crc32fast::hash(&named).to_be_bytes()].concat()
}

/// The beginning of a PNG of eight bits in four colours.
pub(crate) fn png_start(width: u32, height: u32) -> Vec<u8> {
    let head = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 6, 0, 0, 0]].concat();
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(b"IHDR", &head)].concat()
}

/// So many zeros in few bytes.
pub(crate) fn packed_zeros(bytes: usize) -> Vec<u8> {
    let mut coded = ZlibEncoder::new(Vec::new(), Compression::best());
    coded.write_all(&vec![0; bytes]).and_then(|()| coded.finish()).expect("it is coded")
}
