//! Which server a command goes to, and in whose name.

use std::path::PathBuf;
use std::time::Duration;

use chat_client::{Client, Clock as _, SystemClock};
use chat_proto::wire::SignedIn;
use clap::Args;

use crate::exit::{Exit, Failure};
use crate::files::{Places, Server, Session};

/// Which server, in whose name.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct Door {
    /// Where the server is, such as <http://127.0.0.1:9000>; stands above any profile
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
    #[command(flatten)]
    pub(crate) places: Places,
}

/// A server that was chosen, and the profile that goes with it.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) profile: Option<String>,
    pub(crate) server: Server,
}

/// Renewed when less than this is left: a command should not end in the middle.
const RENEW_BEFORE: i64 = 60;

impl Door {
    /// The server that the flags, the environment or the profiles name.
    pub(crate) fn choose(&self) -> Result<Chosen, Failure> {
        let known = self.places.profiles()?;
        if let Some(url) = &self.server {
            let same = |(_, server): &(&String, &Server)| server.server == *url;
            let named = self.profile.clone().filter(|name| known.profiles.contains_key(name));
            let profile = named.or_else(|| known.profiles.iter().find(same).map(|(name, _)| name.clone()));
            let email = profile.as_ref().and_then(|name| known.profiles.get(name)?.email.clone());
            return Ok(Chosen { profile, server: Server { server: url.clone(), email } });
        }
        let Some(name) = self.profile.as_ref().or(known.default.as_ref()) else {
            return Err(Failure::usage(
                "No server is named. Sign in with `chatctl login URL`, or say --server URL or --profile NAME.",
            ));
        };
        match known.profiles.get(name) {
            Some(server) => Ok(Chosen { profile: Some(name.clone()), server: server.clone() }),
            None => Err(Failure::says(format!("There is no profile {name}: `chatctl profile list`."), Exit::NotFound)),
        }
    }

    /// A client of the chosen server that acts for nobody.
    pub(crate) fn stranger(&self, server: &Server) -> Result<Client, Failure> {
        Ok(Client::new(&server.server)?.timeout(Duration::from_secs(self.timeout)))
    }

    /// The name that was asked for with `--profile`.
    pub(crate) fn named(&self) -> Option<&str> {
        self.profile.as_deref()
    }

    /// A client that acts for whoever signed in; their token is renewed when it is due.
    pub(crate) async fn client(&self) -> Result<Client, Failure> {
        let chosen = self.choose()?;
        let stranger = self.stranger(&chosen.server)?;
        let _lock = self.places.lock()?;
        let mut credentials = self.places.credentials()?;
        let session = chosen.profile.as_ref().and_then(|profile| Some((profile, credentials.sessions.get(profile)?)));
        let Some((profile, session)) = session else {
            let says = format!("Nobody is signed in to {}: `chatctl login {0}`.", chosen.server.server);
            return Err(Failure::says(says, Exit::Denied));
        };
        if session.expires_at - RENEW_BEFORE > now() {
            return Ok(stranger.authenticated(&session.access_token));
        }
        let (client, signed_in) = stranger.refresh(&session.refresh_token).await?;
        credentials.sessions.insert(profile.clone(), kept(&signed_in));
        self.places.keep_credentials(&credentials)?;
        Ok(client)
    }
}

/// What is kept of a sign-in.
pub(crate) fn kept(signed_in: &SignedIn) -> Session {
    Session {
        access_token: signed_in.access_token.clone(),
        refresh_token: signed_in.refresh_token.clone(),
        expires_at: now().saturating_add_unsigned(signed_in.expires_in),
    }
}

fn now() -> i64 {
    SystemClock.now().as_seconds()
}
