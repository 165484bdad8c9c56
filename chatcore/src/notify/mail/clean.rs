//! What people have written, made fit for a mail: nothing in it ends a header, hides or reorders what stands beside it, or
//! goes on for ever.

use unicode_segmentation::UnicodeSegmentation as _;

/// Characters that stay of a line: a name, a title.
const LINE_CHARS: usize = 100;
/// Characters that stay of a subject.
pub(super) const SUBJECT_CHARS: usize = 150;
/// Characters and lines that stay of one message.
const TEXT_CHARS: usize = 1_000;
const TEXT_LINES: usize = 20;
/// Characters that programs for mail show beside the subject.
const PREVIEW_CHARS: usize = 120;

/// One line, at most 100 characters.
pub(super) fn line(text: &str) -> String {
    cut(&one_line(text), LINE_CHARS)
}

/// A subject. What looks like an encoded word (RFC 2047) goes over the wire as it is, and whoever gets it decodes it: into
/// line breaks too.
pub(super) fn subject(text: &str) -> String {
    cut(&one_line(text).replace("=?", "= ?"), SUBJECT_CHARS)
}

/// What is shown beside the subject.
pub(super) fn preview(text: &str) -> String {
    cut(&one_line(text), PREVIEW_CHARS)
}

/// The lines of a message, at most 20 and 1,000 characters together.
pub(super) fn text(text: &str) -> Vec<String> {
    let whole: String = text.replace("\r\n", "\n").chars().filter(|c| *c == '\n' || !is_harmful(*c)).collect();
    let short = cut(whole.trim(), TEXT_CHARS);
    let mut lines: Vec<String> = short.lines().map(|line| line.trim_end().to_owned()).collect();
    if lines.len() > TEXT_LINES {
        lines.truncate(TEXT_LINES);
        lines.push("…".to_owned());
    }
    lines
}

/// A name to greet somebody by. Anybody can sign up under an address that is not theirs and a name that advertises
/// something: what looks like a link greets nobody.
pub(super) fn greeting(name: &str) -> Option<String> {
    let name = line(name);
    let looks_like_a_link = |word: &str| {
        let inside = |c: char| word.trim_end_matches(c).contains(c);
        word.contains(['/', '@', ':']) || inside('.')
    };
    let is_short = name.chars().count() <= 40;
    (is_short && !name.is_empty() && !name.split_whitespace().any(looks_like_a_link)).then_some(name)
}

fn one_line(text: &str) -> String {
    let spaced: String = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    let harmless: String = spaced.chars().filter(|c| !is_harmful(*c)).collect();
    harmless.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The first so many characters as people see them, and a sign that there was more.
fn cut(text: &str, most: usize) -> String {
    // Of one character as people see it there may be any number of marks: those count too, four for one.
    let mut room = most * 4;
    let mut end = 0;
    for (taken, (at, grapheme)) in text.grapheme_indices(true).enumerate() {
        let length = grapheme.chars().count();
        if taken == most || length > room {
            return format!("{}…", text[..end].trim_end());
        }
        room -= length;
        end = at + grapheme.len();
    }
    text.to_owned()
}

/// Control characters, and those that reorder what stands beside them. The joiners stay: emoji and Persian need them.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_that_reads_as_it_looks() {
        for (text, clean) in [
            ("Ana Ruiz", "Ana Ruiz"),
            ("Ana\r\nBcc: everybody@shop.example", "Ana Bcc: everybody@shop.example"),
            (" a\t\u{0}b\u{2028}c\u{202e}d ", "a b cd"),
            ("👩\u{200d}💻 می\u{200c}خواهم", "👩\u{200d}💻 می\u{200c}خواهم"),
        ] {
            assert_eq!(line(text), clean, "{text:?}");
        }
        assert_eq!(line(&"ü".repeat(101)), format!("{}…", "ü".repeat(100)));
        assert_eq!(subject("=?utf-8?q?=0d=0aX:_1?= =\u{202e}?x"), "= ?utf-8?q?=0d=0aX:_1?= = ?x");
        assert_eq!(subject(&"x".repeat(10_000)).chars().count(), SUBJECT_CHARS + 1);
        // A letter under ten thousand marks is one character, and no line.
        assert!(line(&format!("a{}", "\u{301}".repeat(10_000))).chars().count() <= 2);
    }

    #[test]
    fn a_message_keeps_its_lines_up_to_a_point() {
        assert_eq!(text("one\r\n\r\ntwo \rthree\u{1b}[0m\n"), ["one", "", "two three[0m"]);
        let many = text(&"line\n".repeat(50));
        assert_eq!((many.len(), many.last().map(String::as_str)), (21, Some("…")));
        assert!(text(&"word ".repeat(1_000)).concat().chars().count() <= 1_001);
    }

    #[test]
    fn an_advertisement_is_no_name() {
        for name in ["Ana", "Dr. Ana Ruiz", "J. R.", "山田", "Ana…"] {
            assert_eq!(greeting(name).as_deref(), Some(name));
        }
        for name in ["evil.example", "Win at evil.example now", "https:x", "a@b", "x/y", "", &"x".repeat(41)] {
            assert_eq!(greeting(name), None, "{name}");
        }
    }
}
