//! Paths as they are typed, and what they could be completed to.

use std::path::{Path, PathBuf};

/// So many entries of a folder are looked at.
const MOST_ENTRIES: usize = 10_000;
/// So many are offered.
const MOST_FOUND: usize = 50;

/// The path, with `~/` as the shell reads it.
pub(crate) fn expand(path: &str, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

/// What begins as this path does, in the order of the alphabet; folders end in a slash. Blocks.
pub(crate) fn complete(typed: &str, home: Option<&Path>) -> Vec<String> {
    let (folder, start) =
        typed.rsplit_once('/').map_or(("", typed), |(folder, start)| (&typed[..=folder.len()], start));
    let within = if folder.is_empty() { PathBuf::from(".") } else { expand(folder, home) };
    let Ok(entries) = within.read_dir() else { return Vec::new() };
    let named = |entry: std::fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        let fits = name.starts_with(start) && (start.starts_with('.') || !name.starts_with('.'));
        // What cannot be shown cannot be chosen.
        let shown = chat_client::plain_line(&name) == name;
        let slash = if entry.path().is_dir() { "/" } else { "" };
        (fits && shown).then(|| format!("{folder}{name}{slash}"))
    };
    let mut found: Vec<String> = entries.take(MOST_ENTRIES).flatten().filter_map(named).collect();
    found.sort_unstable();
    found.truncate(MOST_FOUND);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_completed_as_in_a_shell() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("invoices")).unwrap();
        for name in ["invoice.pdf", ".hidden", "a\u{1b}[2J", "other.txt"] {
            std::fs::write(home.path().join(name), "x").unwrap();
        }
        let found = |typed: &str| complete(typed, Some(home.path()));
        assert_eq!(found("~/inv"), ["~/invoice.pdf", "~/invoices/"]);
        assert_eq!(found("~/"), ["~/invoice.pdf", "~/invoices/", "~/other.txt"]);
        assert_eq!(found("~/.h"), ["~/.hidden"]);
        assert_eq!(found(&format!("{}/oth", home.path().display())), [format!("{}/other.txt", home.path().display())]);
        assert!(found("~/none/").is_empty() && found("~/zzz").is_empty());
        assert_eq!(expand("~/a", None), Path::new("~/a"));
    }
}
