//! Which server a command goes to, and in whose name.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chat_client::Client;
use clap::Args;
use tokio_util::task::TaskTracker;

use crate::address;
use crate::exit::{Exit, Failure};
use crate::files::{Places, Profiles, Server};

/// Which server, in whose name.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct Door {
    /// Where the server is, such as <http://127.0.0.1:9000>, instead of the default profile
    #[arg(long, value_name = "URL", env = "CHATCTL_SERVER", global = true)]
    server: Option<String>,
    /// The profile to use: `chatctl profile list`
    #[arg(long, value_name = "NAME", env = "CHATCTL_PROFILE", global = true)]
    profile: Option<String>,
    /// How many seconds the server may take to answer
    #[arg(long, value_name = "SECONDS", default_value_t = 30, global = true)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: u64,
    /// Ask no server but this data folder, of a chatd that is stopped: `user create`, `user show`, `import`
    #[arg(long, value_name = "FOLDER", global = true)]
    pub(crate) data_dir: Option<PathBuf>,
    #[arg(skip = Places::of_environment())]
    pub(crate) places: Places,
    /// The server that was turned to.
    #[arg(skip)]
    asked: Arc<OnceLock<String>>,
    /// Renewals that are under way: see `session`.
    #[arg(skip)]
    pub(crate) renewals: TaskTracker,
}

/// A server that was chosen, and the profile that goes with it.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    pub(crate) profile: Option<String>,
    pub(crate) server: Server,
}

impl Door {
    /// The server and the profile that the flags, the environment or the profiles name.
    ///
    /// # Errors
    /// A profile that is named belongs to another server than the one that is named: neither would be right.
    pub(crate) fn choose(&self) -> Result<Chosen, Failure> {
        let known = self.places.profiles()?;
        let name = match (&self.profile, &self.server) {
            (Some(name), _) => name,
            (None, Some(url)) => return of_server(&known, url),
            (None, None) => known.default.as_ref().ok_or_else(|| {
                let says = "Nobody is signed in: `chatctl login URL`, or say --profile NAME.";
                Failure::says(says, Exit::Denied)
            })?,
        };
        let Some(server) = known.profiles.get(name) else {
            return Err(Failure::says(format!("There is no profile {name}: `chatctl profile list`."), Exit::NotFound));
        };
        match &self.server {
            Some(url) if !address::same(url, &server.server) => Err(Failure::usage(format!(
                "Profile {name} belongs to {}, and its session is not used at {url}. Leave away --server \
                 (CHATCTL_SERVER) or --profile (CHATCTL_PROFILE).",
                server.server
            ))),
            _ => Ok(Chosen { profile: Some(name.clone()), server: server.clone() }),
        }
    }

    /// The server that is named, whoever is signed in there.
    pub(crate) fn server(&self) -> Result<Server, Failure> {
        match &self.server {
            Some(url) => Ok(Server { server: url.clone(), email: None }),
            None if self.profile.is_none() && self.places.profiles()?.default.is_none() => {
                Err(Failure::usage("No server is named. Say its URL, --server URL or --profile NAME."))
            }
            None => Ok(self.choose()?.server),
        }
    }

    /// A client of the chosen server that acts for nobody.
    pub(crate) fn stranger(&self, server: &Server) -> Result<Client, Failure> {
        // The first is the one that the command is about; there is no command with two.
        let _ = self.asked.set(server.server.clone());
        Ok(Client::new(&server.server)?.timeout(Duration::from_secs(self.timeout)))
    }

    /// The server that was turned to, if one was.
    pub(crate) fn asked(&self) -> Option<&str> {
        self.asked.get().map(String::as_str)
    }

    /// The name that was asked for with `--profile`.
    pub(crate) fn named(&self) -> Option<&str> {
        self.profile.as_deref()
    }
}

/// The server at this address, and the profile that goes with it: the default one when it does, else the only one.
fn of_server(known: &Profiles, url: &str) -> Result<Chosen, Failure> {
    let of_it: Vec<_> = known.profiles.iter().filter(|(_, server)| address::same(&server.server, url)).collect();
    let default = of_it.iter().find(|(name, _)| known.default.as_ref() == Some(name));
    match (default, &*of_it) {
        (Some((name, server)), _) | (None, [(name, server)]) => {
            Ok(Chosen { profile: Some((*name).clone()), server: (*server).clone() })
        }
        (None, []) => Ok(Chosen { profile: None, server: Server { server: url.to_owned(), email: None } }),
        (None, several) => {
            let names: Vec<_> = several.iter().map(|(name, _)| name.as_str()).collect();
            let says = format!("Several profiles are of {url}: {}. Say which with --profile NAME.", names.join(", "));
            Err(Failure::usage(says))
        }
    }
}
