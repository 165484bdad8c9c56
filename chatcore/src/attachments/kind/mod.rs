//! What a file is, told by what is in it: its name and what its sender says of it count for nothing.
//!
//! The kinds that are taken are told by code of our own, which asks for more than the first bytes: an archive has a
//! list of entries that ends with the file, a text is text to its end. The crate `infer` only names what is refused.
//!
//! Text that begins like a page or a program (HTML, SVG, XML, PHP, `#!`, RTF, PostScript) is refused, since programs
//! look no further than the beginning when they guess. Anything that is text and begins otherwise is plain text, tags
//! in the middle or not: a customer may send a log. It is handed out as `text/plain`, as an attachment.

mod names;
mod ole;
#[cfg(test)]
mod tests;
mod text;
mod zip;

use std::borrow::Cow;
use std::io::{self, Read, Seek, SeekFrom};

use super::Unfit;
use super::picture::Format;

/// The kinds of files that are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A picture, which is cleaned before others see it.
    Picture(Format),
    /// A document in the Portable Document Format.
    Pdf,
    /// An archive; it is not looked into beyond its list of entries.
    Zip,
    /// A document of Word.
    Docx,
    /// A document of Excel.
    Xlsx,
    /// A document of `PowerPoint`.
    Pptx,
    /// A text of `LibreOffice`.
    Odt,
    /// A table of `LibreOffice`.
    Ods,
    /// A presentation of `LibreOffice`.
    Odp,
    /// A document of Word before 2007.
    Doc,
    /// A document of Excel before 2007.
    Xls,
    /// A document of `PowerPoint` before 2007.
    Ppt,
    /// Text in UTF-8.
    Text,
    /// Text in UTF-8 whose name says that it is a table.
    Csv,
}

/// So much of the beginning is looked at; `infer` looks for parts of archives in it.
const HEAD: u64 = 4 << 10;

impl Kind {
    /// Every kind, in the order of the documentation.
    pub const ALL: &'static [Self] = &[
        Self::Picture(Format::Png),
        Self::Picture(Format::Jpeg),
        Self::Picture(Format::Gif),
        Self::Picture(Format::Webp),
        Self::Pdf,
        Self::Zip,
        Self::Docx,
        Self::Xlsx,
        Self::Pptx,
        Self::Odt,
        Self::Ods,
        Self::Odp,
        Self::Doc,
        Self::Xls,
        Self::Ppt,
        Self::Text,
        Self::Csv,
    ];

    /// Looks at a file from its beginning on. Reads its head, the list of its parts where it is an archive, and all of
    /// it only where everything says that it is text. `name` is asked for one thing: whether a text is a table.
    pub fn of(file: &mut (impl Read + Seek), name: &str) -> Result<Self, Unfit> {
        let mut head = Vec::new();
        file.rewind().and_then(|()| file.by_ref().take(HEAD).read_to_end(&mut head)).map_err(Unfit::File)?;
        let found = match Beginning::of(&head) {
            Beginning::Empty => return Err(Unfit::Damaged("The file is empty.")),
            Beginning::Kind(kind) => return Ok(kind),
            Beginning::Archive => zip::look(file),
            Beginning::Compound => ole::look(file),
            Beginning::Other => text::look(file, names::is_table(name)),
        };
        found.map_err(Unfit::File)?.ok_or_else(|| refusal(&head))?
    }

    /// The media type under which it is handed out.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Picture(format) => format.media_type(),
            Self::Pdf => "application/pdf",
            Self::Zip => "application/zip",
            Self::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Pptx => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            Self::Odt => "application/vnd.oasis.opendocument.text",
            Self::Ods => "application/vnd.oasis.opendocument.spreadsheet",
            Self::Odp => "application/vnd.oasis.opendocument.presentation",
            Self::Doc => "application/msword",
            Self::Xls => "application/vnd.ms-excel",
            Self::Ppt => "application/vnd.ms-powerpoint",
            Self::Text => "text/plain",
            Self::Csv => "text/csv",
        }
    }

    /// How it is coded, if it is a picture.
    #[must_use]
    pub fn picture(self) -> Option<Format> {
        match self {
            Self::Picture(format) => Some(format),
            _ => None,
        }
    }

    /// `name` with an ending that fits: text that is called `invoice.bat` is handed out as `invoice.bat.txt`, so that
    /// nothing runs it.
    #[must_use]
    pub fn file_name(self, name: &str) -> Cow<'_, str> {
        names::with_ending(name, names::endings(self))
    }
}

/// What the first bytes say.
enum Beginning {
    Empty,
    Kind(Kind),
    /// Of entries, one behind the other (ZIP).
    Archive,
    /// A file system in a file (OLE).
    Compound,
    Other,
}

impl Beginning {
    fn of(head: &[u8]) -> Self {
        match head {
            [] => Self::Empty,
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Self::Kind(Kind::Picture(Format::Png)),
            [0xff, 0xd8, 0xff, ..] => Self::Kind(Kind::Picture(Format::Jpeg)),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Self::Kind(Kind::Picture(Format::Gif)),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Self::Kind(Kind::Picture(Format::Webp)),
            [b'%', b'P', b'D', b'F', b'-', b'1' | b'2', b'.', ..] => Self::Kind(Kind::Pdf),
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Self::Archive,
            [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1, ..] => Self::Compound,
            _ => Self::Other,
        }
    }
}

/// What looking closer came to; `None`: it is not what it begins like.
type Found = io::Result<Option<Result<Kind, Unfit>>>;

/// It is something, and that is not taken.
fn refused(why: &'static str) -> Result<Kind, Unfit> {
    Err(Unfit::Kind(why.into()))
}

/// Why a file is refused that is none of those that are taken.
fn refusal(head: &[u8]) -> Unfit {
    let Some(kind) = infer::get(head) else {
        return Unfit::Kind(
            "It is not known what kind of file this is. Text has to be in UTF-8; anything else can be sent in a ZIP archive."
                .into(),
        );
    };
    match kind.matcher_type() {
        infer::MatcherType::App => Unfit::Kind("Programs are not taken.".into()),
        _ => Unfit::Kind(format!("Files of the kind {} are not taken.", kind.mime_type()).into()),
    }
}

/// Fills `buffer` from a place of the file; `false`: the file does not reach so far.
fn read_at(file: &mut (impl Read + Seek), at: u64, buffer: &mut [u8]) -> io::Result<bool> {
    file.seek(SeekFrom::Start(at))?;
    match file.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// A number of two bytes, the lower first. `at` lies inside.
fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

/// A number of four bytes, the lowest first. `at` lies inside.
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
