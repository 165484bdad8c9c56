//! Signing in, and what is asked of the server beside what is watched.

use chat_client::{Client, Error, FollowOptions, OutboxEntry, PageQuery, SignIn, Watch, WatchOptions};
use chat_proto::model::{Person, User};
use chat_proto::{ErrorCode, Role};

/// Parts of the directory that are loaded of each role.
const MOST_PAGES: usize = 10;

/// Somebody who is signed in.
#[derive(Debug)]
pub(crate) struct SignedIn {
    pub(crate) me: User,
    client: Client,
    tokens: SignIn,
}

impl SignedIn {
    pub(crate) async fn sign_in(url: &str, email: &str, password: &str) -> Result<Self, Error> {
        let (client, signed_in) = Client::new(url)?.login(email, password).await?;
        let tokens = SignIn::new(&client, &signed_in);
        Ok(Self { me: signed_in.user, client, tokens })
    }

    /// Watches their conversations; what an earlier run did not get confirmed is sent.
    pub(crate) fn watch(&self, outbox: Vec<OutboxEntry>) -> Watch {
        let options = FollowOptions::new().outbox(outbox).token_source(self.tokens.clone());
        self.client.watch(WatchOptions::new().follow(options))
    }

    /// The sign-in was for this run only.
    pub(crate) async fn sign_out(&self) {
        if let Err(error) = self.tokens.logout().await {
            tracing::info!(%error, "not signed out");
        }
    }
}

/// Everybody whom this client's person may write to.
pub(crate) async fn directory(client: Client) -> Result<Vec<Person>, String> {
    let mut people = Vec::new();
    for role in Role::ALL {
        let mut page = PageQuery::first().limit(200);
        for _ in 0..MOST_PAGES {
            let part = match client.directory(role, &page).await {
                Ok(part) => part,
                // Not everybody may write to everybody.
                Err(error) if error.code() == Some(ErrorCode::Forbidden) => break,
                Err(error) => return Err(error.to_string()),
            };
            people.extend(part.items);
            match part.next_cursor {
                Some(next) => page = PageQuery::after(next).limit(200),
                None => break,
            }
        }
    }
    people.sort_by_cached_key(|person| person.name.to_lowercase());
    Ok(people)
}
