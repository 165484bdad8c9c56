//! Texts in columns. Widths are those of a terminal: a Chinese character takes two.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

/// Where the lines of at most this width are in the text, broken between words where that is possible.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<Range<usize>> {
    let width = width.max(2);
    let mut lines = Vec::new();
    let mut start = 0;
    for paragraph in text.split('\n') {
        let (mut at, mut used) = (start, 0);
        for word in paragraph.split_inclusive(' ') {
            let columns = word.trim_end_matches(' ').width();
            if used + columns > width && used > 0 {
                lines.push(start..at);
                (start, used) = (at, 0);
            }
            if columns <= width {
                used += word.width();
                at += word.len();
                continue;
            }
            for grapheme in word.graphemes(true) {
                if used + grapheme.width() > width && used > 0 {
                    lines.push(start..at);
                    (start, used) = (at, 0);
                }
                used += grapheme.width();
                at += grapheme.len();
            }
        }
        lines.push(start..at);
        start = at + 1;
    }
    lines
}

/// The lines themselves.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<&str> {
    wrapped(text, width).into_iter().map(|line| &text[line]).collect()
}

/// The beginning of the text, with an ellipsis when it does not fit.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut taken = 0;
    let beginning = text.graphemes(true).take_while(|grapheme| {
        taken += grapheme.width();
        taken < width
    });
    let mut beginning: String = beginning.collect();
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

/// A number of bytes, as people read it.
pub(crate) fn size(bytes: u64) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let Some((unit, shift)) = units.into_iter().find(|(_, shift)| bytes >> shift > 0) else {
        return format!("{bytes} B");
    };
    let tenths = (u128::from(bytes) * 10) >> shift;
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_inside_only_when_they_must() {
        assert_eq!(wrap("one two three", 8), ["one two ", "three"]);
        assert_eq!(wrap("a\n\nb", 8), ["a", "", "b"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("ab abcdefgh", 4), ["ab ", "abcd", "efgh"]);
        assert_eq!(wrap("你好吗", 4), ["你好", "吗"]);
        assert_eq!(wrap("👩\u{200d}👩\u{200d}👧x", 2), ["👩\u{200d}👩\u{200d}👧", "x"]);
        assert_eq!(wrap("", 4), [""]);
        assert_eq!(wrap("a\n", 4), ["a", ""]);
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
