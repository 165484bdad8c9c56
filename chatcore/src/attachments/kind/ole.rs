//! Documents of Office before 2007: a file system in a file ([MS-CFB]), of which only the directory is read.

use std::io::{self, Read, Seek};

use super::{Found, Kind, read_at, refused, u16_at, u32_at};

const HEADER: usize = 512;
/// An entry of the directory.
const ENTRY: usize = 128;
/// So many sectors of the directory are read (4,096 entries, or 32,768 of those with large sectors).
const MOST_SECTORS: usize = 1_024;
/// From here on numbers of sectors mean something else, the end among it.
const NO_SECTOR: u32 = 0xffff_fffa;

/// Looks for the streams by which the programs know their documents.
pub(super) fn look(file: &mut (impl Read + Seek)) -> Found {
    let mut header = [0; HEADER];
    if !read_at(file, 0, &mut header)? {
        return Ok(None);
    }
    let sector = match (u16_at(&header, 26), u16_at(&header, 30)) {
        (3, 9) => 512,
        (4, 12) => 4_096,
        _ => return Ok(None),
    };
    let Some(seen) = Compound { file, header, sector }.directory()? else { return Ok(None) };
    Ok(Some(match (seen.macros, seen.kind) {
        (true, Some(_)) => refused("Documents with macros are not taken."),
        (false, Some(kind)) => Ok(kind),
        (_, None) if seen.sealed => {
            refused("Documents with a password are not taken, since nobody can see what they are.")
        }
        (_, None) => refused("Files of this kind are not taken."),
    }))
}

#[derive(Default)]
struct Seen {
    kind: Option<Kind>,
    macros: bool,
    sealed: bool,
}

struct Compound<'a, F> {
    file: &'a mut F,
    header: [u8; HEADER],
    sector: usize,
}

impl<F: Read + Seek> Compound<'_, F> {
    fn directory(&mut self) -> io::Result<Option<Seen>> {
        let mut seen = Seen::default();
        let mut entries = vec![0; self.sector];
        let mut sector = u32_at(&self.header, 48);
        for _ in 0..MOST_SECTORS {
            if sector >= NO_SECTOR {
                return Ok(Some(seen));
            }
            if !self.read(sector, 0, &mut entries)? {
                return Ok(None);
            }
            entries.chunks_exact(ENTRY).for_each(|entry| seen.entry(entry));
            let Some(next) = self.after(sector)? else { return Ok(None) };
            sector = next;
        }
        Ok(None)
    }

    /// The sector that follows in the same stream: a table says so, whose own sectors are listed in the header and,
    /// of large files, in sectors of their own.
    fn after(&mut self, sector: u32) -> io::Result<Option<u32>> {
        let (in_sector, listed) = (self.sector / 4, (HEADER - 76) / 4);
        let (table, place) = (sector as usize / in_sector, sector as usize % in_sector);
        let table = if table < listed {
            u32_at(&self.header, 76 + 4 * table)
        } else {
            let (rest, per_list) = (table - listed, in_sector - 1);
            let mut list = u32_at(&self.header, 68);
            for _ in 0..rest / per_list {
                match self.number(list, per_list)? {
                    Some(next) if next < NO_SECTOR => list = next,
                    _ => return Ok(None),
                }
            }
            match self.number(list, rest % per_list)? {
                Some(table) => table,
                None => return Ok(None),
            }
        };
        self.number(table, place)
    }

    fn number(&mut self, sector: u32, place: usize) -> io::Result<Option<u32>> {
        let mut number = [0; 4];
        let there = sector < NO_SECTOR && self.read(sector, 4 * place, &mut number)?;
        Ok(there.then_some(u32::from_le_bytes(number)))
    }

    fn read(&mut self, sector: u32, within: usize, buffer: &mut [u8]) -> io::Result<bool> {
        read_at(self.file, (u64::from(sector) + 1) * self.sector as u64 + within as u64, buffer)
    }
}

impl Seen {
    fn entry(&mut self, entry: &[u8]) {
        let length = usize::from(u16_at(entry, 64)).clamp(2, 64) / 2 - 1;
        let name: String =
            char::decode_utf16((0..length).map(|at| u16_at(entry, 2 * at))).map(|c| c.unwrap_or('\u{fffd}')).collect();
        match name.as_str() {
            "WordDocument" => self.kind = Some(Kind::Doc),
            "Workbook" | "Book" => self.kind = Some(Kind::Xls),
            "PowerPoint Document" => self.kind = Some(Kind::Ppt),
            "Macros" | "_VBA_PROJECT_CUR" | "VBA" | "_VBA_PROJECT" => self.macros = true,
            "EncryptedPackage" => self.sealed = true,
            _ => {}
        }
    }
}
