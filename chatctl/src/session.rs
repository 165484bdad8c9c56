//! The session of whoever signed in: renewed when it is due, and the renewed one kept for the commands that follow.

use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chat_client::{Client, Clock as _, Error, SystemClock, TokenSource};
use chat_proto::ErrorCode;
use chat_proto::wire::SignedIn;

use crate::access::{Chosen, Door};
use crate::exit::{Exit, Failure};
use crate::files::{Places, Session};

/// Renewed when less than this is left: a command should not end in the middle.
const RENEW_BEFORE: i64 = 60;
/// How long the end of a command waits for a renewal that is under way.
const ENDS_WITHIN: Duration = Duration::from_secs(5);

impl Door {
    /// A client that acts for whoever signed in; their token is renewed when it is due.
    ///
    /// # Errors
    /// Nobody is signed in there, or not any more.
    pub(crate) async fn client(&self) -> Result<Client, Failure> {
        Ok(self.newest(None).await?.0)
    }

    /// … and where it gets its next tokens from, for what goes on for longer than one lasts.
    pub(crate) async fn lasting_client(&self) -> Result<(Client, impl TokenSource + use<>), Failure> {
        let (client, chosen) = self.newest(None).await?;
        let token = client.token().unwrap_or_default().to_owned();
        let in_use = Arc::new(Mutex::new(InUse { chosen, token }));
        let door = self.clone();
        let renew = move || {
            let (door, in_use) = (door.clone(), Arc::clone(&in_use));
            async move {
                let stale = in_use.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let (client, _) = door.newest(Some(&stale)).await.map_err(told)?;
                let token = client.token().unwrap_or_default().to_owned();
                in_use.lock().unwrap_or_else(PoisonError::into_inner).token.clone_from(&token);
                Ok(token)
            }
        };
        Ok((client, renew))
    }

    /// A client with the kept token, if it lasts for a while and is not the `stale` one, else with a new one.
    async fn newest(&self, stale: Option<&InUse>) -> Result<(Client, Chosen), Failure> {
        // Held from here on, so that the profile is still of this server and person when its session is read. Whoever has it
        // meanwhile may be a renewal of this very program, which must be able to go on.
        let places = self.places.clone();
        let lock = tokio::task::spawn_blocking(move || places.lock()).await.map_err(io::Error::other)??;
        let chosen = match stale {
            None => self.choose()?,
            Some(stale) => self.unchanged(&stale.chosen)?,
        };
        let server = &chosen.server.server;
        let stranger = self.stranger(&chosen.server)?;
        let credentials = self.places.credentials()?;
        let session = chosen.profile.as_ref().and_then(|profile| Some((profile, credentials.sessions.get(profile)?)));
        let Some((profile, session)) = session else {
            let says = format!("Nobody is signed in to {server}: `chatctl login {server}`.");
            return Err(Failure::says(says, Exit::Denied));
        };
        let is_stale = stale.is_some_and(|stale| stale.token == session.access_token);
        if !is_stale && session.expires_at - RENEW_BEFORE > now() {
            return Ok((stranger.authenticated(&session.access_token), chosen));
        }
        let renewal = renewed(lock, self.places.clone(), stranger, profile.clone(), session.refresh_token.clone());
        // On its own, since a refresh token is good once: whoever waits may be interrupted, and what the server answers is
        // kept all the same.
        let client = self.renewals.spawn(renewal).await.map_err(io::Error::other)??;
        Ok((client, chosen))
    }

    /// The profile with which the command began, whichever is the default by now.
    ///
    /// # Errors
    /// It is of another server or person by now, or is forgotten.
    fn unchanged(&self, chosen: &Chosen) -> Result<Chosen, Failure> {
        let known = self.places.profiles()?;
        let now = chosen.profile.as_ref().and_then(|name| known.profiles.get(name));
        if now.is_some_and(|now| now.is_same(&chosen.server)) {
            return Ok(chosen.clone());
        }
        let name = chosen.profile.as_deref().unwrap_or_default();
        Err(Failure::says(format!("Profile {name} is somebody else's by now."), Exit::Denied))
    }

    /// Waits for the renewals that are under way, before the program ends.
    pub(crate) async fn close(&self) {
        self.renewals.close();
        // Whoever interrupts the program does not want to wait for a server that says nothing.
        let _ = tokio::time::timeout(ENDS_WITHIN, self.renewals.wait()).await;
    }
}

/// The token that is in use, and whose it is.
#[derive(Clone)]
struct InUse {
    chosen: Chosen,
    token: String,
}

/// Gets the next pair of tokens and keeps it, while nobody else has the lock.
async fn renewed(
    lock: File,
    places: Places,
    stranger: Client,
    profile: String,
    refresh_token: String,
) -> Result<Client, Failure> {
    let (client, signed_in) = stranger.refresh(&refresh_token).await?;
    let mut credentials = places.credentials()?;
    credentials.sessions.insert(profile, kept(&signed_in));
    places.keep_credentials(&credentials)?;
    drop(lock);
    Ok(client)
}

/// What is kept of a sign-in.
pub(crate) fn kept(signed_in: &SignedIn) -> Session {
    Session {
        access_token: signed_in.access_token.clone(),
        refresh_token: signed_in.refresh_token.clone(),
        expires_at: now().saturating_add_unsigned(signed_in.expires_in),
    }
}

/// A failure, as the following tells it.
fn told(failure: Failure) -> Error {
    match failure {
        Failure::Client(error) => error,
        Failure::Says { what, exit: Exit::Denied } => Error::refusal(ErrorCode::Unauthenticated, &what),
        Failure::Says { what, .. } => Error::File(Arc::new(io::Error::other(what))),
        Failure::Ended(_) => Error::File(Arc::new(io::ErrorKind::Interrupted.into())),
    }
}

fn now() -> i64 {
    SystemClock.now().as_seconds()
}
