//! Which passwords anybody would try first.
//!
//! The list is the part of eight characters and more of the 30,000 most common passwords that zxcvbn ships (Dropbox; the
//! data of zxcvbn-rs 3.1, MIT licence), in lower case and sorted. It is compared as data, since the rest of that library
//! weighs more than it would help: what is long and not on such a list is for the delay of sign-ins to hold off.
//!
//! Shorter words are no passwords, but many a password begins with one: of those, in a list of their own, the words of four
//! to seven letters among the first 10,000 of the same data, and some that are near at hand in a shop.

use std::sync::LazyLock;

use chat_proto::ErrorCode;

use crate::error::Result;
use crate::shape;
use crate::state::Refusal;

static COMMON: LazyLock<Vec<&str>> = LazyLock::new(|| include_str!("common_passwords.txt").lines().collect());

static STEMS: LazyLock<Vec<&str>> = LazyLock::new(|| include_str!("common_stems.txt").lines().collect());

/// Digits and signs behind a short word that make nothing better of it; more of them may.
const SHORT_TAIL: usize = 6;

/// A password that somebody with this address and name may have. `pointer`: where the request has it.
///
/// # Errors
/// `invalid` when it has the wrong length, `weak_password` when it is one of those that are tried first.
pub(crate) fn password(pointer: &'static str, password: String, email: &str, name: &str) -> Result<String> {
    let password = shape::password_at(pointer, password)?;
    let detail = if is_common(&password) {
        "This is one of the passwords that everybody tries first."
    } else if is_about(&password, email, name) {
        "A password must not be one's own address or name."
    } else {
        return Ok(password);
    };
    Err(Refusal::at(ErrorCode::WeakPassword, pointer, detail).into())
}

/// On the list, as it is or with digits and signs behind it; or hardly more than one key pressed again and again, or keys
/// pressed in a row.
fn is_common(password: &str) -> bool {
    let folded = password.to_lowercase();
    let listed = |word: &str| COMMON.binary_search(&word).is_ok();
    let mut different: Vec<char> = folded.chars().collect();
    let row = different.windows(2).all(|pair| u32::from(pair[1]) == u32::from(pair[0]) + 1)
        || different.windows(2).all(|pair| u32::from(pair[1]) + 1 == u32::from(pair[0]));
    different.sort_unstable();
    different.dedup();
    listed(&folded) || listed(stem(&folded)) || begins_with_a_word(&folded) || row || different.len() <= 3
}

/// A short word with a year, a row of digits or the like behind it.
fn begins_with_a_word(folded: &str) -> bool {
    let (word, tail) = folded.split_at(stem(folded).len());
    let is_poor = tail.chars().count() <= SHORT_TAIL || COMMON.binary_search(&tail).is_ok();
    is_poor && STEMS.binary_search(&word).is_ok()
}

/// The address, the part before the `@`, or the name, with or without what is often put behind such a word.
fn is_about(password: &str, email: &str, name: &str) -> bool {
    let plain = |text: &str| text.to_lowercase().split_whitespace().collect::<String>();
    let (password, email, name) = (plain(password), plain(email), plain(name));
    let local = email.split('@').next().unwrap_or_default();
    [&*email, local, &*name]
        .into_iter()
        .filter(|own| !own.is_empty())
        .any(|own| [&*password, stem(&password)].contains(&own))
}

fn stem(word: &str) -> &str {
    word.trim_end_matches(|c: char| !c.is_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_can_be_searched() {
        assert!(COMMON.len() > 10_000 && COMMON.is_sorted());
        assert!(STEMS.len() > 4_000 && STEMS.is_sorted());
    }

    #[test]
    fn what_is_tried_first_is_refused() {
        let check = |word: &str| password("/password", word.to_owned(), "Ana.Ruiz@mail.example", "Ana Maria Ruiz");
        for weak in [
            "password",
            "PASSWORD",
            "Password1!",
            "sunshine2024",
            "letmein123",
            "Summer123",
            "admin2026",
            "admin12345678",
            "chat1234",
            "shop2026!",
            "12345678",
            "987654321",
            "abcdefghij",
            "aaaaaaaa",
            "abababab",
            "ana.ruiz@mail.example",
            "ANA.RUIZ",
            "ana.ruiz99",
            "AnaMariaRuiz",
            "ana maria ruiz 1",
        ] {
            assert_eq!(check(weak).unwrap_err().code(), ErrorCode::WeakPassword, "{weak}");
        }
        for good in [
            "correct horse",
            "demo-password",
            "Ana went home",
            "gänseblümchen",
            "x7!kQ2ßp",
            "shop83710462",
            "summer-mug-7",
        ] {
            assert!(check(good).is_ok(), "{good}");
        }
        for invalid in ["short", "", &"x".repeat(257)] {
            assert_eq!(check(invalid).unwrap_err().code(), ErrorCode::Invalid, "{invalid}");
        }
    }
}
