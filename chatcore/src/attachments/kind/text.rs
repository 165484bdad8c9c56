//! Whether a file is text, and none that a program would take for something else.

use std::io::{self, Read, Seek};

use super::{Found, Kind, refused};

/// Read so much at a time.
const PIECE: usize = 32 << 10;

/// Looks at the whole file, a piece at a time, up to the first byte that no text has.
pub(super) fn look(file: &mut (impl Read + Seek), table: bool) -> Found {
    file.rewind()?;
    let mut start = Start::default();
    let mut buffer = vec![0; PIECE];
    let mut kept = 0;
    loop {
        let read = read_some(file, &mut buffer[kept..])?;
        let filled = &buffer[..kept + read];
        let (text, rest) = match std::str::from_utf8(filled) {
            Ok(text) => (text, 0),
            // A character that goes on in the next piece.
            Err(cut) if cut.error_len().is_none() && read > 0 => {
                let (text, rest) = filled.split_at(cut.valid_up_to());
                (std::str::from_utf8(text).unwrap_or_default(), rest.len())
            }
            Err(_) => return Ok(None),
        };
        if text.chars().any(is_control) {
            return Ok(None);
        }
        start.take(text);
        if read == 0 {
            break;
        }
        let from = kept + read - rest;
        buffer.copy_within(from..from + rest, 0);
        kept = rest;
    }
    Ok(Some(match start.verdict() {
        Some(why) => refused(why),
        None => Ok(if table { Kind::Csv } else { Kind::Text }),
    }))
}

fn read_some(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match file.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

/// What a terminal or a browser may take for more than text.
fn is_control(character: char) -> bool {
    character.is_control() && !matches!(character, '\t' | '\n' | '\r')
}

/// The first characters that are not blank, in small letters.
#[derive(Default)]
struct Start {
    text: String,
}

/// As many as the longest of the beginnings that are looked for.
const START: usize = 16;

/// Tags by which programs recognise HTML when they guess (the MIME Sniffing Standard, 7.1), and their like.
const PAGES: [&str; 22] = [
    "a", "b", "body", "br", "div", "font", "form", "frameset", "h1", "head", "html", "iframe", "img", "link", "math",
    "meta", "object", "p", "script", "style", "table", "title",
];

impl Start {
    fn take(&mut self, text: &str) {
        if self.text.len() >= START {
            return;
        }
        let skip = |character: &char| self.text.is_empty() && (character.is_whitespace() || *character == '\u{feff}');
        let wanted: String = text.chars().skip_while(skip).take(START - self.text.len()).collect();
        self.text.push_str(&wanted.to_lowercase());
    }

    fn verdict(&self) -> Option<&'static str> {
        let text = self.text.as_str();
        if text.starts_with("#!") || text.starts_with("<?php") || text.starts_with("<?=") || text.starts_with("<%") {
            return Some("Scripts are not taken.");
        }
        if text.starts_with("<svg") {
            return Some("Pictures in SVG are not taken, since they can hold programs; PNG or WebP are.");
        }
        if text.starts_with("<?xml") || text.starts_with("<!doctype") || text.starts_with("<!--") || is_page(text) {
            return Some("Pages (HTML, XML) are not taken, since they can hold programs.");
        }
        if text.starts_with("{\\rtf") || text.starts_with("%!ps") {
            return Some("Documents in RTF or PostScript are not taken; PDF and DOCX are.");
        }
        None
    }
}

/// Whether it begins with a tag of a page.
fn is_page(text: &str) -> bool {
    let Some(tag) = text.strip_prefix('<') else { return false };
    PAGES.iter().any(|name| {
        tag.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(|next: char| matches!(next, '>' | '/') || next.is_whitespace()))
    })
}
