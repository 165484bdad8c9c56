//! What is kept between commands: profiles, which hold no secret, and the sessions of those who signed in.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::address;
use crate::exit::{Exit, Failure, complain};

/// Where it is kept: as the XDG base directory specification says.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    xdg_config_home: Option<PathBuf>,
    xdg_state_home: Option<PathBuf>,
    home: Option<PathBuf>,
}

/// `config.toml`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profiles {
    /// The one that is used when none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) default: Option<String>,
    #[serde(default)]
    pub(crate) profiles: BTreeMap<String, Server>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Server {
    pub(crate) server: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) email: Option<String>,
}

impl Server {
    /// Whether both are of the same person at the same server.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let email = |server: &Self| server.email.as_ref().map(|email| email.to_lowercase());
        address::same(&self.server, &other.server) && email(self) == email(other)
    }
}

/// `credentials.toml`, by profile. For its owner alone.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Credentials {
    #[serde(default)]
    pub(crate) sessions: BTreeMap<String, Session>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) access_token: String,
    pub(crate) refresh_token: String,
    /// When the access token ends, in seconds since 1970.
    pub(crate) expires_at: i64,
}

impl Places {
    pub(crate) fn of_environment() -> Self {
        let path = |name| std::env::var_os(name).map(PathBuf::from);
        Self { xdg_config_home: path("XDG_CONFIG_HOME"), xdg_state_home: path("XDG_STATE_HOME"), home: path("HOME") }
    }

    pub(crate) fn profiles(&self) -> Result<Profiles, Failure> {
        read(&self.config()?)
    }

    pub(crate) fn keep_profiles(&self, profiles: &Profiles) -> Result<(), Failure> {
        write(&self.config()?, profiles)
    }

    pub(crate) fn credentials(&self) -> Result<Credentials, Failure> {
        let path = self.credentials_file()?;
        keep_private(&path);
        read(&path)
    }

    pub(crate) fn keep_credentials(&self, credentials: &Credentials) -> Result<(), Failure> {
        write(&self.credentials_file()?, credentials)
    }

    /// Held while the sessions are read and written: a refresh token that two programs spend ends the session.
    pub(crate) fn lock(&self) -> Result<File, Failure> {
        let path = self.credentials_file()?.with_extension("lock");
        make_folder_of(&path)?;
        let file = private().create(true).open(&path).map_err(|error| unusable(&path, &error))?;
        file.lock().map_err(|error| unusable(&path, &error))?;
        Ok(file)
    }

    fn config(&self) -> Result<PathBuf, Failure> {
        Ok(self.folder(self.xdg_config_home.as_deref(), ".config")?.join("chatctl/config.toml"))
    }

    fn credentials_file(&self) -> Result<PathBuf, Failure> {
        Ok(self.folder(self.xdg_state_home.as_deref(), ".local/state")?.join("chatctl/credentials.toml"))
    }

    fn folder(&self, named: Option<&Path>, in_home: &str) -> Result<PathBuf, Failure> {
        // A relative path is to be ignored, says the specification.
        let named = named.filter(|path| path.is_absolute()).map(Path::to_owned);
        let missing =
            || Failure::usage("neither HOME nor XDG_CONFIG_HOME and XDG_STATE_HOME say where to keep profiles");
        named.or_else(|| Some(self.home.as_ref()?.join(in_home))).ok_or_else(missing)
    }
}

fn read<T: Default + DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let mut text = String::new();
    match File::open(path).and_then(|mut file| file.read_to_string(&mut text)) {
        Ok(_) => toml::from_str(&text).map_err(|error| {
            Failure::says(format!("{} cannot be read: {}", path.display(), error.message()), Exit::Failed)
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(T::default()),
        Err(error) => Err(unusable(path, &error)),
    }
}

/// Whole or not at all, whatever happens meanwhile.
fn write(path: &Path, content: &impl Serialize) -> Result<(), Failure> {
    make_folder_of(path)?;
    let text = toml::to_string(content).map_err(|error| Failure::says(error.to_string(), Exit::Failed))?;
    let fresh = path.with_extension("new");
    let written = private().create(true).truncate(true).open(&fresh).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, path)
    });
    written.map_err(|error| unusable(path, &error))
}

/// Takes it from others who might read it, and says so: they may have.
#[cfg(unix)]
fn keep_private(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;

    let Ok(about) = fs::metadata(path) else { return };
    if about.permissions().mode() & 0o077 != 0 {
        let taken = fs::set_permissions(path, fs::Permissions::from_mode(0o600));
        let now = if taken.is_ok() { "It is not any more" } else { "Make it yours alone" };
        complain(&format!("{} was open to others. {now}; to be safe, sign in anew.", path.display()), Exit::Ok);
    }
}

#[cfg(not(unix))]
fn keep_private(_: &Path) {}

fn make_folder_of(path: &Path) -> Result<(), Failure> {
    let Some(folder) = path.parent() else { return Ok(()) };
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| unusable(folder, &error))
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn unusable(path: &Path, error: &io::Error) -> Failure {
    Failure::says(format!("{} cannot be used: {error}", path.display()), Exit::Failed)
}
