use std::borrow::Cow;

/// A text of others, made harmless for a terminal.
///
/// Removed are: control characters (C0 with ESC, DEL, C1), which can move the cursor, rename the window or answer in
/// the reader's place; bidirectional marks, overrides and isolates, which show a text in another order than it has;
/// line and paragraph separators; and characters that nobody sees (zero-width space, word joiner and its invisible
/// kin, byte order mark, soft hyphen, interlinear marks, tag characters). Line breaks stay, a tab becomes a space.
/// Zero-width joiner and non-joiner stay, since emoji and Persian need them.
///
/// A line break lets a text look like two: indent what follows one, or use [`plain_line`].
#[must_use]
pub fn plain(text: &str) -> Cow<'_, str> {
    clean(text, '\n')
}

/// As [`plain`], on one line: a line break becomes a space. For names and subjects.
#[must_use]
pub fn plain_line(text: &str) -> Cow<'_, str> {
    clean(text, ' ')
}

fn clean(text: &str, line_break: char) -> Cow<'_, str> {
    let stays = |c| c != '\t' && (c != '\n' || line_break == '\n') && (c == '\n' || !is_hostile(c));
    if text.chars().all(stays) {
        return Cow::Borrowed(text);
    }
    let cleaned = text.chars().filter_map(|c| match c {
        '\t' => Some(' '),
        '\n' => Some(line_break),
        c if is_hostile(c) => None,
        c => Some(c),
    });
    Cow::Owned(cleaned.collect())
}

fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_text_is_handed_back_as_it_is() {
        for text in ["", "Where is order 1001?", "Grüße 你好 سلام", "one\ntwo", "👩\u{200d}🔧"] {
            assert!(matches!(plain(text), Cow::Borrowed(same) if same == text), "{text:?}");
        }
    }

    #[test]
    fn what_steers_a_terminal_or_deceives_a_reader_is_removed() {
        for (hostile, left) in [
            ("\u{1b}[2Jgone", "[2Jgone"),
            ("\u{1b}]0;title\u{7}x", "]0;titlex"),
            ("\u{9b}31mred", "31mred"),
            ("over\rwritten\u{8}\u{7f}", "overwritten"),
            ("a\tb\0", "a b"),
            ("\u{202e}fdp.exe\u{202c}", "fdp.exe"),
            ("\u{2066}in\u{2069}\u{200f}\u{61c}", "in"),
            ("a\u{2028}b\u{2029}c", "abc"),
            ("L\u{200b}e\u{2060}o\u{feff}\u{ad}", "Leo"),
            ("flag\u{e0067}\u{e007f}", "flag"),
        ] {
            assert_eq!(plain(hostile), left, "{hostile:?}");
        }
    }

    #[test]
    fn a_name_has_one_line() {
        assert_eq!(plain_line("Leo\r\nAda: pay me"), "Leo Ada: pay me");
        assert!(matches!(plain_line("Leo Marsh"), Cow::Borrowed("Leo Marsh")));
    }
}
