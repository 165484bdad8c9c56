//! The templates of mails, those that are built in and a shop's own.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde, Value};
use minijinja::{Environment, ErrorKind, State, UndefinedBehavior};
use serde::Serialize;

use super::MailError;
use super::words::Words;

/// What can be replaced.
const BUILT_IN: [(&str, &str); 5] = [
    ("layout.html", include_str!("templates/layout.html")),
    ("letter.html", include_str!("templates/letter.html")),
    ("letter.txt", include_str!("templates/letter.txt")),
    ("unread.html", include_str!("templates/unread.html")),
    ("unread.txt", include_str!("templates/unread.txt")),
];

/// Read at the start, and not again.
#[derive(Debug)]
pub(super) struct Templates {
    environment: Environment<'static>,
    words: Arc<Words>,
}

/// A template did not work.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) why: String,
}

impl Templates {
    pub(super) fn load(folder: Option<&Path>, language: &str) -> Result<Self, MailError> {
        let mut words = Words::built_in()?;
        let mut sources: BTreeMap<String, String> =
            BUILT_IN.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        if let Some(folder) = folder {
            read(folder, &mut sources, &mut words)?;
        }
        words.require(language)?;
        let words = Arc::new(words);
        let mut environment = Environment::new();
        environment.set_syntax(syntax());
        // A slip in a template is found when it is tried, and not by whoever gets the mail.
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let said = Arc::clone(&words);
        environment.add_function("say", move |state: &State<'_, '_>, name: &str, values: Kwargs| {
            say(&said, state, name, &values)
        });
        for (name, source) in sources {
            environment.add_template_owned(name.clone(), source).map_err(|error| Broken::of(&name, &error))?;
        }
        Ok(Self { environment, words })
    }

    pub(super) fn render(&self, file: &str, page: &impl Serialize) -> Result<String, Broken> {
        let template = self.environment.get_template(file).map_err(|error| Broken::of(file, &error))?;
        template.render(Serde(page)).map_err(|error| Broken::of(file, &error))
    }

    pub(super) fn say(&self, language: &str, name: &str, values: &[(&str, &dyn Display)]) -> Result<String, Broken> {
        let file = || format!("words.{language}.json");
        self.words.say(language, name, values).map_err(|why| Broken { file: file(), line: 0, why })
    }
}

/// A line with nothing but a tag leaves no line behind.
fn syntax() -> SyntaxConfig {
    let built = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    built.unwrap_or_default()
}

fn say(words: &Words, state: &State<'_, '_>, name: &str, values: &Kwargs) -> Result<String, minijinja::Error> {
    let language = state.lookup("language").unwrap_or_default();
    let given: Vec<(&str, Value)> =
        values.args().map(|name| Ok((name, values.get::<Value>(name)?))).collect::<Result<_, minijinja::Error>>()?;
    let given: Vec<(&str, &dyn Display)> = given.iter().map(|(name, value)| (*name, value as &dyn Display)).collect();
    let said = words.say(language.as_str().unwrap_or_default(), name, &given);
    said.map_err(|why| minijinja::Error::new(ErrorKind::InvalidOperation, why))
}

/// Reads a shop's own templates and words over those that are built in.
fn read(folder: &Path, sources: &mut BTreeMap<String, String>, words: &mut Words) -> Result<(), MailError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |cause| MailError::Unreadable { path, cause }
    };
    for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
        let path = entry.map_err(unreadable(folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with('.') || name.ends_with('~') {
            // What editors leave behind.
            continue;
        }
        if let Some(language) = Words::language_of(&name) {
            words.add(language, &path)?;
        } else if name.starts_with('_') || BUILT_IN.iter().any(|(known, _)| *known == name) {
            let source = fs::read_to_string(&path).map_err(unreadable(&path))?;
            sources.insert(name, source);
        } else {
            let known = BUILT_IN.map(|(known, _)| known).join(", ");
            return Err(MailError::Unknown { path, known });
        }
    }
    Ok(())
}

impl Broken {
    fn of(file: &str, error: &minijinja::Error) -> Self {
        // Where a template includes another, the inner fault is the one to mend.
        let mut innermost = error;
        while let Some(inner) = std::error::Error::source(innermost).and_then(|e| e.downcast_ref::<minijinja::Error>())
        {
            innermost = inner;
        }
        let why = innermost.detail().map_or_else(|| innermost.kind().to_string(), str::to_owned);
        let file = innermost.name().unwrap_or(file).to_owned();
        Self { file, line: innermost.line().unwrap_or_default(), why }
    }
}

impl From<Broken> for MailError {
    fn from(Broken { file, line, why }: Broken) -> Self {
        Self::Template { file, line, why }
    }
}
