//! Names that could be taken for those of others.
//!
//! What can be written in several ways that look the same is kept in one (NFKC): "ＡＤＭＩＮ" is "ADMIN". A word with letters of
//! two of the alphabets that look alike is refused: "Аdmin" whose first letter is Cyrillic. A word that is wholly of another
//! alphabet is somebody's name, and stays, whatever it resembles; what somebody is to the shop is shown beside it.

use std::borrow::Cow;

use icu_normalizer::ComposingNormalizerBorrowed;

/// In the one form.
pub(crate) fn normalised(text: &str) -> Cow<'_, str> {
    ComposingNormalizerBorrowed::new_nfkc().normalize(text)
}

/// Whether a word of it has letters of two alphabets that look alike.
pub(crate) fn is_mixed(text: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric()).any(|word| {
        let mut alphabets = word.chars().filter_map(Alphabet::of);
        let first = alphabets.next();
        alphabets.any(|other| Some(other) != first)
    })
}

/// Those that have letters like the letters of another. All others may stand beside any of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Alphabet {
    Latin,
    Greek,
    Cyrillic,
    Armenian,
    Cherokee,
}

impl Alphabet {
    /// By the blocks of Unicode 17.
    fn of(c: char) -> Option<Self> {
        if !c.is_alphabetic() {
            return None;
        }
        match c {
            'A'..='Z'
            | 'a'..='z'
            | '\u{aa}'
            | '\u{ba}'
            | '\u{c0}'..='\u{24f}'
            | '\u{250}'..='\u{2af}'
            | '\u{1d00}'..='\u{1d25}'
            | '\u{1e00}'..='\u{1eff}'
            | '\u{2c60}'..='\u{2c7f}'
            | '\u{a720}'..='\u{a7ff}'
            | '\u{ab30}'..='\u{ab64}' => Some(Self::Latin),
            '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Some(Self::Greek),
            '\u{400}'..='\u{52f}' | '\u{1c80}'..='\u{1c8f}' | '\u{a640}'..='\u{a69f}' => Some(Self::Cyrillic),
            '\u{531}'..='\u{58f}' => Some(Self::Armenian),
            '\u{13a0}'..='\u{13ff}' | '\u{ab70}'..='\u{abbf}' => Some(Self::Cherokee),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_the_same_is_kept_the_same() {
        for (given, kept) in [
            ("ＡＤＭＩＮ", "ADMIN"),
            ("𝐀𝐝𝐦𝐢𝐧", "Admin"),
            ("ﬁona", "fiona"),
            ("Zoe\u{308}", "Zoë"),
            ("Ana\u{3000}Ruiz", "Ana Ruiz"),
            ("中村 花子", "中村 花子"),
        ] {
            assert_eq!(normalised(given), kept);
        }
    }

    #[test]
    fn words_of_two_alphabets_that_look_alike_are_mixed() {
        for mixed in ["Аdmin", "admіn", "Αdmin", "Team Ѕupport", "Ꭺdmin", "Ադmin", "ИрiНа"] {
            assert!(is_mixed(mixed), "{mixed}");
        }
        for good in [
            "Ana Ruiz",
            "Zoë",
            "Łukasz",
            "Nguyễn Văn A",
            "Ирина Петрова",
            "Ελένη",
            "Anna Петрова",
            "Анна (Berlin)",
            "山田 Taro",
            "田中A",
            "김 Kim2",
            "عمر Omar",
            "Ana-Мария",
            "R2-D2",
            "O’Neil",
        ] {
            assert!(!is_mixed(good), "{good}");
        }
    }
}
