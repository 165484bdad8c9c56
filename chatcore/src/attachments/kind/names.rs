//! Endings of file names.

use std::borrow::Cow;

use super::super::picture::Format;
use super::Kind;

pub(super) fn is_table(name: &str) -> bool {
    ends_with(name, "csv")
}

/// The endings that fit a kind, the usual one first. Of text those that nothing runs.
pub(super) fn endings(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Picture(Format::Png) => &["png"],
        Kind::Picture(Format::Jpeg) => &["jpg", "jpeg", "jfif"],
        Kind::Picture(Format::Gif) => &["gif"],
        Kind::Picture(Format::Webp) => &["webp"],
        Kind::Pdf => &["pdf"],
        Kind::Zip => &["zip"],
        Kind::Docx => &["docx"],
        Kind::Xlsx => &["xlsx"],
        Kind::Pptx => &["pptx"],
        Kind::Odt => &["odt"],
        Kind::Ods => &["ods"],
        Kind::Odp => &["odp"],
        Kind::Doc => &["doc"],
        Kind::Xls => &["xls"],
        Kind::Ppt => &["ppt"],
        Kind::Csv => &["csv"],
        Kind::Text => {
            &["txt", "log", "md", "json", "yaml", "yml", "toml", "ini", "conf", "tsv", "srt", "vtt", "diff", "patch"]
        }
    }
}

/// The name itself when it ends in one of `endings`, else with the first of them appended.
pub(super) fn with_ending<'a>(name: &'a str, endings: &[&str]) -> Cow<'a, str> {
    match endings {
        [usual, ..] if !endings.iter().any(|ending| ends_with(name, ending)) => format!("{name}.{usual}").into(),
        _ => name.into(),
    }
}

fn ends_with(name: &str, ending: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, end)| end.eq_ignore_ascii_case(ending))
}
