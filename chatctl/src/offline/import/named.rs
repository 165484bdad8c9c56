//! Files as the messages of a dump name them: what they are called, and where they lay.

use chatcore::Importer;

use super::mapping::{FILE_NAME, FILE_PLACE, message};
use super::value::{Record, Value};

/// A file that a message names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    /// The how many-th of its message, from 0 on.
    pub(super) index: u32,
    /// For people.
    pub(super) name: String,
    /// What the record says of where it lies, one way after the other.
    pub(super) places: Vec<String>,
}

/// What a file name may take of a message's text.
const NAME_CHARS: usize = 200;
/// Files that are named in the text of a message.
pub(super) const MOST_FILES: usize = 20;
/// No path is longer; what is may be the file itself, as an address.
const MOST_PLACE: usize = 4_096;

impl Named {
    /// The files of a message, and how many more it names than are looked at.
    pub(super) fn of(record: &Record) -> (Vec<Self>, usize) {
        let all = message::FILE.iter().filter_map(|field| record.get(&[*field]));
        let all = all.map(|value| value.items().iter().zip(0..).filter_map(named).collect::<Vec<_>>());
        let mut files = all.into_iter().find(|files| !files.is_empty()).unwrap_or_default();
        let more = files.len().saturating_sub(MOST_FILES);
        files.truncate(MOST_FILES);
        (files, more)
    }
}

fn named((file, index): (&Value, u32)) -> Option<Named> {
    let (name, places) = match file {
        Value::Entry(_) => {
            let places = FILE_PLACE.iter().filter_map(|field| file.field(&[*field])?.text());
            (file.field(FILE_NAME).and_then(Value::text)?, places.collect())
        }
        other => (other.text()?, vec![other.text()?]),
    };
    // Of a path or an address the last part.
    let name = name.split(['?', '#']).next()?.rsplit(['/', '\\']).find(|part| !part.is_empty())?;
    let name: String = Importer::subject(name)?.chars().take(NAME_CHARS).collect();
    let places = places.into_iter().filter(|place: &String| place.len() <= MOST_PLACE).collect();
    Some(Named { index, name, places })
}
