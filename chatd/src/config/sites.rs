//! The shop's web sites: `[[sites]]` in the file. They stand nowhere else, since a list of tables is no variable or flag.

use std::fmt::Write as _;
use std::fs;
use std::ops::Range;
use std::path::Path;

use chatcore::{IdentityKey, Site};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::check::is_guessable;
use super::setting::quote;
use super::{ConfigError, Origin, Source};

/// What the file says of the sites.
#[derive(Clone, Debug, Default)]
pub(super) struct Sites {
    pub(super) sites: Vec<Site>,
    /// What should be looked at.
    pub(super) warnings: Vec<String>,
}

/// The path of the list.
pub(super) const SITES: &str = "sites";

type Table<'a> = DeTable<'a>;
type Value<'a> = Spanned<DeValue<'a>>;

/// Reads the sites of a file, and the files that they name.
pub(super) fn read(text: &str, path: &Path) -> Result<Sites, ConfigError> {
    let file = File { text, path };
    let Ok(document) = DeTable::parse(text) else { return Ok(Sites::default()) };
    let mut found = Sites::default();
    let Some((key, list)) = document.get_ref().iter().find(|(key, _)| *key.get_ref() == SITES) else {
        return Ok(found);
    };
    let tables = tables(list).ok_or_else(|| file.refuse(key.span(), "`sites` is a list; write `[[sites]]`"))?;
    for (table, span) in tables {
        let site = file.site(table, &span, &mut found.warnings)?;
        if found.sites.iter().any(|other| other.key() == site.key()) {
            return Err(file.refuse(span, "two sites have the same key"));
        }
        found.sites.push(site);
    }
    Ok(found)
}

/// The sites as TOML, their keys as comments.
pub(super) fn show(sites: &[Site]) -> String {
    let mut shown = String::new();
    for site in sites {
        let origins: Vec<String> = site.page_origins().iter().map(|origin| quote(origin)).collect();
        // Writing to a `String` cannot fail.
        let _ = writeln!(shown, "\n[[sites]]\nkey = {}\norigins = [{}]", quote(site.key()), origins.join(", "));
        let _ = writeln!(shown, "audience = {}", quote(site.wanted_audience()));
        for key in site.keys() {
            let _ = writeln!(shown, "# identity: {key}");
        }
    }
    shown
}

fn tables<'a, 'b>(list: &'a Value<'b>) -> Option<Vec<(&'a Table<'b>, Range<usize>)>> {
    let items = list.get_ref().as_array()?;
    items.iter().map(|item| Some((item.get_ref().as_table()?, item.span()))).collect()
}

struct File<'a> {
    text: &'a str,
    path: &'a Path,
}

impl File<'_> {
    fn site(&self, table: &Table<'_>, span: &Range<usize>, warnings: &mut Vec<String>) -> Result<Site, ConfigError> {
        let (mut key, mut origins, mut audience, mut keys) = (None, Vec::new(), None, Vec::new());
        for (name, value) in table {
            match &**name.get_ref() {
                "key" => key = Some(self.text_of(value)?),
                "origins" => origins = self.origins(value)?,
                "audience" => audience = Some(self.text_of(value)?),
                "identity" => {
                    let tables = tables(value).ok_or_else(|| {
                        self.refuse(name.span(), "`sites.identity` is a list; write `[[sites.identity]]`")
                    })?;
                    for (table, span) in tables {
                        keys.extend(self.identity(table, span, warnings)?);
                    }
                }
                _ => return Err(self.unknown("sites", name)),
            }
        }
        let key = key.ok_or_else(|| self.refuse(span.clone(), "a site needs a `key`"))?;
        let unusable = |error: chatcore::UnusableKey| self.refuse(span.clone(), error.to_string());
        let site = Site::new(key).map_err(unusable)?.origins(origins).identity_keys(keys).map_err(unusable)?;
        Ok(match audience {
            Some(audience) => site.audience(audience),
            None => site,
        })
    }

    fn origins(&self, value: &Value<'_>) -> Result<Vec<String>, ConfigError> {
        let no_list = || self.refuse(value.span(), "`origins` is a list such as [\"https://shop.example\"]");
        let mut origins = Vec::new();
        for item in value.get_ref().as_array().ok_or_else(no_list)? {
            let origin: Origin = item.get_ref().as_str().and_then(|text| text.parse().ok()).ok_or_else(no_list)?;
            origins.push(origin.as_str().to_owned());
        }
        Ok(origins)
    }

    /// One `[[sites.identity]]`: a secret, or a set of public keys.
    fn identity(
        &self,
        table: &Table<'_>,
        span: Range<usize>,
        warnings: &mut Vec<String>,
    ) -> Result<Vec<IdentityKey>, ConfigError> {
        let (mut kid, mut sources) = (None, Vec::new());
        for (name, value) in table {
            let text = self.text_of(value)?;
            match &**name.get_ref() {
                "kid" => kid = Some(text),
                "secret" => sources.push((true, text)),
                "secret_file" => {
                    let secret = self.content(&text, value.span())?;
                    if super::load::others_may_read(Path::new(&text)) {
                        warnings.push(format!("Others can read {text}. Run: chmod 600 {text}"));
                    }
                    sources.push((true, secret.trim_end_matches(['\r', '\n']).to_owned()));
                }
                "jwks" => sources.push((false, text)),
                "jwks_file" => sources.push((false, self.content(&text, value.span())?)),
                _ => return Err(self.unknown("sites.identity", name)),
            }
        }
        let [(is_secret, text)] = &sources[..] else {
            let detail = "give one of `secret_file`, `secret`, `jwks_file` and `jwks`";
            return Err(self.refuse(span, detail));
        };
        let keys = if *is_secret {
            if is_guessable(text) {
                return Err(self.refuse(span, "the secret is a well-known word or pattern, so that it can be guessed"));
            }
            IdentityKey::secret(kid, text.as_bytes()).map(|key| vec![key])
        } else if kid.is_some() {
            return Err(self.refuse(span, "keys of a set have their `kid` in the set"));
        } else {
            IdentityKey::jwks(text)
        };
        keys.map_err(|error| self.refuse(span, error.to_string()))
    }

    fn content(&self, path: &str, span: Range<usize>) -> Result<String, ConfigError> {
        let unreadable = |cause| ConfigError::Unreadable { at: self.place(span), path: path.into(), cause };
        fs::read_to_string(path).map_err(unreadable)
    }

    fn text_of(&self, value: &Value<'_>) -> Result<String, ConfigError> {
        let text = value.get_ref().as_str().map(str::to_owned);
        text.ok_or_else(|| self.refuse(value.span(), "expected a text"))
    }

    fn unknown(&self, section: &str, name: &Spanned<std::borrow::Cow<'_, str>>) -> ConfigError {
        let (at, name) = (self.place(name.span()), format!("{section}.{}", name.get_ref()));
        ConfigError::Unknown { at, name, suggestion: None }
    }

    fn refuse(&self, span: Range<usize>, message: impl Into<String>) -> ConfigError {
        ConfigError::Syntax { at: self.place(span), message: message.into() }
    }

    fn place(&self, span: Range<usize>) -> Source {
        let line = 1 + self.text.bytes().take(span.start).filter(|byte| *byte == b'\n').count();
        Source::File { path: self.path.to_owned(), line }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

    fn sites(text: &str) -> Result<Sites, String> {
        read(text, Path::new("f")).map_err(|error| error.to_string())
    }

    #[test]
    fn sites_are_read_and_shown_without_their_secrets() {
        let text = format!(
            "listen = \"127.0.0.1:1\"\n\n[[sites]]\nkey = \"shop\"\norigins = [\"https://shop.example\"]\n\n\
             [[sites.identity]]\nkid = \"a\"\nsecret = \"{SECRET}\"\n\n[[sites]]\nkey = \"b2b\"\naudience = \"chat\"\n"
        );
        let sites = sites(&text).unwrap().sites;
        assert_eq!(sites.iter().map(Site::key).collect::<Vec<_>>(), ["shop", "b2b"]);
        assert!(sites[0].has_origin("https://shop.example") && !sites[1].has_origin("https://shop.example"));
        let shown = show(&sites);
        assert!(!shown.contains(SECRET) && !format!("{sites:?}").contains(SECRET));
        let expected = "\n[[sites]]\nkey = \"shop\"\norigins = [\"https://shop.example\"]\naudience = \"shop\"\n\
                        # identity: a (HS256)\n\n[[sites]]\nkey = \"b2b\"\norigins = []\naudience = \"chat\"\n";
        assert_eq!(shown, expected);
    }

    #[test]
    fn what_is_wrong_with_a_site_is_said_with_its_line() {
        let private = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AA","d":"AA"}]}"#;
        let secret = r#"{"keys":[{"kty":"oct","k":"AA"}]}"#;
        let short = r#"{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}"#;
        for (text, says) in [
            ("[sites]\nkey = \"a\"\n".to_owned(), "f:1: `sites` is a list; write `[[sites]]`"),
            ("[[sites]]\norigins = []\n".to_owned(), "f:1: a site needs a `key`"),
            ("[[sites]]\nkey = \"A b\"\n".to_owned(), "f:1: a site's key is 1 to 32 of a-z, 0-9, - and _"),
            ("[[sites]]\nkey = \"a\"\nkid = \"x\"\n".to_owned(), "f:3: unknown key `sites.kid`"),
            ("[[sites]]\nkey = \"a\"\norigins = [\"*\"]\n".to_owned(), "f:3: `origins` is a list"),
            ("[[sites]]\nkey = \"a\"\n[[sites]]\nkey = \"a\"\n".to_owned(), "f:3: two sites have the same key"),
            ("[[sites]]\nkey = \"a\"\n[[sites.identity]]\n".to_owned(), "f:3: give one of `secret_file`"),
            ("[[sites]]\nkey = \"a\"\n[[sites.identity]]\nsecret = \"hunter2hunter2\"\n".to_owned(), "f:3: the secret"),
            (
                format!("[[sites]]\nkey = \"a\"\n[[sites.identity]]\njwks = '{private}'\n"),
                "f:3: the set holds a private",
            ),
            (
                format!("[[sites]]\nkey = \"a\"\n[[sites.identity]]\njwks = '{secret}'\n"),
                "f:3: the set holds a private",
            ),
            (
                format!("[[sites]]\nkey = \"a\"\n[[sites.identity]]\njwks = '{short}'\n"),
                "f:3: the key without a kid is no",
            ),
            (
                format!(
                    "[[sites]]\nkey = \"a\"\n[[sites.identity]]\nsecret = \"{SECRET}\"\n[[sites.identity]]\nkid = \"b\"\nsecret = \"{SECRET}\"\n"
                ),
                "f:1: where there are several keys, each needs a kid",
            ),
        ] {
            let error = sites(&text).unwrap_err();
            assert!(error.starts_with(says), "{text}: {error}");
        }
        assert!(sites("listen = \"x\"\n").unwrap().sites.is_empty());
    }
}
