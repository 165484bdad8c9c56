//! The words of each language: texts under names, with places for values.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs;
use std::path::Path;

use super::MailError;

const BUILT_IN: [(&str, &str); 2] =
    [("en", include_str!("templates/words.en.json")), ("de", include_str!("templates/words.de.json"))];

/// Texts by language and name.
#[derive(Debug)]
pub(super) struct Words(BTreeMap<String, BTreeMap<String, String>>);

impl Words {
    pub(super) fn built_in() -> Result<Self, MailError> {
        let mut words = Self(BTreeMap::new());
        for (language, text) in BUILT_IN {
            let file = format!("words.{language}.json");
            words.0.insert(language.to_owned(), parse(&file, text)?);
        }
        Ok(words)
    }

    /// The language of a file that holds words.
    pub(super) fn language_of(file: &str) -> Option<&str> {
        let language = file.strip_prefix("words.")?.strip_suffix(".json")?;
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        (!language.is_empty() && language.bytes().all(plain)).then_some(language)
    }

    /// Puts the words of a file over those that are known. What a new language lacks is said in English.
    pub(super) fn add(&mut self, language: &str, path: &Path) -> Result<(), MailError> {
        let text = fs::read_to_string(path).map_err(|cause| MailError::Unreadable { path: path.to_owned(), cause })?;
        let file = path.display().to_string();
        let mut new = parse(&file, &text)?;
        let english = self.0["en"].clone();
        if let Some(name) = new.keys().find(|name| !english.contains_key(*name)) {
            return Err(MailError::Words { file, why: format!("nothing is called `{name}`") });
        }
        self.0.entry(language.to_owned()).or_insert(english).append(&mut new);
        Ok(())
    }

    pub(super) fn require(&self, language: &str) -> Result<(), MailError> {
        if self.0.contains_key(language) {
            return Ok(());
        }
        let known = self.0.keys().cloned().collect::<Vec<_>>().join(", ");
        Err(MailError::Language { language: language.to_owned(), known })
    }

    /// The text of this name with its values. Of something that is counted there are two, for one and for other numbers.
    pub(super) fn say(&self, language: &str, name: &str, values: &[(&str, &dyn Display)]) -> Result<String, String> {
        let texts = self.0.get(language).ok_or_else(|| format!("no words in `{language}`"))?;
        let count = values.iter().find(|(name, _)| *name == "count").map(|(_, count)| count.to_string());
        let form = count.map(|count| format!("{name}.{}", if count == "1" { "one" } else { "other" }));
        let text = form.and_then(|form| texts.get(&form)).or_else(|| texts.get(name));
        let text = text.ok_or_else(|| format!("there are no words called `{name}`"))?;
        fill(text, values).ok_or_else(|| format!("the words `{name}` ask for a value that is not there: {text}"))
    }
}

fn parse(file: &str, text: &str) -> Result<BTreeMap<String, String>, MailError> {
    serde_json::from_str(text).map_err(|error| MailError::Words { file: file.to_owned(), why: error.to_string() })
}

/// Puts values into their places. What stands in a value is not looked at again.
fn fill(text: &str, values: &[(&str, &dyn Display)]) -> Option<String> {
    let mut filled = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, behind) = after.split_once('}')?;
        let (_, value) = values.iter().find(|(known, _)| *known == name)?;
        filled.push_str(before);
        filled.push_str(&value.to_string());
        rest = behind;
    }
    filled.push_str(rest);
    Some(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_says_the_same_things_with_the_same_values() {
        let words = Words::built_in().unwrap();
        let places = |text: &str| {
            let mut places: Vec<String> =
                text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0.to_owned())).collect();
            places.sort();
            places
        };
        let english = &words.0["en"];
        for (language, texts) in &words.0 {
            assert!(english.keys().eq(texts.keys()), "{language}");
            for (name, text) in texts {
                assert_eq!(places(text), places(&english[name]), "{language} {name}");
            }
        }
    }

    #[test]
    fn a_value_is_text_and_never_a_place() {
        let words = Words::built_in().unwrap();
        let said = words.say("en", "unread.subject", &[("title", &"{shop} {")]).unwrap();
        assert_eq!(said, "New messages: {shop} {");
        assert!(words.say("en", "unread.subject", &[]).is_err());
        assert!(words.say("en", "no such words", &[]).is_err());
        let count = |count: u64| words.say("en", "unread.heading", &[("count", &count)]).unwrap();
        assert_eq!(count(1), "You have an unread message");
        assert_eq!(count(2), "You have 2 unread messages");
    }
}
