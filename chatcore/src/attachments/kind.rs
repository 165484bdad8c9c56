//! What a file is, told by what is in it: its name and what its sender says of it count for nothing.

use std::io::{Read, Seek};

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

impl Kind {
    /// Looks at a file from its beginning on. Reads its head, the list of its parts where it is an archive, and all of
    /// it only where everything says that it is text. `name` is asked for one thing: whether a text is a table.
    pub fn of(file: &mut (impl Read + Seek), name: &str) -> Result<Self, Unfit> {
        let _ = (file, name);
        Err(Unfit::Kind("Not yet.".into()))
    }

    /// The media type under which it is handed out.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Picture(format) => format.media_type(),
            _ => "application/octet-stream",
        }
    }

    /// `name` with an ending that fits: text that is called `invoice.bat` is handed out as `invoice.bat.txt`.
    #[must_use]
    pub fn file_name(self, name: &str) -> String {
        name.to_owned()
    }
}
