//! What files are called: a name for people, never a place.

use super::kind::Kind;
use crate::shape::is_unprintable;

/// The longest name, bytes of UTF-8.
const MOST_BYTES: usize = 255;
/// What an ending that fits may add to it.
const ROOM_FOR_ENDING: usize = 8;

/// What Windows takes for a device, with any ending.
const DEVICES: [&str; 22] = [
    "con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9", "lpt1", "lpt2",
    "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];

/// A harmless name: without folders, without what cannot be seen or means something to a file system, and with an ending
/// that fits what the file is.
pub(super) fn clean(name: &str, kind: Kind) -> String {
    let name = kind.file_name(&bare(name)).into_owned();
    debug_assert!(name.len() <= MOST_BYTES, "no ending is so long");
    name
}

/// The same, whatever the file is.
pub(super) fn bare(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).find(|part| !part.trim().is_empty()).unwrap_or_default();
    let harmless = |c: &char| !is_unprintable(*c) && !matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*');
    let kept: String = last.chars().filter(harmless).collect();
    // Leading dots hide a file, and what follows the last dot or space Windows takes away.
    let kept = kept.trim_start_matches(['.', ' ']).trim_end_matches(['.', ' ']).trim();
    let shortened = shorten(kept, MOST_BYTES - ROOM_FOR_ENDING);
    let stem = shortened.split('.').next().unwrap_or_default().trim().to_ascii_lowercase();
    if shortened.is_empty() {
        "file".to_owned()
    } else if DEVICES.contains(&&*stem) {
        format!("_{shortened}")
    } else {
        shortened
    }
}

/// Takes away from the middle, so that the ending stays.
fn shorten(name: &str, most: usize) -> String {
    if name.len() <= most {
        return name.to_owned();
    }
    let (stem, ending) = match name.rsplit_once('.') {
        Some((stem, ending)) if ending.len() <= 16 => (stem, format!(".{ending}")),
        _ => (name, String::new()),
    };
    let stem = &stem[..stem.floor_char_boundary(most - 1 - ending.len())];
    format!("{}{ending}", stem.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_place_and_hides_nothing() {
        for (given, kept) in [
            ("mug.png", "mug.png"),
            ("../../etc/passwd", "passwd"),
            ("..\\..\\windows\\win.ini", "win.ini"),
            ("/", "file"),
            ("..", "file"),
            ("a/", "a"),
            ("", "file"),
            (" . .hidden", "hidden"),
            ("trailing. . ", "trailing"),
            ("a\u{202e}gnp.exe", "agnp.exe"),
            ("line\r\nSet-Cookie: x", "lineSet-Cookie x"),
            ("nul\0byte.txt", "nulbyte.txt"),
            ("CON.txt", "_CON.txt"),
            ("com1", "_com1"),
            ("what?<b>.png", "whatb.png"),
            ("Grüße 🌷.pdf", "Grüße 🌷.pdf"),
        ] {
            assert_eq!(bare(given), kept, "{given:?}");
        }
    }

    #[test]
    fn a_long_name_keeps_its_ending() {
        let long = bare(&format!("{}.png", "ü".repeat(400)));
        assert!(long.len() <= MOST_BYTES - ROOM_FOR_ENDING && long.ends_with("ü.png"), "{long}");
        assert!(bare(&"x".repeat(10_000)).len() <= MOST_BYTES);
        assert!(bare(&format!("a.{}", "x".repeat(400))).len() <= MOST_BYTES);
    }
}
