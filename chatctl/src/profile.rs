use clap::Subcommand;

use crate::access::Door;
use crate::address;
use crate::exit::{Exit, Failure};
use crate::files::{Credentials, Profiles, Server};
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
            let row = |(name, server): (&String, &Server)| {
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

/// What the profile is called with which somebody signs in: as they say, else as theirs at this server is called already,
/// else by a name that is nobody's yet.
///
/// # Errors
/// The profile of that name has a session of somebody else, or at another server, which would be lost.
pub(crate) fn for_sign_in(
    named: Option<&str>,
    (server, email): (&str, &str),
    known: &Profiles,
    credentials: &Credentials,
) -> Result<String, Failure> {
    let is_theirs = |profile: &Server| {
        let is_same = profile.email.as_ref().is_none_or(|other| other.eq_ignore_ascii_case(email));
        is_same && address::same(&profile.server, server)
    };
    if let Some(name) = named {
        let lost = |other: &&Server| !is_theirs(other) && credentials.sessions.contains_key(name);
        return match known.profiles.get(name).filter(lost) {
            None => Ok(name.to_owned()),
            Some(Server { server, email }) => Err(Failure::usage(format!(
                "Profile {name} is signed in to {server}{}. Sign out there first (`chatctl logout --profile {name}`), or \
                 say another --profile.",
                email.as_ref().map(|email| format!(" as {email}")).unwrap_or_default()
            ))),
        };
    }
    let default = known.default.as_ref().and_then(|name| known.profiles.get_key_value(name));
    if let Some((name, _)) = default.into_iter().chain(&known.profiles).find(|(_, profile)| is_theirs(profile)) {
        return Ok(name.clone());
    }
    let place = address::name(server);
    let nick = email.split('@').next().unwrap_or(email);
    let names = [place.clone(), format!("{nick}@{place}"), format!("{email}@{place}"), format!("{email}@{server}")];
    let is_free = |name: &String| !known.profiles.contains_key(name);
    names.into_iter().find(is_free).ok_or_else(|| {
        Failure::usage(format!("Every name for {email} at {server} is another profile's. Say one with --profile NAME."))
    })
}
