//! Reading a TOML file into settings that know their line.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::keys::{self, Named};
use super::{ConfigError, Given, Source, sites};

/// A value for a key, before it is known to be valid.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) named: Named,
    pub(super) given: Given,
    pub(super) at: Source,
}

/// Reads the text of a file. Without a path it is the embedded one.
pub(super) fn parse(text: &str, path: Option<&Path>) -> Result<Vec<Entry>, ConfigError> {
    let file = File { text, path };
    let document = DeTable::parse(text).map_err(|error| ConfigError::Syntax {
        at: file.place(error.span().map_or(0, |span| span.start)),
        message: error.message().replace('\n', " "),
    })?;
    let mut entries = Vec::new();
    file.walk(document.get_ref(), "", &mut entries)?;
    Ok(entries)
}

struct File<'a> {
    text: &'a str,
    path: Option<&'a Path>,
}

impl File<'_> {
    fn place(&self, offset: usize) -> Source {
        let Some(path) = self.path else { return Source::Default };
        let line = 1 + self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count();
        Source::File { path: path.to_owned(), line }
    }

    fn walk(&self, table: &DeTable<'_>, section: &str, entries: &mut Vec<Entry>) -> Result<(), ConfigError> {
        for (key, value) in table {
            let name = key.get_ref();
            let path = if section.is_empty() { name.to_string() } else { format!("{section}.{name}") };
            let at = self.place(key.span().start);
            match (keys::find(&path), value.get_ref()) {
                // A list of tables, which is read apart.
                _ if path == sites::SITES && self.path.is_some() => {}
                (Some(named), value) => entries.push(Entry { named, given: given(value), at }),
                (None, DeValue::Table(inner)) if keys::is_section(&path) => self.walk(inner, &path, entries)?,
                (None, _) if keys::is_section(&path) => {
                    let message = format!("`{path}` is a section; write `[{path}]` and its keys below it");
                    return Err(ConfigError::Syntax { at, message });
                }
                (None, _) => {
                    let suggestion = keys::suggest(&path);
                    return Err(ConfigError::Unknown { at, name: path, suggestion });
                }
            }
        }
        Ok(())
    }
}

fn given(value: &DeValue<'_>) -> Given {
    match value {
        DeValue::String(text) => Given::Text(text.to_string()),
        DeValue::Boolean(on) => Given::Switch(*on),
        DeValue::Integer(number) => {
            u64::from_str_radix(number.as_str(), number.radix()).map_or(Given::Other, Given::Number)
        }
        DeValue::Array(items) => {
            let items: Option<_> = items.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect();
            items.map_or(Given::Other, Given::List)
        }
        _ => Given::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{DEFAULTS, KEYS};

    fn error(text: &str) -> String {
        parse(text, Some(Path::new("chatd.toml"))).unwrap_err().to_string()
    }

    #[test]
    fn the_reference_names_every_key() {
        let entries = parse(DEFAULTS, None).unwrap();
        for (index, key) in KEYS.iter().enumerate() {
            let forms =
                |in_file| entries.iter().filter(|e| e.named.index == index && e.named.in_file == in_file).count();
            assert_eq!((forms(false), forms(true)), (1, usize::from(key.secret)), "{}", key.path);
        }
    }

    #[test]
    fn an_entry_knows_its_line_however_it_is_written() {
        let text = "# comment\nlisten = \"x\"\n\nauth.refresh_ttl = \"1h\"\nlimits = { connections = 5_000 }\n";
        let entries = parse(text, Some(Path::new("f"))).unwrap();
        let mut lines: Vec<_> = entries.iter().map(|e| (KEYS[e.named.index].path, e.at.to_string())).collect();
        lines.sort_unstable();
        let expected = [("auth.refresh_ttl", "f:4"), ("limits.connections", "f:5"), ("listen", "f:2")];
        assert_eq!(lines, expected.map(|(path, at)| (path, at.to_owned())));
        assert!(entries.iter().any(|entry| entry.given == Given::Number(5_000)));
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        assert_eq!(
            error("[auth]\n\nrefesh_ttl = \"1h\"\n"),
            "chatd.toml:3: unknown key `auth.refesh_ttl`; did you mean `auth.refresh_ttl`?"
        );
        assert_eq!(error("[zebra]\nstripes = 3\n"), "chatd.toml:1: unknown key `zebra`");
        assert_eq!(error("\n[[auth]]\n"), "chatd.toml:2: `auth` is a section; write `[auth]` and its keys below it");
    }

    #[test]
    fn a_syntax_error_names_its_line() {
        assert!(error("listen = \"x\"\ndata_dir = \n").starts_with("chatd.toml:2: "));
        assert!(error("listen = \"x\"\nlisten = \"y\"\n").starts_with("chatd.toml:2: "));
    }
}
