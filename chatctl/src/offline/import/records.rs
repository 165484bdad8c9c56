//! The records of a file one after the other, each with its place; never more of it in memory than one.

use std::io::{BufRead, BufReader, ErrorKind, Read};

use super::mapping::{Collection, ID};
use super::report::Place;
use super::source::Format;
use super::value::Record;

/// The largest document of `MongoDB` is 16 MiB, and some more while it is moved about.
const MOST_BSON: u32 = (16 << 20) + (16 << 10);
/// A record in extended JSON, which is longer than in BSON.
const MOST_JSON: usize = 64 << 20;
/// Four bytes of length, and the end.
const LEAST_BSON: u32 = 5;

/// A record, or what stands in its place.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) place: Place,
    pub(super) length: u32,
    /// Why it is none.
    pub(super) record: Result<Record, String>,
}

impl Found {
    /// The id of the record, for reports.
    pub(super) fn id(&self) -> Option<String> {
        Some(self.record.as_ref().ok()?.id(ID)?.to_string())
    }
}

/// Reads a file.
pub(super) struct Records<R> {
    content: BufReader<R>,
    fields: &'static [&'static [&'static str]],
    shape: Shape,
    number: u64,
    offset: u64,
    buffer: Vec<u8>,
    /// Why nothing more could be read.
    failed: Option<String>,
    ended: bool,
}

/// How records stand one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Bson,
    /// Not looked at yet.
    Json,
    /// One on each line.
    Lines,
    /// In a list, or over several lines each.
    Objects,
}

impl<R: Read> Records<R> {
    pub(super) fn new(content: BufReader<R>, format: Format, collection: Collection) -> Self {
        let shape = match format {
            Format::Bson => Shape::Bson,
            Format::Json => Shape::Json,
        };
        let fields = collection.fields();
        Self { content, fields, shape, number: 0, offset: 0, buffer: Vec::new(), failed: None, ended: false }
    }

    /// The next record; `None`: that was all.
    pub(super) fn next(&mut self) -> Option<Found> {
        if self.ended {
            return None;
        }
        if self.shape == Shape::Json {
            self.shape = self.json_shape();
        }
        let found = match self.shape {
            Shape::Bson => self.document(),
            Shape::Lines | Shape::Json => self.line(),
            Shape::Objects => self.object(),
        };
        if found.is_none() {
            self.ended = true;
            return self.failed.take().map(|why| self.end(why));
        }
        found
    }

    fn document(&mut self) -> Option<Found> {
        let mut length = [0; 4];
        match self.fill(&mut length) {
            0 => return None,
            4 => {}
            some => return Some(self.cut_off(&format!("{some} bytes into the length of a document"))),
        }
        let claimed = u32::from_le_bytes(length);
        if !(LEAST_BSON..=MOST_BSON).contains(&claimed) {
            let left = 4 + self.rest();
            return Some(self.end(format!(
                "a document cannot have {} bytes; the {left} bytes from here on are not read",
                i32::from_le_bytes(length)
            )));
        }
        self.buffer.clear();
        self.buffer.extend_from_slice(&length);
        let body = u64::from(claimed) - 4;
        // Only as much memory as there are bytes.
        let read = (&mut self.content).take(body).read_to_end(&mut self.buffer);
        self.failed = read.err().map(|error| broken(&error));
        let got = self.buffer.len();
        if got < claimed as usize {
            return Some(self.cut_off(&format!("of the {claimed} bytes of this document there are {got}")));
        }
        let record = Record::of_bson(&self.buffer, self.fields);
        Some(self.found(u64::from(claimed), claimed, record))
    }

    /// The first characters say how it was written.
    fn json_shape(&mut self) -> Shape {
        self.skip(|byte| byte.is_ascii_whitespace() || matches!(byte, 0xef | 0xbb | 0xbf));
        match self.content.fill_buf().unwrap_or_default() {
            [b'[', ..] => Shape::Objects,
            [b'{', rest @ ..] if rest.iter().find(|byte| **byte != b'\r') == Some(&b'\n') => Shape::Objects,
            _ => Shape::Lines,
        }
    }

    fn line(&mut self) -> Option<Found> {
        self.skip(|byte| byte.is_ascii_whitespace());
        self.buffer.clear();
        let most = MOST_JSON as u64;
        let read = (&mut self.content).take(most).read_until(b'\n', &mut self.buffer);
        let length = self.buffer.len() as u64;
        match read {
            Err(error) => return Some(self.end(broken(&error))),
            Ok(0) => return None,
            Ok(_) if length == most && !self.buffer.ends_with(b"\n") => {
                let more = self.pass_line();
                return Some(self.found(length + more, 0, Err(too_long())));
            }
            Ok(_) => {}
        }
        let record = Record::of_json(&self.buffer, self.fields);
        Some(self.found(length, u32::try_from(length).unwrap_or(u32::MAX), record))
    }

    /// The next `{…}`, over however many lines it goes.
    fn object(&mut self) -> Option<Found> {
        let between = |byte: u8| byte.is_ascii_whitespace() || matches!(byte, b'[' | b',' | b']');
        self.skip(between);
        let first = match self.content.fill_buf() {
            Ok(chunk) => *chunk.first()?,
            Err(error) => {
                self.failed = Some(broken(&error));
                return None;
            }
        };
        if first != b'{' {
            let left = self.rest();
            return Some(self.end(format!("here is no object; the {left} bytes from here on are not read")));
        }
        self.buffer.clear();
        let (mut depth, mut in_text, mut escaped) = (0_u64, false, false);
        loop {
            let chunk = match self.content.fill_buf() {
                Ok([]) => return Some(self.end("the file ends within this object".to_owned())),
                Ok(chunk) => chunk,
                Err(error) => {
                    let why = broken(&error);
                    return Some(self.end(why));
                }
            };
            let mut taken = 0;
            for byte in chunk {
                taken += 1;
                match (in_text, *byte) {
                    (true, _) if escaped => escaped = false,
                    (true, b'\\') => escaped = true,
                    (_, b'"') => in_text = !in_text,
                    (false, b'{') => depth += 1,
                    (false, b'}') => depth -= 1,
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
            }
            self.buffer.extend_from_slice(&chunk[..taken]);
            self.content.consume(taken);
            if depth == 0 {
                let length = self.buffer.len() as u64;
                let record = Record::of_json(&self.buffer, self.fields);
                return Some(self.found(length, u32::try_from(length).unwrap_or(u32::MAX), record));
            }
            if self.buffer.len() > MOST_JSON {
                return Some(self.end(too_long()));
            }
        }
    }

    fn found(&mut self, length: u64, kept: u32, record: Result<Record, String>) -> Found {
        self.number += 1;
        let place = Place { record: self.number, offset: self.offset };
        self.offset += length;
        Found { place, length: kept, record }
    }

    /// The file ends where it should not, or cannot be read.
    fn cut_off(&mut self, how: &str) -> Found {
        let why = self.failed.take().unwrap_or_else(|| format!("the file ends here: {how}"));
        self.end(why)
    }

    /// Nothing that follows can be made out any more.
    fn end(&mut self, why: String) -> Found {
        self.ended = true;
        self.found(0, 0, Err(why))
    }

    fn skip(&mut self, passed_over: impl Fn(u8) -> bool) {
        loop {
            let chunk = match self.content.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) => {
                    self.failed = Some(broken(&error));
                    return;
                }
            };
            let count = chunk.iter().take_while(|byte| passed_over(**byte)).count();
            let all = count == chunk.len();
            self.content.consume(count);
            self.offset += count as u64;
            if count == 0 || !all {
                return;
            }
        }
    }

    fn fill(&mut self, bytes: &mut [u8]) -> usize {
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.content.read(rest) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failed = Some(broken(&error));
                    break;
                }
                Ok(0) => break,
                Ok(count) => filled += count,
            }
        }
        filled
    }

    /// How many bytes are left.
    fn rest(&mut self) -> u64 {
        std::io::copy(&mut self.content, &mut std::io::sink()).unwrap_or(0)
    }

    fn pass_line(&mut self) -> u64 {
        let mut passed = 0;
        loop {
            let Ok(chunk) = self.content.fill_buf() else { return passed };
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let count = end.map_or(chunk.len(), |end| end + 1);
            self.content.consume(count);
            passed += count as u64;
            if end.is_some() || count == 0 {
                return passed;
            }
        }
    }
}

fn broken(error: &std::io::Error) -> String {
    format!("the file cannot be read from here on: {error}")
}

fn too_long() -> String {
    format!("a record has at most {} MiB", MOST_JSON >> 20)
}
