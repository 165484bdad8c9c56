//! What people wrote, made fit for a screen and for the cells of a table. JSON is not touched by it, but for what a
//! terminal could obey.

use chat_client::{plain, plain_line};
use unicode_width::UnicodeWidthChar as _;

/// Characters without a width of their own that stand on one that has; languages that stack them need two or three.
const MOST_MARKS: usize = 3;

/// On one line, such as a name.
pub(crate) fn line(text: &str) -> String {
    few_marks(&plain_line(text))
}

/// With its line breaks.
pub(crate) fn lines(text: &str) -> String {
    few_marks(&plain(text))
}

/// Drops what would be stacked on one cell without end and reach over the lines around it.
fn few_marks(text: &str) -> String {
    let mut marks = 0;
    let stays = |c: &char| {
        // Line breaks have no width either.
        let is_mark = *c != '\n' && c.width() == Some(0);
        marks = if is_mark { marks + 1 } else { 0 };
        marks <= MOST_MARKS
    };
    text.chars().filter(stays).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_do_not_pile_up_and_languages_stay_whole() {
        let piled = "e".to_owned() + &"\u{301}".repeat(10_000) + "\n\u{301}x";
        assert_eq!(lines(&piled), "e\u{301}\u{301}\u{301}\n\u{301}x");
        for whole in ["नमस्ते สวัสดี", "👩\u{200d}👩\u{200d}👧\u{200d}👦", "Grüße"] {
            assert_eq!(line(whole), whole);
        }
    }
}
