//! Texts in columns. Widths are those of a terminal: a Chinese character takes two.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// The text in lines of at most this width, broken between words where that is possible.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(2);
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let mut line = String::new();
        for word in paragraph.split_inclusive(' ') {
            if line.width() + word.trim_end().width() > width && !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            for c in word.chars() {
                if line.width() + c.width().unwrap_or(0) > width {
                    lines.push(std::mem::take(&mut line));
                    if c == ' ' {
                        continue;
                    }
                }
                line.push(c);
            }
        }
        lines.push(line);
    }
    lines
}

/// The beginning of the text, with an ellipsis when it does not fit.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut taken = 0;
    let mut beginning: String = text
        .chars()
        .take_while(|c| {
            taken += c.width().unwrap_or(0);
            taken < width
        })
        .collect();
    if width > 0 {
        beginning.push('…');
    }
    beginning
}

/// Two texts at the two ends of a line; the left one gives way.
pub(crate) fn ends(left: &str, right: &str, width: usize) -> String {
    let left = cut(left, width.saturating_sub(right.width() + 1));
    let gap = width.saturating_sub(left.width() + right.width());
    format!("{left}{:gap$}{right}", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_inside_only_when_they_must() {
        assert_eq!(wrap("one two three", 8), ["one two ", "three"]);
        assert_eq!(wrap("a\n\nb", 8), ["a", "", "b"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("你好吗", 4), ["你好", "吗"]);
        assert_eq!(wrap("", 4), [""]);
    }

    #[test]
    fn what_does_not_fit_is_cut() {
        assert_eq!(cut("Leo Marsh", 9), "Leo Marsh");
        assert_eq!(cut("Leo Marsh", 6), "Leo M…");
        assert_eq!(cut("你好吗", 4), "你…");
        assert_eq!(ends("Leo Marsh", "2 new", 12), "Leo M… 2 new");
        assert_eq!(ends("Leo", "", 5), "Leo  ");
    }
}
