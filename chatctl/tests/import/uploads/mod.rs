//! The files of the replaced backend: what comes, what does not, and who may have it then.

mod broken_off;
mod handed_out;

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use bson::{Document, doc};
use image::{ImageFormat, RgbImage};
use serde_json::{Value, json};

use crate::dump::{Dump, Form, id, message};
use crate::shop::{Shop, is_there, texts};

/// In what a camera writes beside the picture.
const WHERE: &[u8] = b"52 deg 30' 58.7\" N";
const NOTE: &str = "The mug is blue, and it was 12.50 last week.\n";

/// A photograph, with where it was taken in it.
fn photograph() -> Vec<u8> {
    let mut picture = Vec::new();
    let pixels = RgbImage::from_fn(640, 480, |x, y| image::Rgb([x.to_le_bytes()[0], y.to_le_bytes()[0], 7]));
    pixels.write_to(&mut std::io::Cursor::new(&mut picture), ImageFormat::Jpeg).expect("a picture");
    let exif = [b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0", WHERE].concat();
    let length = u16::try_from(exif.len() + 2).expect("it is short").to_be_bytes();
    [&picture[..2], &[0xff, 0xe1], &length, &exif, &picture[2..]].concat()
}

fn has(content: &[u8], part: &[u8]) -> bool {
    content.windows(part.len()).any(|window| window == part)
}

fn with(mut message: Document, field: &str, files: impl Into<bson::Bson>) -> Document {
    message.insert(field, files);
    message
}

/// Messages of Ana and Leo that name files in the ways of several backends, and in ways of people who try something.
fn dump() -> Dump {
    let mut dump = Dump::of_a_shop();
    let multer = doc! {
        "fieldname": "file", "originalname": "My note.txt", "mimetype": "image/png", "destination": "uploads/",
        "filename": "1700-note.txt", "path": "uploads\\1700-note.txt", "size": 7,
    };
    let elsewhere = doc! {"url": "https://old.shop.example/uploads/blue%20mug.jpg?v=2", "type": "image"};
    let mut both = with(message(31, 10, 2, ""), "attachments", vec![multer, elsewhere]);
    both.insert("attachment", "");
    dump.messages.extend([
        with(message(30, 10, 1, "Look"), "attachment", "/uploads/1700-here.jpg"),
        both,
        with(message(32, 10, 1, ""), "attachment", "/uploads/gone.png"),
        with(message(33, 10, 1, "one"), "file", "../../etc/passwd"),
        with(message(34, 10, 1, "two"), "file", "/etc/passwd"),
        with(message(35, 10, 1, "three"), "file", "uploads/out.txt"),
        with(message(36, 10, 1, "four"), "file", "uploads/page.html"),
        with(message(37, 10, 1, "five"), "file", "uploads/large.txt"),
        with(message(38, 10, 1, "six"), "file", "uploads/empty.txt"),
        with(message(39, 10, 1, "seven"), "file", "uploads/folder"),
        with(message(40, 10, 1, "eight"), "file", doc! {"name": "My note.txt"}),
        with(message(41, 10, 1, "nine"), "files", vec!["/uploads/1700-note.txt"; 12]),
        with(with(message(42, 10, 1, "ten"), "file", "uploads/1700-note.txt"), "isDeleted", true),
        // In another conversation.
        with(message(43, 12, 3, ""), "image", "uploads/in.txt"),
    ]);
    dump
}

/// A shop whose old backend had these files.
fn shop() -> Shop {
    let shop = Shop::with(&dump());
    shop.upload("1700-here.jpg", photograph());
    shop.upload("blue mug.jpg", photograph());
    shop.upload("1700-note.txt", NOTE);
    shop.upload("page.html", "<!doctype html><script>alert(1)</script>");
    shop.upload("large.txt", vec![b'x'; (5 << 20) + 1]);
    shop.upload("empty.txt", "");
    std::fs::create_dir(shop.uploads().join("folder")).expect("a folder");
    let secret = shop.dump().join("secret.txt");
    std::fs::write(&secret, "nobody's business").expect("a file");
    symlink(secret, shop.uploads().join("out.txt")).expect("a link");
    symlink("1700-note.txt", shop.uploads().join("in.txt")).expect("a link");
    shop
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.path() {
            path if path.is_dir() => found.extend(files(&path)),
            path => found.push(path),
        }
    }
    found.sort();
    found
}

fn told(shop: &Shop) -> Vec<Value> {
    let of_files = shop.report().into_iter().filter(|line| line["kind"] == "file");
    of_files.map(|line| json!([line["record"], line["index"], line["name"], line["why"]])).collect()
}

#[test]
fn files_come_with_their_messages_and_what_does_not_is_told() {
    let shop = shop();
    let ran = shop.import_with_files(&["--dry-run"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(9), ""), "{ran:?}");
    let (expected, dry) = (ran.json(), shop.report());
    assert!(!is_there(&shop.folder()), "a dry run makes nothing");

    let ran = shop.import_with_files(&[]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(9), ""), "{ran:?}");
    let mut summary = ran.json();
    summary["dry_run"] = true.into();
    assert_eq!(summary, expected);
    assert_eq!(shop.report(), dry, "a dry run tells the same");
    assert_eq!(summary["messages"], json!({"imported": 18, "already_there": 0, "skipped": 0}));
    let came = &summary["files"];
    assert_eq!((&came["imported"], &came["skipped"]), (&json!(14), &json!(11)), "{summary}");
    insta::assert_json_snapshot!("files_left_out", told(&shop));

    let said = texts(&shop, id(2, 10));
    assert_eq!(said[3..6], ["Look", "", "[File: gone.png]"]);
    let contents = files(&shop.folder().join("attachments"));
    // Both pictures are the same one, with the same small one; and a note.
    assert_eq!(contents.len(), 3, "{contents:?}");
    for content in &contents {
        let content = std::fs::read(content).expect("readable");
        assert!(!has(&content, WHERE) && !has(&content, b"Exif"), "where it was taken is gone");
    }

    let (picture, position) = (shop.picture(), shop.position());
    let ran = shop.import_with_files(&[]);
    let again = ran.json();
    assert_eq!(ran.code, Some(9), "{ran:?}");
    assert_eq!(again["files"], json!({"imported": 0, "already_there": 14, "skipped": 11, "bytes": 0}));
    assert_eq!((shop.picture(), shop.position()), (picture, position));
    assert_eq!(files(&shop.folder().join("attachments")), contents);
}

#[test]
fn what_came_without_its_files_stays_without_them() {
    let shop = shop();
    assert_eq!(shop.import(&[]).code, Some(0));
    let (picture, position) = (shop.picture(), shop.position());
    let ran = shop.import_with_files(&[]);
    assert_eq!(ran.code, Some(9), "{ran:?}");
    assert_eq!(ran.json()["files"]["imported"], 0);
    let lines = told(&shop);
    assert!(lines.iter().all(|line| line[3].as_str().is_some_and(|why| why.contains("already"))), "{lines:?}");
    assert_eq!((shop.picture(), shop.position()), (picture, position));
}

#[test]
fn larger_files_come_when_that_is_asked_for() {
    let shop = shop();
    let ran = shop.import_with_files(&["--max-file-bytes", "6000000"]);
    assert_eq!(ran.json()["files"]["imported"], 15, "{ran:?}");
    let small = self::shop();
    let ran = small.import_with_files(&["--max-file-bytes", "10"]);
    assert_eq!(ran.json()["files"]["imported"], 0, "{ran:?}");
    assert_eq!(files(&small.folder().join("attachments")), [] as [PathBuf; 0]);
}

#[test]
fn a_folder_that_is_none_or_holds_the_data_is_told_in_one_sentence() {
    let shop = Shop::with(&dump());
    let ran = shop.import_with_files(&[]);
    assert_eq!((ran.code, ran.err.lines().count()), (Some(5), 1), "{ran:?}");
    assert!(!is_there(&shop.folder()));
    let create = ["user", "create", "ada@shop.example", "--role", "admin", "--password-stdin"];
    assert_eq!(shop.run(&create, chat_tests::PASSWORD).code, Some(0));
    let home = shop.folder().parent().expect("a home").to_owned();
    let ran = shop.import(&["--uploads", home.to_str().expect("text")]);
    assert!(ran.code == Some(2) && ran.err.contains("The data folder lies in"), "{ran:?}");
}

#[test]
fn a_packed_dump_brings_its_files_too_and_says_so_to_people() {
    let shop = shop();
    std::fs::remove_dir_all(shop.dump().join("shop")).expect("the plain dump goes");
    dump().write(&shop.dump(), Form::PackedBson);
    let ran = shop.import_with_files(&["--dry-run"]);
    assert_eq!((ran.code, &ran.json()["files"]["imported"]), (Some(9), &json!(14)), "{ran:?}");
    assert!(!is_there(&shop.folder()), "a dry run makes nothing");
    let (dump, uploads) = (shop.dump(), shop.uploads());
    let paths = [dump.to_str().expect("text"), uploads.to_str().expect("text")];
    let ran = shop.run(&["import", "mongo", paths[0], "--uploads", paths[1]], "");
    assert_eq!((ran.code, ran.err.as_str()), (Some(9), ""), "{ran:?}");
    for line in [
        "file \"passwd\" of message 6553f1210303030303030303 left out: its path leads out of the folder",
        "files          14 imported (",
        "), 0 already there, 11 left out",
    ] {
        assert!(ran.out.contains(line), "{line}: {}", ran.out);
    }
}
