//! Pixels: decoding is left to the crate `image`, which only ever sees what was measured and copied by us.

use std::fs::File;
use std::io::{BufReader, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, GenericImageView, ImageDecoder, ImageEncoder, ImageFormat, ImageReader, Limits};

use super::super::Unfit;
use super::{Format, Size, Thumbnail, write_anew};

/// A turned picture is coded once more: nobody sees a difference.
const TURNED: u8 = 95;
/// A thumbnail is looked at for a moment.
const SMALL: u8 = 82;
/// Profiles of screens and cameras; a larger one would outweigh the thumbnail.
const MOST_PROFILE: usize = 8 << 10;

/// Pixels in memory.
pub(super) struct Decoded {
    image: DynamicImage,
    profile: Option<Vec<u8>>,
}

impl Decoded {
    pub(super) fn dimensions(&self) -> (u32, u32) {
        (self.image.width(), self.image.height())
    }

    /// Leaves the square in its middle, and of that at most so many pixels a side.
    pub(super) fn cut_square(&mut self, side: u32) {
        let (width, height) = self.dimensions();
        let all = width.min(height);
        let (left, top) = ((width - all) / 2, (height - all) / 2);
        // Of greys become colours it would not be true any more.
        self.profile = self.profile.take().filter(|_| self.image.color().has_color());
        self.image = if all > side {
            // Looked at through a frame, and not cut out first: that would be the picture in memory twice.
            let square = self.image.view(left, top, all, all);
            DynamicImage::ImageRgba8(image::imageops::thumbnail(&*square, side, side))
        } else {
            self.image.crop_imm(left, top, all, all)
        };
    }

    /// Turns it as it is to be seen.
    pub(super) fn turn(&mut self, orientation: Orientation) {
        self.image.apply_orientation(orientation);
    }
}

/// Decodes a picture, the first frame of one that moves.
pub(super) fn decode(size: &Size, file: &mut File) -> Result<Decoded, Unfit> {
    file.rewind()?;
    // The decoders are written by others and the bytes by strangers: a panic of theirs means no more than damage.
    let decoded = catch_unwind(AssertUnwindSafe(|| pixels(size, file)));
    let damaged = |_| Unfit::Damaged("The picture cannot be decoded; it is damaged.");
    let decoded = decoded.unwrap_or_else(|panic| Err(damaged(panic)))?;
    if decoded.dimensions() == (size.width, size.height) { Ok(decoded) } else { Err(damaged(Box::new(()))) }
}

fn pixels(size: &Size, file: &mut File) -> Result<Decoded, Unfit> {
    let format = match size.format {
        Format::Png => ImageFormat::Png,
        Format::Jpeg => ImageFormat::Jpeg,
        Format::Gif => ImageFormat::Gif,
        Format::Webp => ImageFormat::WebP,
    };
    let mut limits = Limits::default();
    limits.max_image_width = Some(size.width);
    limits.max_image_height = Some(size.height);
    limits.max_alloc = Some(size.memory);
    let mut reader = ImageReader::with_format(BufReader::new(file), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|error| undecodable(&error))?;
    if decoder.total_bytes() > size.memory {
        return Err(Unfit::Damaged("The picture is larger than it says."));
    }
    let profile = decoder.icc_profile().ok().flatten();
    let image = DynamicImage::from_decoder(decoder).map_err(|error| undecodable(&error))?;
    // What was more colours than three is three now, and the profile speaks of others.
    let fits =
        |profile: &Vec<u8>| profile.get(16..20) == Some(if image.color().has_color() { b"RGB " } else { b"GRAY" });
    let profile = profile.filter(fits);
    Ok(Decoded { image, profile })
}

fn undecodable(error: &image::ImageError) -> Unfit {
    match error {
        image::ImageError::Limits(_) => Unfit::TooLarge("The picture takes too much memory to look at.".into()),
        _ => Unfit::Damaged("The picture cannot be decoded; it is damaged."),
    }
}

/// Codes all pixels, in the place of what is in the file.
pub(super) fn encode(decoded: &Decoded, format: Format, file: &mut File) -> Result<(), Unfit> {
    let Decoded { image, profile } = decoded;
    write_anew(file, |mut out| {
        let written = match format {
            Format::Jpeg => with_profile(JpegEncoder::new_with_quality(&mut out, TURNED), image, profile.as_ref()),
            Format::Webp => with_profile(WebPEncoder::new_lossless(&mut out), image, profile.as_ref()),
            Format::Png | Format::Gif => with_profile(PngEncoder::new(&mut out), image, profile.as_ref()),
        };
        written.map_err(unwritten)
    })
}

fn with_profile(
    mut encoder: impl ImageEncoder,
    image: &DynamicImage,
    profile: Option<&Vec<u8>>,
) -> image::ImageResult<()> {
    if let Some(profile) = profile {
        // A format that has no place for it does without.
        let _ = encoder.set_icc_profile(profile.clone());
    }
    image.write_with_encoder(encoder)
}

fn unwritten(error: image::ImageError) -> Unfit {
    match error {
        image::ImageError::IoError(error) => Unfit::File(error),
        _ => Unfit::Damaged("The picture cannot be coded anew."),
    }
}

/// Writes a small picture of it.
pub(super) fn thumbnail(decoded: &Decoded, side: u32, file: &mut File) -> Result<Thumbnail, Unfit> {
    let Decoded { image, profile } = decoded;
    let small = if image.width().max(image.height()) > side { image.thumbnail(side, side) } else { image.clone() };
    let (width, height) = (small.width(), small.height());
    let profile = profile.as_ref().filter(|profile| profile.len() <= MOST_PROFILE);
    let seen_through = small.color().has_alpha().then(|| small.to_rgba8());
    let seen_through = seen_through.filter(|pixels| pixels.pixels().any(|pixel| pixel.0[3] < u8::MAX));
    let (format, small) = match seen_through {
        Some(pixels) => (Format::Png, DynamicImage::ImageRgba8(pixels)),
        None => (Format::Jpeg, DynamicImage::ImageRgb8(small.to_rgb8())),
    };
    // A profile of greys does not fit the colours that they have become.
    let profile = profile.filter(|_| decoded.image.color().has_color());
    write_anew(file, |mut out| {
        let written = match format {
            Format::Png => with_profile(PngEncoder::new(&mut out), &small, profile),
            _ => with_profile(JpegEncoder::new_with_quality(&mut out, SMALL), &small, profile),
        };
        written.map_err(unwritten)
    })?;
    Ok(Thumbnail { format, width, height, bytes: file.metadata()?.len() })
}
