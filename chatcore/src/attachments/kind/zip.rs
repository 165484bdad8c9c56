//! What an archive is, by the list of entries at its end.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use flate2::read::DeflateDecoder;

use super::{Found, Kind, read_at, refused, u16_at, u32_at};

/// The record at the end, without its comment.
const END: usize = 22;
/// An entry of the list, without its name.
const ENTRY: usize = 46;
/// The record in front of an entry's content, without its name.
const LOCAL: usize = 30;
/// The list may be so long: an archive of 25 MiB with more is made of empty files.
const MOST_LIST: u32 = 8 << 20;
/// Of the list of parts of an Office document so much is read.
const MOST_TYPES: u64 = 1 << 20;

const MACROS: &str = "Documents with macros are not taken.";

/// Looks at the list of entries and, in an Office document, into the list of its parts.
pub(super) fn look(file: &mut (impl Read + Seek)) -> Found {
    let Some(list) = List::find(file)? else { return Ok(None) };
    let Some(seen) = list.read(file)? else { return Ok(None) };
    if let Some(why) = seen.refused {
        return Ok(Some(refused(why)));
    }
    if let (Some(types), Some(kind)) = (&seen.types, seen.office) {
        return Ok(Some(if has_macros(file, types)? { refused(MACROS) } else { Ok(kind) }));
    }
    Ok(Some(Ok(open_document(file)?.unwrap_or(Kind::Zip))))
}

/// Where the list of entries stands.
struct List {
    start: u64,
    bytes: u32,
    entries: u16,
}

impl List {
    /// The record at the end reaches to the end: nothing follows that the archive knows nothing of.
    fn find(file: &mut (impl Read + Seek)) -> io::Result<Option<Self>> {
        let length = file.seek(SeekFrom::End(0))?;
        let from = length.saturating_sub((END + usize::from(u16::MAX)) as u64);
        file.seek(SeekFrom::Start(from))?;
        let mut end = Vec::new();
        file.read_to_end(&mut end)?;
        let is_end = |at: &usize| {
            end[*at..].starts_with(b"PK\x05\x06") && at + END + usize::from(u16_at(&end, at + 20)) == end.len()
        };
        let Some(at) = (0..=end.len().saturating_sub(END)).rev().filter(|at| at + END <= end.len()).find(is_end) else {
            return Ok(None);
        };
        let (entries, bytes, start) = (u16_at(&end, at + 10), u32_at(&end, at + 12), u32_at(&end, at + 16));
        let fits = u64::from(start) + u64::from(bytes) <= from + at as u64 && bytes <= MOST_LIST;
        Ok(fits.then_some(Self { start: start.into(), bytes, entries }))
    }

    fn read(&self, file: &mut (impl Read + Seek)) -> io::Result<Option<Seen>> {
        file.seek(SeekFrom::Start(self.start))?;
        let mut list = BufReader::new(file.by_ref().take(self.bytes.into()));
        let mut seen = Seen::default();
        let mut entry = [0; ENTRY];
        let mut name = Vec::new();
        for _ in 0..self.entries {
            if list.read_exact(&mut entry).is_err() || !entry.starts_with(b"PK\x01\x02") {
                return Ok(None);
            }
            let named = u64::from(u16_at(&entry, 28));
            let behind = u64::from(u16_at(&entry, 30)) + u64::from(u16_at(&entry, 32));
            name.clear();
            list.by_ref().take(named).read_to_end(&mut name)?;
            io::copy(&mut list.by_ref().take(behind), &mut io::sink())?;
            seen.entry(&name, &entry);
        }
        Ok(Some(seen))
    }
}

/// The list of the parts of an Office document, as an entry of the archive.
struct Types {
    packed: bool,
    bytes: u32,
    at: u32,
}

#[derive(Default)]
struct Seen {
    types: Option<Types>,
    /// By the first folder of a program of Office.
    office: Option<Kind>,
    refused: Option<&'static str>,
}

impl Seen {
    fn entry(&mut self, name: &[u8], entry: &[u8; ENTRY]) {
        let name = name.to_ascii_lowercase();
        if name == b"[content_types].xml" {
            let packed = u16_at(entry, 10) != 0;
            self.types = Some(Types { packed, bytes: u32_at(entry, 20), at: u32_at(entry, 42) });
        }
        let folders: [(&[u8], Kind); 3] = [(b"word/", Kind::Docx), (b"xl/", Kind::Xlsx), (b"ppt/", Kind::Pptx)];
        let folder = folders.iter().find(|(folder, _)| name.starts_with(folder));
        self.office = self.office.or(folder.map(|(_, kind)| *kind));
        if name.ends_with(b"vbaproject.bin") {
            self.refused = Some(MACROS);
        } else if name == b"androidmanifest.xml" || name.ends_with(b".class") {
            self.refused = Some("Programs are not taken.");
        }
    }
}

/// Whether the list of parts names macros: the file in which they lie may be called anything.
fn has_macros(file: &mut (impl Read + Seek), types: &Types) -> io::Result<bool> {
    let mut local = [0; LOCAL];
    if !read_at(file, types.at.into(), &mut local)? {
        return Ok(false);
    }
    let skip = i64::from(u16_at(&local, 26)) + i64::from(u16_at(&local, 28));
    file.seek(SeekFrom::Current(skip))?;
    let content = file.by_ref().take(types.bytes.into());
    let mut text = Vec::new();
    let read = if types.packed {
        DeflateDecoder::new(BufReader::new(content)).take(MOST_TYPES).read_to_end(&mut text)
    } else {
        content.take(MOST_TYPES).read_to_end(&mut text)
    };
    // What Office cannot read either runs nothing.
    if read.is_err() {
        return Ok(false);
    }
    text.make_ascii_lowercase();
    Ok(contains(&text, b"macroenabled") || contains(&text, b"vbaproject"))
}

/// Documents of `LibreOffice` say what they are in their first entry, which is not packed.
fn open_document(file: &mut (impl Read + Seek)) -> io::Result<Option<Kind>> {
    let mut local = [0; LOCAL + 8];
    if !read_at(file, 0, &mut local)? || &local[LOCAL..] != b"mimetype" || u16_at(&local, 8) != 0 {
        return Ok(None);
    }
    let (extra, bytes) = (u16_at(&local, 28), u32_at(&local, 18));
    let mut said = vec![0; bytes.min(80) as usize];
    if !read_at(file, (local.len() + usize::from(extra)) as u64, &mut said)? {
        return Ok(None);
    }
    let kinds = [Kind::Odt, Kind::Ods, Kind::Odp];
    Ok(kinds.into_iter().find(|kind| said == kind.media_type().as_bytes()))
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|part| part == word)
}
