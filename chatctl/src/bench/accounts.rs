//! The people of a run: made once, used again.

use std::cell::Cell;
use std::time::Duration;

use chat_client::{Client, Error};
use chat_proto::wire::NewUser;
use chat_proto::{ErrorCode, Role, UserId};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::Target;
use super::failure::Failure;

/// Requests at the same time. The server hashes one password for each of its processors at a time and lets some more
/// wait; beyond that it refuses.
pub(super) const AT_ONCE: usize = 16;
/// How often a refusal for too much at once is taken, and how long to wait then.
const TRIES: u32 = 30;
const WAIT: Duration = Duration::from_secs(1);

const PASSWORD_VARIABLE: &str = "CHATCTL_PASSWORD";

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) client: Client,
    pub(super) id: UserId,
    pub(super) token: String,
}

/// Who makes the accounts.
#[derive(Debug)]
pub(super) struct Admin {
    account: Account,
    password: String,
}

impl Admin {
    pub(super) async fn sign_in(target: &Target) -> Result<Self, Failure> {
        let password = password(target).await?;
        let anybody = Client::new(&target.server)?;
        let account = sign_in(&anybody, &target.email, &password).await?;
        Ok(Self { account, password })
    }

    /// This many people of a role, signed in. Who is not there yet is made.
    pub(super) async fn people(&self, role: Role, count: usize) -> Result<Vec<Account>, Failure> {
        // Accounts are made in their order, so after the first that is missing none is looked for.
        let all_are_there = Cell::new(true);
        let people = (1..=count).map(|n| self.person(role, n, &all_are_there));
        stream::iter(people).buffered(AT_ONCE).try_collect().await
    }

    async fn person(&self, role: Role, n: usize, all_are_there: &Cell<bool>) -> Result<Account, Failure> {
        let (email, name) = match role {
            Role::Customer => (format!("bench-{n:04}@example.invalid"), format!("Bench {n:04}")),
            _ => (format!("bench-{role}-{n:04}@example.invalid"), format!("Bench {role} {n:04}")),
        };
        let in_question = |failure: Error| Failure::from(failure).during(&email);
        if all_are_there.get() {
            match sign_in(&self.account.client, &email, &self.password).await {
                Err(error) if error.code() == Some(ErrorCode::InvalidCredentials) => all_are_there.set(false),
                signed_in => return signed_in.map_err(in_question),
            }
        }
        let new = NewUser { email: email.clone(), name, password: self.password.clone(), role };
        match patiently(async || self.account.client.create_user(&new).await).await {
            Err(error) if error.code() != Some(ErrorCode::EmailTaken) => return Err(in_question(error)),
            _ => {}
        }
        // One that was there and has another password is refused here.
        sign_in(&self.account.client, &email, &self.password).await.map_err(in_question)
    }

    /// Ends the sessions of a run, the admin's included. One that cannot be ended now ends when its time is over, which
    /// is no reason to throw the figures away.
    pub(super) async fn sign_out(self, people: impl IntoIterator<Item = Account>) {
        let people = people.into_iter().chain([self.account]);
        let leaving = people.map(|account| async move { account.client.logout().await });
        stream::iter(leaving).buffer_unordered(AT_ONCE).for_each(|_| std::future::ready(())).await;
    }
}

async fn sign_in(anybody: &Client, email: &str, password: &str) -> Result<Account, Error> {
    let (client, signed_in) = patiently(async || anybody.login(email, password).await).await?;
    Ok(Account { client, id: signed_in.user.id, token: signed_in.access_token })
}

async fn patiently<T>(mut ask: impl AsyncFnMut() -> Result<T, Error>) -> Result<T, Error> {
    for _ in 1..TRIES {
        match ask().await {
            Err(error) if error.code() == Some(ErrorCode::Unavailable) => tokio::time::sleep(WAIT).await,
            answer => return answer,
        }
    }
    ask().await
}

async fn password(target: &Target) -> Result<String, Failure> {
    if target.password_stdin {
        let mut line = String::new();
        BufReader::new(tokio::io::stdin()).read_line(&mut line).await?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    #[expect(clippy::disallowed_methods, reason = "a secret is no flag, and clap reads variables for flags only")]
    let password = std::env::var(PASSWORD_VARIABLE);
    password.map_err(|_| Failure::usage(format!("set {PASSWORD_VARIABLE}, or give --password-stdin")))
}
