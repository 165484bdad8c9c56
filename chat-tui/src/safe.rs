//! What people wrote, made fit for a screen: bounded, and without anything that a terminal could obey.

use chat_client::{plain, plain_line};
use unicode_width::UnicodeWidthChar as _;

/// Bytes that are shown of a message. Nobody reads more in a terminal, and a longer one would be laid out for nothing.
const LONGEST_TEXT: usize = 32 * 1024;
/// Bytes that are shown of a name, a subject, the beginning of a message.
const LONGEST_LINE: usize = 400;
/// Marks on top of one character; languages that stack them need two or three.
const MOST_MARKS: usize = 3;
/// Joined pictures in one; the longest of Unicode's own has four.
const MOST_JOINED: usize = 6;

const JOINER: char = '\u{200d}';
const NON_JOINER: char = '\u{200c}';

/// A text that may have several lines.
pub(crate) fn text(text: &str) -> String {
    let kept = beginning(text, LONGEST_TEXT);
    let safe = few_marks(&plain(kept));
    if kept.len() == text.len() {
        return safe;
    }
    format!("{safe}\n[cut: the message has {} KiB]", text.len().div_ceil(1024))
}

/// A name, or the beginning of a text, on one line.
pub(crate) fn line(text: &str) -> String {
    few_marks(&plain_line(beginning(text, LONGEST_LINE)))
}

/// What is pasted: it may be as long as it likes, the box says what is too long. Terminals send a carriage return where a
/// line ends.
pub(crate) fn pasted(text: &str) -> String {
    few_marks(&plain(&text.replace("\r\n", "\n").replace('\r', "\n")))
}

fn beginning(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}

/// Drops what would be stacked on one cell without end, and joiners that join nothing.
fn few_marks(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let (mut marks, mut joined) = (0, 0);
    let mut last = ' ';
    for c in text.chars() {
        match c {
            JOINER | NON_JOINER if last.is_ascii() || last == JOINER || last == NON_JOINER || joined >= MOST_JOINED => {
                continue;
            }
            JOINER | NON_JOINER => joined += 1,
            '\n' => (marks, joined) = (0, 0),
            _ if c.width().unwrap_or(0) == 0 => {
                marks += 1;
                if marks > MOST_MARKS {
                    continue;
                }
            }
            _ => {
                marks = 0;
                if last != JOINER {
                    joined = 0;
                }
            }
        }
        kept.push(c);
        last = c;
    }
    kept
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr as _;

    use super::*;

    #[test]
    fn what_a_terminal_could_obey_is_gone() {
        assert_eq!(text("\u{1b}]52;c;aGk=\u{7}a\u{9b}2Jb\u{1b}]8;;http://x\u{1b}\\c"), "]52;c;aGk=a2Jb]8;;http://x\\c");
        assert_eq!(line("L\u{200b}e\u{200d}o\u{202e}\nM"), "Leo M");
    }

    #[test]
    fn marks_and_joiners_do_not_pile_up() {
        let marks = "e".to_owned() + &"\u{301}".repeat(10_000);
        assert_eq!(text(&marks).chars().count(), 1 + MOST_MARKS);
        let family = "👩\u{200d}👩\u{200d}👧\u{200d}👦";
        assert_eq!(text(family), family);
        let crowd = "👩\u{200d}".repeat(1_000);
        assert!(text(&crowd).width() > 250, "a crowd takes its room");
        assert_eq!(text("नमस्ते สวัสดี"), "नमस्ते สวัสดี");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let long = text(&"é".repeat(600_000));
        assert!(long.len() < LONGEST_TEXT + 64);
        assert!(long.ends_with("[cut: the message has 1172 KiB]"));
        assert!(line(&"é".repeat(600_000)).len() <= LONGEST_LINE);
    }
}
