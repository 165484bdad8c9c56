//! The folder with the files of the replaced backend. Messages name them in ways that anybody could make up there, so
//! nothing is taken from elsewhere, whatever they say.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::named::Named;
use crate::exit::{Exit, Failure};

/// The folder.
#[derive(Debug)]
pub(super) struct Uploads {
    folder: PathBuf,
}

/// A file in it.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) file: File,
    pub(super) bytes: u64,
    name: String,
}

/// As what the old backends hand the folder out, and what it was called on their disk.
const UPLOADS: &str = "uploads";

const LEADS_OUT: &str = "its path leads out of the folder: it is not followed";
const IS_HIDDEN: &str = "its path is that of a hidden file";
const IS_MISSING: &str = "there is no such file in the folder";
const IS_NOWHERE: &str = "the record does not say where it lies";
const IS_NO_FILE: &str = "it is no file";

impl Uploads {
    /// This folder, which must not be one with the shop's own secrets in it.
    pub(super) fn open(folder: &Path, data: &Path) -> Result<Self, Failure> {
        let at = folder.display();
        let is_folder = folder.metadata().map(|found| found.is_dir());
        match is_folder {
            Err(error) => return Err(Failure::says(format!("{at} cannot be read: {error}."), Exit::NotFound)),
            Ok(false) => return Err(Failure::usage(format!("{at} is a file: give the folder with the uploads."))),
            Ok(true) => {}
        }
        let folder = folder.canonicalize()?;
        if data.canonicalize().is_ok_and(|data| data.starts_with(&folder)) {
            return Err(Failure::usage(format!(
                "The data folder lies in {at}: give the folder with the uploads alone."
            )));
        }
        Ok(Self { folder })
    }

    /// Opens a file, wherever of the places that are named for it it lies; else says why it does not come.
    pub(super) fn find(&self, named: &Named) -> Result<Upload, String> {
        let mut why = IS_NOWHERE.to_owned();
        for place in &named.places {
            match candidates(place).map_err(str::to_owned).and_then(|paths| self.first(&paths)) {
                Ok(upload) => return Ok(upload),
                // That something was not followed says more than that it is nowhere else.
                Err(_) if why != IS_NOWHERE && why != IS_MISSING => {}
                Err(other) => why = other,
            }
        }
        Err(why)
    }

    fn first(&self, paths: &[PathBuf]) -> Result<Upload, String> {
        for path in paths {
            match self.inside(path) {
                Err(why) if why == IS_MISSING => {}
                found => return found,
            }
        }
        Err(IS_MISSING.to_owned())
    }

    fn inside(&self, path: &Path) -> Result<Upload, String> {
        let unreadable = |error: std::io::Error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => IS_MISSING.to_owned(),
            _ => format!("it cannot be read: {error}"),
        };
        // With all links followed, wherever they lead.
        let real = self.folder.join(path).canonicalize().map_err(unreadable)?;
        if !real.starts_with(&self.folder) {
            return Err(LEADS_OUT.to_owned());
        }
        // Before it is opened: a pipe would be waited for.
        if !real.symlink_metadata().map_err(unreadable)?.is_file() {
            return Err(IS_NO_FILE.to_owned());
        }
        let file = File::open(&real).map_err(unreadable)?;
        let bytes = file.metadata().map_err(unreadable)?.len();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Upload { file, bytes, name })
    }
}

impl Upload {
    /// What it is called: as the record says, but for the `%20` of an address.
    pub(super) fn name(&self, named: &Named) -> String {
        let is_of_address = decoded(&named.name) == self.name;
        if is_of_address { self.name.clone() } else { named.name.clone() }
    }
}

/// Where in the folder a file may lie of which this is said.
fn candidates(place: &str) -> Result<Vec<PathBuf>, &'static str> {
    let place = place.trim();
    let address = path_of_address(place)?;
    let path = address.unwrap_or(place);
    let plain = path.split(['?', '#']).next().unwrap_or_default();
    let decoded = decoded(plain);
    let mut found = Vec::new();
    // Of an address its path alone; in the name of a file a question mark may be one.
    let written = [path, plain, &decoded];
    for text in written.iter().skip(usize::from(address.is_some())) {
        for path in below_uploads(text, address.is_some())? {
            if !found.contains(&path) {
                found.push(path);
            }
        }
    }
    Ok(found)
}

/// The path of an address, whatever host it was on; `None`: it is none.
fn path_of_address(place: &str) -> Result<Option<&str>, &'static str> {
    let lower = place.get(..8).unwrap_or(place).to_ascii_lowercase();
    let rest = match lower {
        lower if lower.starts_with("https://") => place.get(8..),
        lower if lower.starts_with("http://") => place.get(7..),
        lower if lower.starts_with("//") => place.get(2..),
        // A letter alone is a disk of Windows.
        _ => match place.split_once(':') {
            Some((scheme, _)) if scheme.len() > 1 && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
                return Err("it is no address of a file that the old backend handed out");
            }
            _ => return Ok(None),
        },
    };
    let rest = rest.unwrap_or_default();
    Ok(Some(rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default()))
}

/// The path below the folder, and the whole one in case that the folder is the one above.
fn below_uploads(text: &str, is_address: bool) -> Result<Vec<PathBuf>, &'static str> {
    let text = text.replace('\\', "/");
    let mut parts = Vec::new();
    for part in text.split('/').filter(|part| !part.is_empty() && *part != ".") {
        match part {
            ".." => return Err(LEADS_OUT),
            part if part.starts_with('.') => return Err(IS_HIDDEN),
            part => parts.push(part),
        }
    }
    if parts.is_empty() {
        return Err(IS_NO_FILE);
    }
    let of_a_disk = parts.first().is_some_and(|part| part.len() == 2 && part.ends_with(':'));
    let last = parts.iter().rposition(|part| part.eq_ignore_ascii_case(UPLOADS));
    if last.is_none() && !is_address && (of_a_disk || text.starts_with('/')) {
        return Err(LEADS_OUT);
    }
    let below = last.and_then(|last| parts.get(last + 1..)).unwrap_or(&parts);
    if below.is_empty() {
        return Err(IS_NO_FILE);
    }
    let joined = |parts: &[&str]| parts.iter().collect::<PathBuf>();
    Ok(vec![joined(below), joined(&parts)])
}

/// As an address writes it: `%20` is a space.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let digits = behind.get(..2).filter(|_| *first == b'%').and_then(|two| std::str::from_utf8(two).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = behind.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(place: &str) -> Result<String, &'static str> {
        let paths = candidates(place)?;
        Ok(paths.first().expect("a path").to_str().expect("text").to_owned())
    }

    #[test]
    fn where_a_file_lay_is_said_in_many_ways() {
        for (place, path) in [
            ("/uploads/1700-mug.png", "1700-mug.png"),
            ("uploads\\1700-mug.png", "1700-mug.png"),
            ("C:\\shop\\uploads\\a\\mug.png", "a/mug.png"),
            ("/srv/shop/public/uploads/mug.png", "mug.png"),
            ("./uploads//./mug.png", "mug.png"),
            ("mug.png", "mug.png"),
            ("https://old.shop.example/uploads/mug.png?v=2#top", "mug.png"),
            ("HTTP://old.shop.example:9000/uploads/mug.png", "mug.png"),
            ("//old.shop.example/files/mug.png", "files/mug.png"),
        ] {
            assert_eq!(first(place), Ok(path.to_owned()), "{place}");
        }
        let paths = candidates("/uploads/a%20b.png").unwrap();
        assert!(paths.contains(&PathBuf::from("a%20b.png")) && paths.contains(&PathBuf::from("a b.png")), "{paths:?}");
    }

    #[test]
    fn nothing_leads_out() {
        for place in [
            "../../etc/passwd",
            "/uploads/../../etc/passwd",
            "uploads\\..\\..\\secret",
            "https://old.shop.example/uploads/%2e%2e/%2E%2e/etc/passwd",
            "/etc/passwd",
            "C:\\boot.ini",
        ] {
            assert_eq!(first(place), Err(LEADS_OUT), "{place}");
        }
        assert_eq!(first("/uploads/.env"), Err(IS_HIDDEN));
        assert_eq!(first("/uploads/%2eenv"), Err(IS_HIDDEN));
        for place in
            ["file:///etc/passwd", "data:text/plain;base64,AA==", "blob:https://x/uploads/a", "/uploads/..%2f..%5cx"]
        {
            assert!(first(place).is_err(), "{place}");
        }
        for place in ["", "/", "/uploads/", "https://old.shop.example"] {
            assert_eq!(first(place), Err(IS_NO_FILE), "{place}");
        }
    }
}
