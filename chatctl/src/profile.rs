use clap::Subcommand;

use crate::access::Door;
use crate::exit::{Exit, Failure};
use crate::output::Style;

#[derive(Debug, Subcommand)]
pub(crate) enum Profile {
    /// The servers that are known here, and which is used when none is named
    #[command(visible_alias = "ls")]
    List,
    /// Use this one when none is named
    Use {
        /// Its name
        name: String,
    },
    /// Forget a server and the session there; `chatctl logout` ends the session too
    #[command(visible_alias = "rm")]
    Delete {
        /// Its name
        name: String,
    },
}

pub(crate) fn run(profile: &Profile, door: &Door, style: &Style) -> Result<Exit, Failure> {
    let _lock = door.places.lock()?;
    let mut known = door.places.profiles()?;
    let missing =
        |name: &str| Failure::says(format!("There is no profile {name}: `chatctl profile list`."), Exit::NotFound);
    match profile {
        Profile::List => {
            let sessions = door.places.credentials()?.sessions;
            let row = |(name, server): (&String, &crate::files::Server)| {
                let mark = if known.default.as_ref() == Some(name) { "*" } else { "" };
                let state = if sessions.contains_key(name) { "signed in" } else { "" };
                vec![
                    mark.into(),
                    name.clone(),
                    server.server.clone(),
                    server.email.clone().unwrap_or_default(),
                    state.into(),
                ]
            };
            let rows: Vec<_> = known.profiles.iter().map(row).collect();
            style.table(&known, &["", "NAME", "SERVER", "LOGIN", "STATE"], &rows, "profile")
        }
        Profile::Use { name } => {
            if !known.profiles.contains_key(name) {
                return Err(missing(name));
            }
            known.default = Some(name.clone());
            door.places.keep_profiles(&known)?;
            style.done(&known, &format!("{name} is used when no profile is named."))
        }
        Profile::Delete { name } => {
            if known.profiles.remove(name).is_none() {
                return Err(missing(name));
            }
            known.default = known.default.filter(|default| default != name);
            let mut credentials = door.places.credentials()?;
            credentials.sessions.remove(name);
            door.places.keep_credentials(&credentials)?;
            door.places.keep_profiles(&known)?;
            style.done(&known, &format!("Forgot {name}."))
        }
    }
}
