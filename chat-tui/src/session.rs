//! Signing in, and what is asked of the server beside what is watched.

use std::path::PathBuf;

use chat_client::{Client, Error, FollowOptions, OutboxEntry, PageQuery, SignIn, Upload, Watch, WatchOptions};
use chat_proto::model::{Attachment, User};
use chat_proto::{AttachmentId, ErrorCode, Role};

use crate::files;
use crate::update::{Event, Found, Unsaved};

/// People who are looked for at once; with more of them, more of the name has to be typed.
const MOST_FOUND: usize = 200;
/// Parts of the directory that are looked through for a name: a million people.
const MOST_PAGES: usize = 50;

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

/// The first of each role of those whom this client's person may write to, or who of them goes with what is typed.
pub(crate) async fn directory(client: Client, typed: String) -> Event {
    let found = if typed.is_empty() { first_people(&client).await } else { find_people(&client, &typed).await };
    Event::Directory { typed, found: found.map_err(|error| error.to_string()) }
}

async fn first_people(client: &Client) -> Result<Found, Error> {
    let mut found = Found::default();
    for role in Role::ALL {
        let part = match client.directory(role, &PageQuery::first().limit(200)).await {
            Ok(part) => part,
            // Not everybody may write to everybody.
            Err(error) if error.code() == Some(ErrorCode::Forbidden) => continue,
            Err(error) => return Err(error),
        };
        found.people.extend(part.items);
        found.more |= part.next_cursor.is_some();
    }
    found.people.sort_by_cached_key(|person| person.name.to_lowercase());
    Ok(found)
}

async fn find_people(client: &Client, typed: &str) -> Result<Found, Error> {
    let mut found = Found::default();
    let mut page = PageQuery::first().limit(200);
    for _ in 0..MOST_PAGES {
        let part = client.find_people(typed, None, &page).await?;
        found.people.extend(part.items);
        found.more = part.next_cursor.is_some();
        match part.next_cursor {
            Some(next) if found.people.len() < MOST_FOUND => page = PageQuery::after(next).limit(200),
            _ => break,
        }
    }
    Ok(found)
}

/// What a path could be completed to.
pub(crate) async fn complete(typed: String, home: Option<PathBuf>) -> Event {
    let looked = typed.clone();
    let found = tokio::task::spawn_blocking(move || files::complete(&looked, home.as_deref())).await;
    Event::Completed { typed, found: found.unwrap_or_default() }
}

/// Uploads a file, and tells how much of how much is there.
pub(crate) async fn attach(
    client: Client,
    path: PathBuf,
    told: impl Fn(u64, u64) + Send + 'static,
) -> Result<Box<Attachment>, String> {
    let upload = Upload::file(&path).await.map_err(|error| error.to_string())?;
    let all = upload.size();
    let file = client.attach(upload.progress(move |done| told(done, all))).await;
    file.map(Box::new).map_err(|error| error.to_string())
}

/// Saves a file, and tells how much of how much is there.
pub(crate) async fn save(
    client: Client,
    id: AttachmentId,
    path: PathBuf,
    replace: bool,
    told: impl Fn(u64, u64),
) -> Result<(), Unsaved> {
    let failed = |error: Error| match &error {
        Error::File(cause) if cause.kind() == std::io::ErrorKind::AlreadyExists => Unsaved::Taken,
        _ => Unsaved::Failed(error.to_string()),
    };
    let download = client.download(id).await.map_err(failed)?;
    let (all, name) = (download.info().size, chat_client::local_file_name(&download.info().name));
    let path = if path.is_dir() { path.join(name) } else { path };
    download.save_as(&path, replace, |done| told(done, all)).await.map_err(failed)
}
