//! Putting the layers together.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use super::environment::{self, CONFIG};
use super::file::{self, Entry};
use super::keys::{self, KEYS};
use super::sites;
use super::{Config, ConfigError, DEFAULTS, Given, Overrides, Secret, Setting, Source};

/// Where the file is looked for when nobody names one.
const SYSTEM_FILE: &str = "/etc/chatd/chatd.toml";

/// Over which the original backend sends mails.
const GMAIL: &str = "smtp://smtp.gmail.com:587";

/// A configuration, and where each of its values came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// The file that was read, if there is one.
    pub file: Option<PathBuf>,
    /// What is not wrong, but should be looked at: a sentence each, to log at the start.
    pub warnings: Vec<String>,
    /// By the index in [`KEYS`].
    sources: Vec<Source>,
}

impl Config {
    /// Reads the flags, the environment, the file and the defaults. The environment is an argument, so that nothing
    /// here is global: pass [`environment()`](super::environment()).
    ///
    /// Finds every value valid by itself; whether they are safe together is for [`Loaded::check`].
    pub fn load(
        flags: &Overrides,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Loaded, ConfigError> {
        load(flags, environment.into_iter().collect(), Path::new(SYSTEM_FILE))
    }
}

fn load(flags: &Overrides, mut variables: Vec<(String, String)>, system: &Path) -> Result<Loaded, ConfigError> {
    // The order of the environment is nobody's intention: the same error must come first each time.
    variables.sort_unstable();
    let mut layers = Layers {
        config: Config::blank(),
        sources: vec![Source::Default; KEYS.len()],
        secret_files: vec![None; KEYS.len()],
    };
    environment::database(&variables)?;
    layers.add(file::parse(DEFAULTS, None)?)?;
    let file = find_file(flags, &variables, system)?;
    if let Some((path, text)) = &file {
        layers.add(file::parse(text, Some(path))?)?;
    }
    layers.add(environment::original(&variables)?)?;
    layers.add(environment::own(&variables)?)?;
    layers.add(flags.entries()?)?;
    if let Some(port) = environment::port(&variables)? {
        layers.set_port(port);
    }
    if let Some(user) = environment::mail_user(&variables) {
        layers.set_mail_user(user);
    }
    if !layers.config.attachments.store.is_empty() {
        layers.add_aws(environment::aws(&variables))?;
    }
    let mut warnings = layers.read_secret_files()?;
    if layers.config.mail.url.starts_with("smtp") && layers.config.public_url.is_none() {
        warnings.push("Links in mails lead to this machine only, since `public_url` is not set.".to_owned());
    }
    let config = &layers.config;
    if !config.account_page && !config.mail.url.is_empty() {
        let missing = config.links.all().into_iter().filter(|(_, link)| link.is_empty());
        let missing: Vec<&str> = missing.map(|(key, _)| key).collect();
        if !missing.is_empty() {
            let keys = missing.join(", ");
            warnings.push(format!("Links in mails lead to pages that `account_page` has taken away: set {keys}."));
        }
    }
    if let Some((path, text)) = &file {
        let found = sites::read(text, path)?;
        layers.config.sites = found.sites;
        warnings.extend(found.warnings);
    }
    Ok(Loaded { config: layers.config, file: file.map(|(path, _)| path), warnings, sources: layers.sources })
}

/// The first file that exists. One that somebody named must exist; one that exists must be readable.
fn find_file(
    flags: &Overrides,
    variables: &[(String, String)],
    system: &Path,
) -> Result<Option<(PathBuf, String)>, ConfigError> {
    let variable = |name: &str| {
        let found = variables.iter().find(|(known, value)| known == name && !value.is_empty());
        found.map(|(_, value)| PathBuf::from(value))
    };
    let read = |path: PathBuf, at: Source| match fs::read_to_string(&path) {
        Ok(text) => Ok((path, text)),
        Err(cause) => Err(ConfigError::Unreadable { at, path, cause }),
    };
    if let Some(path) = flags.file.clone() {
        return read(path, Source::Flag("--config".to_owned())).map(Some);
    }
    if let Some(path) = variable(CONFIG) {
        return read(path, Source::Env(CONFIG.to_owned())).map(Some);
    }
    let home = variable("XDG_CONFIG_HOME").or_else(|| variable("HOME").map(|home| home.join(".config")));
    for path in [Some(system.to_owned()), home.map(|home| home.join("chatd/chatd.toml"))].into_iter().flatten() {
        match read(path, Source::Default) {
            Err(ConfigError::Unreadable { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => {}
            Err(ConfigError::Unreadable { path, cause, .. }) => {
                return Err(ConfigError::Unreadable { at: Source::File { path: path.clone(), line: 1 }, path, cause });
            }
            found => return found.map(Some),
        }
    }
    Ok(None)
}

struct Layers {
    config: Config,
    sources: Vec<Source>,
    /// By the index in [`KEYS`]: the file to read the secret from, when that form won.
    secret_files: Vec<Option<PathBuf>>,
}

impl Layers {
    /// Puts a layer over those before it. Every value must be valid, even one that a later layer hides.
    fn add(&mut self, entries: Vec<Entry>) -> Result<(), ConfigError> {
        let mut given_secrets = vec![false; KEYS.len()];
        for Entry { named, given, at } in entries {
            let key = &KEYS[named.index];
            let refuse = |expected| ConfigError::Value {
                at: at.clone(),
                key: key.path,
                given: if key.secret { "\"***\"".to_owned() } else { given.to_string() },
                expected,
            };
            let is_empty = given.text() == Some("");
            if named.in_file {
                let path = given.text().ok_or_else(|| refuse("the path of a file"))?;
                if is_empty {
                    continue;
                }
                self.secret_files[named.index] = Some(PathBuf::from(path));
            } else {
                let field = (key.field)(&mut self.config);
                if field.set(&given).is_none() {
                    return Err(refuse(field.expected()));
                }
                if key.secret && is_empty && given_secrets[named.index] {
                    continue;
                }
                self.secret_files[named.index] = None;
            }
            if key.secret && !is_empty {
                if given_secrets[named.index] {
                    return Err(ConfigError::Twice { at, key: key.path });
                }
                given_secrets[named.index] = true;
            }
            self.sources[named.index] = at;
        }
        Ok(())
    }

    /// What `PORT` does to `listen`. It names no host: the default one opens up only when `public_url` says that
    /// people come from elsewhere, and a host that the operator wrote stays.
    fn set_port(&mut self, port: u16) {
        let Some(listen) = keys::find("listen") else { return };
        let source = &mut self.sources[listen.index];
        if matches!(source, Source::Env(_) | Source::Flag(_)) {
            return;
        }
        if *source == Source::Default && !self.config.public_url.is_none() {
            self.config.listen.set_ip(Ipv4Addr::UNSPECIFIED.into());
        }
        self.config.listen.set_port(port);
        *source = Source::Env("PORT".to_owned());
    }

    /// What `EMAIL_USER` and `EMAIL_PASS` did: mails went over Gmail, from that address. They mean no other mail server.
    fn set_mail_user(&mut self, user: &str) {
        for (path, value) in [("mail.url", GMAIL), ("mail.from", user)] {
            let Some(named) = keys::find(path) else { continue };
            let source = &mut self.sources[named.index];
            if *source != Source::Default {
                continue;
            }
            (KEYS[named.index].field)(&mut self.config).set(&Given::Word(value.to_owned()));
            *source = Source::Env("EMAIL_USER".to_owned());
        }
    }

    /// What the tools of AWS go by, for keys that nobody set. The two halves of a credential come from one place.
    fn add_aws(&mut self, mut entries: Vec<Entry>) -> Result<(), ConfigError> {
        let is_set = |path: &str| keys::find(path).is_some_and(|named| self.sources[named.index] != Source::Default);
        let credentials = ["attachments.s3.access_key", "attachments.s3.secret_key"];
        let has_credentials = credentials.into_iter().any(is_set);
        entries.retain(|entry| {
            let path = KEYS[entry.named.index].path;
            !(is_set(path) || has_credentials && credentials.contains(&path))
        });
        self.add(entries)
    }

    /// Reads the files that secrets are in; returns warnings about them.
    fn read_secret_files(&mut self) -> Result<Vec<String>, ConfigError> {
        let mut warnings = Vec::new();
        for (index, path) in self.secret_files.iter().enumerate() {
            let Some(path) = path else { continue };
            let text = fs::read_to_string(path).map_err(|cause| {
                let at = self.sources[index].clone();
                ConfigError::Unreadable { at, path: path.clone(), cause }
            })?;
            // Editors and `echo` put a line break at the end.
            let secret = Secret::new(text.trim_end_matches(['\r', '\n']));
            if secret.is_empty() {
                let (at, key) = (self.sources[index].clone(), KEYS[index].path);
                let expected = "a file that holds the secret";
                return Err(ConfigError::Value { at, key, given: "an empty file".to_owned(), expected });
            }
            (KEYS[index].field)(&mut self.config).set(&Given::Text(secret.expose().to_owned()));
            if others_may_read(path) {
                warnings.push(format!("Others can read {}. Run: chmod 600 {0}", path.display()));
            }
        }
        Ok(warnings)
    }
}

#[cfg(unix)]
pub(super) fn others_may_read(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
pub(super) fn others_may_read(_: &Path) -> bool {
    false
}

impl Loaded {
    /// Where the value of a key came from; `None` if there is no such key.
    pub fn source(&self, path: &str) -> Option<&Source> {
        keys::find(path).map(|named| &self.sources[named.index])
    }

    /// Every value in effect, as TOML, each with its source in a comment. Secrets are stars.
    pub fn show(&self) -> String {
        let mut config = self.config.clone();
        let mut shown = String::new();
        let mut current = "";
        for (key, source) in KEYS.iter().zip(&self.sources) {
            let (section, name) = key.path.rsplit_once('.').unwrap_or(("", key.path));
            // Writing to a `String` cannot fail.
            if section != current {
                let _ = writeln!(shown, "\n[{section}]");
                current = section;
            }
            let field: &dyn Setting = (key.field)(&mut config);
            let _ = writeln!(shown, "{name} = {} # {source}", field.to_toml());
        }
        shown.push_str(&sites::show(&self.config.sites));
        shown
    }
}

#[cfg(test)]
mod tests;
