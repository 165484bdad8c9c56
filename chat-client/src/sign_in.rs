use std::fmt;
use std::sync::Arc;

use chat_proto::wire::SignedIn;
use tokio::sync::Mutex;

use crate::{Client, Error, Renewal, TokenSource};

/// The tokens of one sign-in, which are renewed again and again: give it to
/// [`FollowOptions::token_source`](crate::FollowOptions::token_source). Clones share it.
#[derive(Clone)]
pub struct SignIn(Arc<Mutex<Newest>>);

struct Newest {
    client: Client,
    refresh_token: String,
}

impl SignIn {
    /// Goes on from what signing in gave.
    pub fn new(client: &Client, signed_in: &SignedIn) -> Self {
        let client = client.authenticated(&signed_in.access_token);
        Self(Arc::new(Mutex::new(Newest { client, refresh_token: signed_in.refresh_token.clone() })))
    }

    /// A client with a new access token.
    ///
    /// # Errors
    /// The server's. When its answer is lost, the next try ends the session, and somebody has to sign in again.
    pub async fn renew(&self) -> Result<Client, Error> {
        let mut newest = self.0.lock().await;
        let (client, signed_in) = newest.client.refresh(&newest.refresh_token).await?;
        *newest = Newest { client: client.clone(), refresh_token: signed_in.refresh_token };
        Ok(client)
    }

    /// Ends the session, whatever time its access token has left.
    ///
    /// # Errors
    /// The server's.
    pub async fn logout(&self) -> Result<(), Error> {
        let client = self.0.lock().await.client.clone();
        match client.logout().await {
            Err(error) if error.is_unauthenticated() => self.renew().await?.logout().await,
            done => done,
        }
    }
}

impl TokenSource for SignIn {
    fn renew(&self) -> Renewal {
        let sign_in = self.clone();
        Box::pin(async move { Ok(SignIn::renew(&sign_in).await?.token().unwrap_or_default().to_owned()) })
    }
}

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignIn").finish_non_exhaustive()
    }
}
