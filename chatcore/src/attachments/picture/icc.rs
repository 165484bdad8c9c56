//! Colour profiles. Pictures look wrong without theirs, so it stays; what is none goes.

use super::parts::u32_be;

/// Profiles of cameras and screens have some KiB, those of printers up to some hundred.
pub(super) const MOST: usize = 1 << 20;

/// The profile without what stands behind it; `None`: it is none.
pub(super) fn tidy(bytes: &[u8]) -> Option<&[u8]> {
    let length = (bytes.len() >= 128 && &bytes[36..40] == b"acsp").then(|| u32_be(bytes, 0) as usize)?;
    bytes.get(..length).filter(|profile| profile.len() >= 128)
}
