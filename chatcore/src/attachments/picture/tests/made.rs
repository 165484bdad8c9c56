//! Pictures, and parts of pictures.

use std::io::{Cursor, Write};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use image::codecs::gif::{GifEncoder, Repeat};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::{Delay, DynamicImage, ExtendedColorType, Frame, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};

/// Red above, blue below, and green in the corner at the top left: it shows how a picture is held.
pub(super) fn flag(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        if x < width / 4 && y < height / 4 {
            Rgb([0, 255, 0])
        } else if y < height / 2 {
            Rgb([255, 0, 0])
        } else {
            Rgb([0, 0, 255])
        }
    })
}

/// The same, half of it to be seen through.
pub(super) fn glass(width: u32, height: u32) -> RgbaImage {
    let mut pixels = DynamicImage::ImageRgb8(flag(width, height)).to_rgba8();
    pixels.enumerate_pixels_mut().for_each(|(x, _, pixel)| pixel.0[3] = if x < width / 2 { 255 } else { 90 });
    pixels
}

pub(super) fn png(image: &DynamicImage) -> Vec<u8> {
    written(image, ImageFormat::Png)
}

pub(super) fn webp(image: &RgbaImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (width, height) = image.dimensions();
    WebPEncoder::new_lossless(&mut bytes).encode(image, width, height, ExtendedColorType::Rgba8).expect("it is coded");
    bytes
}

pub(super) fn jpeg(image: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 90).encode_image(image).expect("it is coded");
    bytes
}

/// The picture, and the same upside down.
pub(super) fn gif(image: &RgbImage, frames: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new(&mut bytes);
    encoder.set_repeat(Repeat::Infinite).expect("it is written");
    for number in 0..frames {
        let mut pixels = DynamicImage::ImageRgb8(image.clone()).to_rgba8();
        if number % 2 == 1 {
            image::imageops::flip_vertical_in_place(&mut pixels);
        }
        let frame = Frame::from_parts(pixels, 0, 0, Delay::from_numer_denom_ms(100, 1));
        encoder.encode_frame(frame).expect("it is coded");
    }
    drop(encoder);
    bytes
}

fn written(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).expect("it is coded");
    bytes.into_inner()
}

/// A chunk of a PNG.
pub(super) fn chunk(name: &[u8], content: &[u8]) -> Vec<u8> {
    let named = [name, content].concat();
    let length = u32::try_from(content.len()).expect("it is short");
    [&length.to_be_bytes(), named.as_slice(), &crc32fast::hash(&named).to_be_bytes()].concat()
}

/// The start of a PNG of eight bits in four colours.
pub(super) fn png_start(width: u32, height: u32) -> Vec<u8> {
    let head = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 6, 0, 0, 0]].concat();
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(b"IHDR", &head)].concat()
}

/// Pixels of one colour as they stand in a PNG.
pub(super) fn png_pixels(width: u32, height: u32, colour: Rgba<u8>) -> Vec<u8> {
    let line = [vec![0], colour.0.repeat(width as usize)].concat();
    zlib(&line.repeat(height as usize))
}

pub(super) fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut coded = ZlibEncoder::new(Vec::new(), Compression::best());
    coded.write_all(bytes).and_then(|()| coded.finish()).expect("it is coded")
}

/// An animated PNG of two frames, the second in the middle of the first.
pub(super) fn apng() -> Vec<u8> {
    let control = |number: u32, [width, height, left, top]: [u32; 4]| {
        let numbers = [number, width, height, left, top].map(u32::to_be_bytes).concat();
        chunk(b"fcTL", &[numbers, vec![0, 1, 0, 10, 0, 0]].concat())
    };
    let second = png_pixels(8, 8, Rgba([0, 0, 255, 255]));
    [
        png_start(16, 16),
        chunk(b"acTL", &[0, 0, 0, 2, 0, 0, 0, 0]),
        control(0, [16, 16, 0, 0]),
        chunk(b"IDAT", &png_pixels(16, 16, Rgba([255, 0, 0, 255]))),
        control(1, [8, 8, 4, 4]),
        chunk(b"fdAT", &[2_u32.to_be_bytes().as_slice(), &second].concat()),
        chunk(b"IEND", &[]),
    ]
    .concat()
}

/// Puts something in front of a PNG's pixels.
pub(super) fn with_chunk(png: &[u8], name: &[u8], content: &[u8]) -> Vec<u8> {
    [&png[..33], &chunk(name, content), &png[33..]].concat()
}

/// Puts a segment behind a JPEG's beginning.
pub(super) fn with_segment(jpeg: &[u8], name: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len() + 2).expect("it is short").to_be_bytes();
    [&jpeg[..2], &[0xff, name], &length, content, &jpeg[2..]].concat()
}

/// What a camera writes: how it was held, and where.
pub(super) fn exif(orientation: u8) -> Vec<u8> {
    let entry = |tag: u16, kind: u16, count: u32, value: [u8; 4]| {
        [&tag.to_be_bytes()[..], &kind.to_be_bytes(), &count.to_be_bytes(), &value].concat()
    };
    let gps = entry(1, 2, 2, *b"N\0\0\0");
    [
        b"MM\0\x2a\0\0\0\x08\0\x02".to_vec(),
        entry(0x0112, 3, 1, [0, orientation, 0, 0]),
        entry(0x8825, 4, 1, [0, 0, 0, 38]),
        vec![0; 4],
        vec![0, 1],
        gps,
        b"\0\0\0\0Latitude 52.5200".to_vec(),
    ]
    .concat()
}

/// A chunk of a WebP.
pub(super) fn riff(name: &[u8], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("it is short").to_le_bytes();
    [name, &length, content, if content.len() % 2 == 1 { &[0] } else { &[] }].concat()
}

/// A WebP of chunks.
pub(super) fn webp_of(chunks: &[Vec<u8>]) -> Vec<u8> {
    riff(b"RIFF", &[b"WEBP".to_vec(), chunks.concat()].concat())
}

/// The pixels of a WebP that was made here.
pub(super) fn webp_pixels(image: &RgbaImage) -> Vec<u8> {
    webp(image)[12..].to_vec()
}

pub(super) fn webp_head(flags: u8, width: u32, height: u32) -> Vec<u8> {
    let [width, height] = [width - 1, height - 1].map(u32::to_le_bytes);
    riff(b"VP8X", &[&[flags, 0, 0, 0], &width[..3], &height[..3]].concat())
}

/// A frame of a WebP that moves.
pub(super) fn webp_frame(image: &RgbaImage, inside: &[Vec<u8>]) -> Vec<u8> {
    let [width, height] = [image.width() - 1, image.height() - 1].map(u32::to_le_bytes);
    let place = [&[0; 6][..], &width[..3], &height[..3], &[100, 0, 0, 0]].concat();
    riff(b"ANMF", &[place, webp_pixels(image), inside.concat()].concat())
}

/// A colour profile as far as anybody here looks.
pub(super) fn profile() -> Vec<u8> {
    let mut profile = vec![0; 132];
    profile[..4].copy_from_slice(&132_u32.to_be_bytes());
    profile[16..20].copy_from_slice(b"RGB ");
    profile[36..40].copy_from_slice(b"acsp");
    profile
}

/// A progressive JPEG of one colour and of any size, in few bytes: its one scan has three bits for each block.
pub(super) fn progressive(width: u32, height: u32) -> Vec<u8> {
    let segment = |name: u8, content: &[u8]| {
        let length = u16::try_from(content.len() + 2).expect("it is short").to_be_bytes();
        [&[0xff, name][..], &length, content].concat()
    };
    let mut huffman = vec![0; 18];
    huffman[1] = 1;
    let [down, across] = [height, width].map(|side| u16::try_from(side).expect("it fits").to_be_bytes());
    let frame = [&[8][..], &down, &across, &[3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0]].concat();
    let blocks = width.div_ceil(8) as usize * height.div_ceil(8) as usize;
    [
        vec![0xff, 0xd8],
        segment(0xdb, &[vec![0], vec![1; 64]].concat()),
        segment(0xc2, &frame),
        segment(0xc4, &huffman),
        segment(0xda, &[3, 1, 0, 2, 0, 3, 0, 0, 0, 0]),
        vec![0; (3 * blocks).div_ceil(8)],
        vec![0xff, 0xd9],
    ]
    .concat()
}
