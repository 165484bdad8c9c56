//! The shape of what people give: checked before a command is queued, the same for every door.

use chat_proto::{AttachmentId, UserId};
use unicode_segmentation::UnicodeSegmentation;

use crate::error::{Error, Result};
use crate::names;
use crate::state::Refusal;

/// The most bytes of an e-mail address (RFC 5321, 4.5.3.1.3, less the angle brackets).
pub(crate) const EMAIL_BYTES: usize = 254;
const NAME_CHARS: usize = 100;
const SUBJECT_CHARS: usize = 200;
const MENTIONS: usize = 50;
const EMOJI_BYTES: usize = 32;
const PASSWORD_BYTES: std::ops::RangeInclusive<usize> = 8..=256;

/// An address that a mail could be sent to; whether it reaches anybody is another question.
pub(crate) fn email(email: &str) -> Result<String> {
    let email = email.trim();
    let plausible = email.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && !domain.is_empty()
            && !domain.contains('@')
            && !domain.starts_with('.')
            && !domain.ends_with('.')
    });
    if !plausible || email.len() > EMAIL_BYTES || email.chars().any(|c| c.is_whitespace() || is_unprintable(c)) {
        return Err(Error::invalid("/email", "This is not an e-mail address."));
    }
    Ok(email.to_owned())
}

pub(crate) fn name(name: &str) -> Result<String> {
    let rule = "A name has 1 to 100 characters, none of them invisible.";
    let name = line(&names::normalised(bounded(name)), NAME_CHARS, "/name", rule)?;
    if names::is_mixed(&name) {
        let detail = "A word of this name has letters of two alphabets, and looks like another name. Use one alphabet.";
        return Err(Error::invalid("/name", detail));
    }
    Ok(name)
}

/// No more of a name than is needed to see that it is too long.
fn bounded(name: &str) -> &str {
    let name = name.trim();
    name.char_indices().nth(NAME_CHARS + 1).map_or(name, |(end, _)| &name[..end])
}

pub(crate) fn subject(subject: &str) -> Result<String> {
    line(subject, SUBJECT_CHARS, "/subject", "A subject has 1 to 200 characters, none of them invisible.")
}

#[cfg(feature = "webhooks")]
pub(crate) fn description(text: &str) -> Result<String> {
    line(text, SUBJECT_CHARS, "/description", "A description has at most 200 characters, none of them invisible.")
}

pub(crate) fn password(password: String) -> Result<String> {
    password_at("/password", password)
}

/// The same, where the request has it under another name.
pub(crate) fn password_at(pointer: &'static str, password: String) -> Result<String> {
    if PASSWORD_BYTES.contains(&password.len()) {
        Ok(password)
    } else {
        Err(Error::invalid(pointer, "A password has 8 to 256 bytes."))
    }
}

/// A message's text: not blank, at most so many bytes. What a terminal or page could obey in it is theirs to escape.
pub(crate) fn text(text: String, most_bytes: usize) -> Result<String> {
    if is_blank(&text) {
        return Err(Error::invalid("/text", "A message needs some text."));
    }
    caption(text, most_bytes)
}

/// The same, where the message has something else to show. Blank is as good as nothing.
pub(crate) fn caption(text: String, most_bytes: usize) -> Result<String> {
    if is_blank(&text) {
        return Ok(String::new());
    }
    if text.len() > most_bytes {
        let detail = format!("A message has at most {most_bytes} bytes; this one has {}.", text.len());
        return Err(Error::new(chat_proto::ErrorCode::TooLarge, detail));
    }
    Ok(text)
}

/// Whether nobody would see anything of it.
fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || is_unprintable(c))
}

/// Files that go with a message: not too many, each once.
pub(crate) fn attachments(files: &[AttachmentId], most: usize) -> Result<()> {
    if files.len() > most {
        let detail = format!("A message has at most {most} attachments; this one has {}.", files.len());
        return Err(Error::new(chat_proto::ErrorCode::TooManyAttachments, detail));
    }
    match files.iter().enumerate().find(|(i, id)| files[..*i].contains(id)) {
        Some((i, _)) => Err(Refusal::invalid(format!("/attachments/{i}"), "This attachment is named twice.").into()),
        None => Ok(()),
    }
}

/// People spoken to by name, each once.
pub(crate) fn mentions(users: &mut Vec<UserId>) -> Result<()> {
    if users.len() > MENTIONS {
        return Err(Error::invalid("/mentions", format!("A message speaks to at most {MENTIONS} people by name.")));
    }
    let mut seen = std::collections::HashSet::new();
    users.retain(|user| seen.insert(*user));
    Ok(())
}

/// One emoji: a single character as people see it, which may consist of several code points.
pub(crate) fn emoji(emoji: &str) -> Result<String> {
    let one = UnicodeSegmentation::graphemes(emoji, true).count() == 1;
    if !one || emoji.len() > EMOJI_BYTES || emoji.is_ascii() || emoji.chars().any(char::is_alphabetic) {
        return Err(Error::invalid("/emoji", "A reaction is one emoji, of at most 32 bytes."));
    }
    Ok(emoji.to_owned())
}

fn line(text: &str, most_chars: usize, pointer: &'static str, rule: &'static str) -> Result<String> {
    let text = text.trim();
    let length = text.chars().count();
    if length == 0 || length > most_chars || text.chars().any(is_unprintable) {
        return Err(Error::invalid(pointer, rule));
    }
    Ok(text.to_owned())
}

/// What can be kept of a name that was given elsewhere.
pub(crate) fn kept_name(text: &str) -> Option<String> {
    kept_line(&names::normalised(text), NAME_CHARS)
}

/// The same, of a subject.
pub(crate) fn kept_subject(text: &str) -> Option<String> {
    kept_line(text, SUBJECT_CHARS)
}

/// Without what cannot be seen, line breaks as spaces, cut where it is too long; `None`: nothing is left.
fn kept_line(text: &str, most_chars: usize) -> Option<String> {
    let spaced = text.trim().chars().map(|c| if matches!(c, '\n' | '\r' | '\t') { ' ' } else { c });
    let kept: String = spaced.filter(|c| !is_unprintable(*c)).take(most_chars).collect();
    let kept = kept.trim();
    (!kept.is_empty()).then(|| kept.to_owned())
}

/// Control characters, and those that hide or reorder what stands beside them: with them one name can be made to look
/// like another.
pub(crate) fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}' | '\u{ffa0}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_names_and_passwords_have_a_shape() {
        for good in ["ana@mail.example", " a.b+c@x.example ", "ü@dömain.example", "root@localhost"] {
            assert!(email(good).is_ok(), "{good:?}");
        }
        for bad in ["", "@", "a@", "@b", "a b@c", "a@b@c", "a@.b", "a@b.", "a@b\r\nBcc: x", "a\u{202e}@b"] {
            assert!(email(bad).is_err(), "{bad:?}");
        }
        assert_eq!(name("  Ana Ruiz ").unwrap(), "Ana Ruiz");
        assert_eq!(name("ＡＤＭＩＮ").unwrap(), "ADMIN");
        assert_eq!(kept_name("Аdmin").as_deref(), Some("Аdmin"), "what came from elsewhere is somebody's name already");
        for bad in ["", "   ", "Аdmin", "\u{3164}", "a\u{200b}b", "a\nb", "\u{202e}nimda", &"x".repeat(101)] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
        assert_eq!(kept_name(" Ana\n\u{202e}Ruiz\u{7} ").as_deref(), Some("Ana Ruiz"));
        assert_eq!(kept_name(&"x".repeat(150)).map(|name| name.len()), Some(100));
        assert_eq!(kept_name(" \u{200b} "), None);
        for good in ["👍", "❤️", "👩🏽‍💻", "🇩🇪", "✓"] {
            assert!(emoji(good).is_ok(), "{good:?}");
        }
        for bad in ["", " ", "a", "ok", "👍👍", "\u{7}", "ä", "中", &"👩‍".repeat(9)] {
            assert!(emoji(bad).is_err(), "{bad:?}");
        }
        assert!(password("1234567".to_owned()).is_err());
        assert!(password("12345678".to_owned()).is_ok());
        assert!(password("x".repeat(257)).is_err());
    }
}
