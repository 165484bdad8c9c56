//! Files that customers send, files that they call something else, and files that they had better not send.

use std::io::{Cursor, Write};

use flate2::Compression;
use flate2::write::DeflateEncoder;
use proptest::prelude::*;

use super::super::picture::Format;
use super::Kind;

fn kind_of(bytes: &[u8]) -> Result<Kind, String> {
    named("file", bytes)
}

fn named(name: &str, bytes: &[u8]) -> Result<Kind, String> {
    Kind::of(&mut Cursor::new(bytes), name).map_err(|why| format!("{}: {why}", why.code()))
}

/// An archive of files, not packed unless it says so.
fn zip(files: &[(&str, &[u8], bool)]) -> Vec<u8> {
    let (mut bytes, mut list) = (Vec::new(), Vec::new());
    for (name, content, packed) in files {
        let at = u32::try_from(bytes.len()).unwrap();
        let content = if *packed { deflated(content) } else { content.to_vec() };
        let length = u32::try_from(content.len()).unwrap().to_le_bytes();
        let named = u16::try_from(name.len()).unwrap().to_le_bytes();
        let method = if *packed { [8, 0] } else { [0, 0] };
        let both = [&[0, 0][..], &method, &[0; 8], &length, &length, &named, &[0, 0]].concat();
        bytes.extend([b"PK\x03\x04\x14\0", both.as_slice(), name.as_bytes(), &content].concat());
        let entry = [b"PK\x01\x02\x14\0\x14\0", both.as_slice(), &[0; 10], &at.to_le_bytes(), name.as_bytes()].concat();
        list.extend(entry);
    }
    let entries = u16::try_from(files.len()).unwrap().to_le_bytes();
    let [length, at] = [list.len(), bytes.len()].map(|number| u32::try_from(number).unwrap().to_le_bytes());
    [bytes, list, b"PK\x05\x06\0\0\0\0".to_vec(), [&entries[..], &entries, &length, &at, &[0, 0]].concat()].concat()
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut coded = DeflateEncoder::new(Vec::new(), Compression::default());
    coded.write_all(bytes).and_then(|()| coded.finish()).unwrap()
}

fn office(part: &str, types: &[u8]) -> Vec<u8> {
    zip(&[("[Content_Types].xml", types, true), ("_rels/.rels", b"<x/>", false), (part, b"<x/>", true)])
}

/// A document of Office before 2007, with these streams.
fn compound(streams: &[&str]) -> Vec<u8> {
    let mut header = vec![0xff; 512];
    header[..8].copy_from_slice(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1");
    header[24..32].copy_from_slice(&[0x3e, 0, 3, 0, 0xfe, 0xff, 9, 0]);
    // The directory begins in sector 1; the table of sectors is sector 0.
    header[48..52].copy_from_slice(&1_u32.to_le_bytes());
    header[76..80].copy_from_slice(&0_u32.to_le_bytes());
    let sectors = (streams.len() + 1).div_ceil(4);
    let next =
        (1..=sectors).map(|sector| if sector == sectors { 0xffff_fffe } else { u32::try_from(sector).unwrap() + 1 });
    let mut table: Vec<u8> = std::iter::once(0xffff_fffd).chain(next).flat_map(u32::to_le_bytes).collect();
    table.resize(512, 0xff);
    let mut directory = Vec::new();
    for name in std::iter::once(&"Root Entry").chain(streams) {
        let mut entry: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let length = u8::try_from(entry.len() + 2).unwrap();
        entry.resize(64, 0);
        entry.push(length);
        entry.resize(128, 0);
        directory.extend(entry);
    }
    directory.resize(512 * sectors, 0);
    [header, table, directory].concat()
}

/// A file of some length that begins like this.
fn begins(start: &[u8]) -> Vec<u8> {
    [start, &[0; 100]].concat()
}

#[test]
fn each_kind_is_known_by_its_content() {
    let open = |kind: Kind| zip(&[("mimetype", kind.media_type().as_bytes(), false), ("content.xml", b"<x/>", true)]);
    let files = [
        (b"\x89PNG\r\n\x1a\nand so on".to_vec(), Kind::Picture(Format::Png)),
        (b"\xff\xd8\xff\xe0and so on".to_vec(), Kind::Picture(Format::Jpeg)),
        (b"GIF89aand so on".to_vec(), Kind::Picture(Format::Gif)),
        (b"RIFF1234WEBPand so on".to_vec(), Kind::Picture(Format::Webp)),
        (b"%PDF-1.7\n%\xe2\xe3".to_vec(), Kind::Pdf),
        (zip(&[("a.txt", b"a", false)]), Kind::Zip),
        (zip(&[]), Kind::Zip),
        (office("word/document.xml", b"<Types/>"), Kind::Docx),
        (office("xl/workbook.xml", b"<Types/>"), Kind::Xlsx),
        (office("ppt/presentation.xml", b"<Types/>"), Kind::Pptx),
        (open(Kind::Odt), Kind::Odt),
        (open(Kind::Ods), Kind::Ods),
        (open(Kind::Odp), Kind::Odp),
        (compound(&["WordDocument"]), Kind::Doc),
        (compound(&["\u{5}SummaryInformation", "a", "b", "c", "Workbook"]), Kind::Xls),
        (compound(&["PowerPoint Document"]), Kind::Ppt),
        (b"Where is order 1001?\r\n\tAna".to_vec(), Kind::Text),
    ];
    for (bytes, kind) in &files {
        assert_eq!(named("photo.csv.exe", bytes), Ok(*kind));
    }
    assert_eq!(named("Orders.CSV", b"order;sum\n1001;12,50\n"), Ok(Kind::Csv));
    assert_eq!(named("Orders.csv", &files[0].0), Ok(Kind::Picture(Format::Png)), "its name makes it no table");
    let known = files.iter().map(|(_, kind)| *kind).chain([Kind::Csv]);
    assert!(Kind::ALL.iter().all(|kind| known.clone().any(|other| other == *kind)));
}

#[test]
fn what_can_run_is_refused() {
    let macros = "Documents with macros are not taken.";
    let refused: [(&[u8], &str); 24] = [
        (b"<!DOCTYPE html><p>", "Pages (HTML, XML) are not taken, since they can hold programs."),
        (b"\xef\xbb\xbf \n\t<HTML>", "Pages (HTML, XML) are not taken, since they can hold programs."),
        (b"<script>alert(1)</script>", "Pages (HTML, XML) are not taken, since they can hold programs."),
        (b"<img src=x onerror=alert(1)>", "Pages (HTML, XML) are not taken, since they can hold programs."),
        (b"<!-- hm --><svg>", "Pages (HTML, XML) are not taken, since they can hold programs."),
        (b"<?xml version='1.0'?><svg/>", "Pages (HTML, XML) are not taken, since they can hold programs."),
        (b"<svg onload=alert(1)>", "Pictures in SVG are not taken, since they can hold programs; PNG or WebP are."),
        (b"#!/bin/sh\nrm -r ~", "Scripts are not taken."),
        (b"<?php system('id');", "Scripts are not taken."),
        (b"{\\rtf1\\ansi}", "Documents in RTF or PostScript are not taken; PDF and DOCX are."),
        (b"%!PS-Adobe-3.0", "Documents in RTF or PostScript are not taken; PDF and DOCX are."),
        (&begins(b"\x7fELF\x02\x01\x01\0and so on"), "Programs are not taken."),
        (&begins(b"MZ\x90\0\x03\0\0\0"), "Programs are not taken."),
        (&begins(b"\xcf\xfa\xed\xfe\x07\0\0\x01"), "Programs are not taken."),
        (&begins(b"\0asm\x01\0\0\0"), "Programs are not taken."),
        (&begins(b"Rar!\x1a\x07\x01\0"), "Files of the kind application/vnd.rar are not taken."),
        (&office("word/vbaProject.bin", b"<Types/>"), macros),
        (&office("word/x.xml", b"<Types><Default ContentType='application/vnd.ms-office.vbaProject'/>"), macros),
        (&office("xl/x.xml", b"vnd.ms-excel.sheet.macroEnabled.main+xml"), macros),
        (&compound(&["WordDocument", "Macros"]), macros),
        (
            &compound(&["EncryptedPackage"]),
            "Documents with a password are not taken, since nobody can see what they are.",
        ),
        (&compound(&["Property"]), "Files of this kind are not taken."),
        (&zip(&[("Main.class", b"", false)]), "Programs are not taken."),
        (
            b"caf\xe9",
            "It is not known what kind of file this is. Text has to be in UTF-8; anything else can be sent in a ZIP archive.",
        ),
    ];
    for (bytes, why) in refused {
        let said = kind_of(bytes).expect_err("it is refused");
        assert_eq!(said, format!("unsupported_media_type: {why}"), "{}", bytes.escape_ascii());
    }
    assert_eq!(kind_of(b""), Err("invalid: The file is empty.".to_owned()));
}

#[test]
fn what_is_only_nearly_a_kind_is_none_of_it() {
    let archive = zip(&[("a.txt", b"a", false)]);
    assert!(kind_of(&[archive.as_slice(), b"<script>"].concat()).is_err(), "something follows the archive");
    assert!(kind_of(&archive[..archive.len() - 30]).is_err());
    assert!(kind_of(b"text and a\0nul").is_err());
    assert!(kind_of(b"\x1b]52;c;bad\x07").is_err(), "what a terminal would obey");
    assert!(kind_of("C1 \u{9b}31m".as_bytes()).is_err());
    assert!(kind_of(b"%PDF-x").is_ok_and(|kind| kind == Kind::Text));
    // Tags in the middle of a text: it is handed out as text, and nothing guesses beyond the beginning.
    assert_eq!(kind_of(b"It said <script> there."), Ok(Kind::Text));
    assert_eq!(kind_of(b"<Ana> Where is it?"), Ok(Kind::Text));
    assert_eq!(kind_of(b"BMW or MZ"), Ok(Kind::Text));
}

#[test]
fn text_is_text_to_its_end() {
    let edge = 32 << 10;
    for at in edge - 4..edge + 2 {
        let mut text = "a".repeat(at);
        text.push_str("€ and so on");
        assert_eq!(kind_of(text.as_bytes()), Ok(Kind::Text), "{at}");
        assert!(kind_of(&text.as_bytes()[..at + 2]).is_err(), "half a character at the end, {at}");
    }
    let long = "text ".repeat(100_000);
    assert_eq!(kind_of(long.as_bytes()), Ok(Kind::Text));
    assert!(kind_of(&[long.as_bytes(), b"\xff"].concat()).is_err());
    let late = [" \n".repeat(40_000).as_bytes(), b"<html>"].concat();
    assert!(kind_of(&late).is_err(), "blanks hide nothing");
}

#[test]
fn names_end_as_their_files_are() {
    let names = [
        (Kind::Text, "invoice.bat", "invoice.bat.txt"),
        (Kind::Text, "notes.md", "notes.md"),
        (Kind::Text, "page.html", "page.html.txt"),
        (Kind::Picture(Format::Jpeg), "IMG_1.JPEG", "IMG_1.JPEG"),
        (Kind::Picture(Format::Png), "photo.jpg", "photo.jpg.png"),
        (Kind::Pdf, "order", "order.pdf"),
        (Kind::Zip, "setup.exe", "setup.exe.zip"),
        (Kind::Csv, "table.csv", "table.csv"),
    ];
    for (kind, name, handed_out) in names {
        assert_eq!(kind.file_name(name), handed_out);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_break_anything(bytes in prop::collection::vec(any::<u8>(), 0..600), start in 0..6_usize) {
        let starts: [&[u8]; 6] = [b"", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"<", b"%PDF-1.", b"RIFF"];
        let _ = kind_of(&[starts[start], &bytes].concat());
    }

    #[test]
    fn changed_archives_break_nothing(
        which in 0..3_usize,
        replaced in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        end in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let mut bytes = [
            office("word/document.xml", b"<Types/>"),
            zip(&[("mimetype", b"application/vnd.oasis.opendocument.text", false)]),
            compound(&["a", "b", "c", "d", "Workbook"]),
        ][which].clone();
        for (at, byte) in replaced {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if cut {
            bytes.truncate(end.index(bytes.len()));
        }
        let _ = kind_of(&bytes);
    }
}
