use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation as _};
use unicode_width::UnicodeWidthStr as _;

use crate::keys::Command;
use crate::text::wrapped;

/// A text that is being written, and where in it. The cursor always stands between two characters as people see them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Composer {
    text: String,
    /// In bytes.
    cursor: usize,
}

impl Composer {
    /// Bytes of a text; far more than any server takes.
    const LONGEST: usize = 256 * 1024;

    /// This text, with the cursor at its end.
    pub(crate) fn of(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { cursor: text.len(), text }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn insert(&mut self, text: &str) {
        if self.text.len() + text.len() <= Self::LONGEST {
            self.text.insert_str(self.cursor, text);
            self.cursor += text.len();
        }
    }

    /// Carries out a command of line editing; `false`: it is none.
    pub(crate) fn edit(&mut self, command: Command) -> bool {
        match command {
            Command::NewLine => self.insert("\n"),
            Command::Left => self.cursor = self.before(),
            Command::Right => self.cursor = self.after(),
            Command::WordLeft => self.cursor = self.word_before(),
            Command::WordRight => self.cursor = self.word_after(),
            Command::LineUp => self.cursor = self.line_beside(true),
            Command::LineDown => self.cursor = self.line_beside(false),
            Command::LineStart => self.cursor = self.line_start(self.cursor),
            Command::LineEnd => self.cursor = self.line_end(self.cursor),
            Command::Erase => self.erase(self.before(), self.cursor),
            Command::EraseNext => self.erase(self.cursor, self.after()),
            Command::EraseWord => self.erase(self.word_before(), self.cursor),
            Command::EraseAll => self.clear(),
            _ => return false,
        }
        true
    }

    /// The lines at this width, and the cursor's line and column.
    pub(crate) fn lines(&self, width: usize) -> (Vec<&str>, usize, usize) {
        let lines = wrapped(&self.text, width);
        let at = lines.iter().rposition(|line| line.start <= self.cursor).unwrap_or(0);
        let column = lines.get(at).map_or(0, |line| self.text[line.start..self.cursor.min(line.end)].width());
        (lines.into_iter().map(|line| &self.text[line]).collect(), at, column.min(width))
    }

    fn erase(&mut self, from: usize, to: usize) {
        self.text.replace_range(from..to, "");
        self.cursor = from;
    }

    fn before(&self) -> usize {
        let mut cursor = GraphemeCursor::new(self.cursor, self.text.len(), true);
        cursor.prev_boundary(&self.text, 0).ok().flatten().unwrap_or(0)
    }

    fn after(&self) -> usize {
        let mut cursor = GraphemeCursor::new(self.cursor, self.text.len(), true);
        cursor.next_boundary(&self.text, 0).ok().flatten().unwrap_or(self.text.len())
    }

    fn word_before(&self) -> usize {
        let head = self.text[..self.cursor].trim_end();
        head.rfind(char::is_whitespace)
            .map_or(0, |space| space + head[space..].chars().next().map_or(1, char::len_utf8))
    }

    fn word_after(&self) -> usize {
        let tail = &self.text[self.cursor..];
        let word = tail.len() - tail.trim_start().len();
        self.cursor + word + tail[word..].find(char::is_whitespace).unwrap_or(tail.len() - word)
    }

    fn line_start(&self, of: usize) -> usize {
        self.text[..of].rfind('\n').map_or(0, |at| at + 1)
    }

    fn line_end(&self, of: usize) -> usize {
        self.text[of..].find('\n').map_or(self.text.len(), |at| of + at)
    }

    /// As far in the line above or below as the cursor is in its own; the cursor itself when there is none.
    fn line_beside(&self, up: bool) -> usize {
        let start = self.line_start(self.cursor);
        let column = self.text[start..self.cursor].graphemes(true).count();
        let to = if up {
            let Some(end) = start.checked_sub(1) else { return self.cursor };
            self.line_start(end)
        } else {
            let end = self.line_end(self.cursor);
            if end == self.text.len() {
                return self.cursor;
            }
            end + 1
        };
        let line = &self.text[to..self.line_end(to)];
        to + line.graphemes(true).take(column).map(str::len).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(commands: &[Command], text: &str) -> (String, usize) {
        let mut composer = Composer::of(text);
        for command in commands {
            assert!(composer.edit(*command), "{command:?}");
        }
        (composer.text, composer.cursor)
    }

    #[test]
    fn the_cursor_moves_over_what_people_see() {
        let family = "👩\u{200d}👧";
        assert_eq!(after(&[Command::Left], family).1, 0);
        assert_eq!(after(&[Command::Erase], &format!("a{family}")).0, "a");
        assert_eq!(after(&[Command::Left, Command::EraseNext], "ae\u{301}").0, "a");
        assert_eq!(after(&[Command::LineStart, Command::WordRight], "one two").1, 3);
        assert_eq!(after(&[Command::EraseWord], "one two ").0, "one ");
        assert_eq!(after(&[Command::WordLeft, Command::WordLeft, Command::Right], "one two").1, 1);
        assert_eq!(after(&[Command::EraseAll], "one").0, "");
    }

    #[test]
    fn lines_lead_up_and_down() {
        let text = "first\nab\nthird";
        assert_eq!(after(&[Command::LineUp], text).1, 8);
        assert_eq!(after(&[Command::LineUp, Command::LineUp], text).1, 2);
        assert_eq!(after(&[Command::LineUp, Command::LineUp, Command::LineUp], text).1, 2);
        assert_eq!(after(&[Command::LineUp, Command::LineDown], text).1, 11);
        assert_eq!(after(&[Command::LineDown], text).1, text.len());
        let composer = Composer::of("one two three\nx");
        assert_eq!(composer.lines(8), (vec!["one two ", "three", "x"], 2, 1));
    }
}
