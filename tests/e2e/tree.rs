//! What stands in the files of the project itself.

use std::path::{Path, PathBuf};

/// What is made, not written.
const NOT_OURS: [&str; 3] = ["target", ".git", "node_modules"];

/// How secrets of well-known services begin, and keys of every kind; in two parts, so that this file holds none.
const BEGINNINGS: [(&str, &str); 8] = [
    ("-----BEGIN PRIVATE", " KEY-----"),
    ("-----BEGIN RSA PRIVATE", " KEY-----"),
    ("-----BEGIN EC PRIVATE", " KEY-----"),
    ("-----BEGIN OPENSSH PRIVATE", " KEY-----"),
    ("gh", "p_"),
    ("xox", "b-"),
    ("sk_", "live_"),
    ("AKIA", ""),
];

/// Names that nobody can have (RFC 2606, RFC 6761), and this machine.
const NOBODYS: [&str; 6] = [".example", ".test", ".invalid", "localhost", "127.0.0.1", "[::1]"];

/// seed-api.md 1.11, 10: what looks like a secret is looked at, and passwords in examples lead nowhere.
#[test]
fn hole_10_no_file_of_the_project_holds_what_could_be_a_secret() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let files = files(&root);
    assert!(files.iter().any(|file| file.ends_with("README.md")), "{files:?}");
    let mut found = Vec::new();
    for file in files {
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        for (number, line) in (1..).zip(text.lines()) {
            if has_secret(line) || has_login(line) {
                found.push(format!("{}:{number}", file.display()));
            }
        }
    }
    assert_eq!(found, [""; 0], "these could be secrets; let examples say `.example` or `.test`");
}

#[test]
fn what_could_be_a_secret_is_found() {
    let shown = |(one, other): (&str, &str)| format!("key = \"{one}{other}ABCDEFGHIJKLMNOP\"");
    assert!(BEGINNINGS.into_iter().all(|beginning| has_secret(&shown(beginning))));
    assert!(!has_secret("AKIA is how they begin") && !has_secret("a ghp_ too"));
    let at = |host: &str| format!("DATABASE=mongodb+srv://shop:hunter2{}{host}/chat", '@');
    assert!(has_login(&at("cluster0.mongodb.net")) && has_login(&at("10.0.0.7:27017")));
    assert!(!has_login(&at("db.example")) && !has_login(&at("localhost:27017")));
    assert!(!has_login("see https://shop.example/a:b, or mail to ana@mail.example"));
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if NOT_OURS.iter().any(|other| name == *other) {
            continue;
        }
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// Whether something begins like a secret and goes on like one.
fn has_secret(line: &str) -> bool {
    BEGINNINGS.into_iter().any(|(one, other)| {
        let beginning = format!("{one}{other}");
        line.split(beginning.as_str()).skip(1).any(|rest| {
            let is_key = one.starts_with('-');
            is_key || rest.chars().take_while(char::is_ascii_alphanumeric).count() >= 12
        })
    })
}

/// Whether there is an address with a password in it, of a host that somebody could have.
fn has_login(line: &str) -> bool {
    line.split("://").skip(1).any(|rest| {
        let end = rest.find(|c: char| c.is_whitespace() || "/\\\"'`<>,;)".contains(c)).unwrap_or(rest.len());
        let Some((who, host)) = rest[..end].rsplit_once('@') else { return false };
        let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
        who.contains(':') && !NOBODYS.iter().any(|name| host.ends_with(name))
    })
}
