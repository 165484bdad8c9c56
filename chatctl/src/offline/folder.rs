use std::error::Error as _;
use std::path::Path;
use std::time::Duration;

use chat_proto::model::User as Account;
use chat_proto::{ErrorCode, UserId};
use chatcore::store::{StoreError, StoreErrorKind};
use chatcore::{Chat, Error, Limits, NewPerson, Retention};

use crate::exit::{Exit, Failure};
use crate::output::Style;
use crate::sign_in::new_password;
use crate::user::{Create, Who};

/// Nothing else is going on that closing could wait for.
const CLOSES_WITHIN: Duration = Duration::from_secs(30);
/// Less than a server takes: an import knows by heart where each message of a dump stands, and is no slower for it
/// (docs/performance.md, "Importing").
const CACHE_BYTES: usize = 16 << 20;
const FOLD_AFTER: usize = 4_096;
/// The server's own settings are not known here. What they decide to forget must still be there when it starts.
const FOR_EVER: Duration = Duration::from_hours(100 * 365 * 24);

pub(super) async fn create(args: &Create, folder: &Path, style: &Style) -> Result<Exit, Failure> {
    let is_new = !folder.join("chat.redb").exists();
    let password = new_password(&args.email, args.password_stdin, style).await?;
    let mut person = NewPerson::new(args.role, &args.email).password(password);
    if let Some(name) = &args.name {
        person = person.name(name);
    }
    if is_new {
        // What is refused leaves no folder behind.
        try_in_memory(person.clone(), folder).await?;
    }
    let chat = open(folder, Limits::default()).await?;
    let made = chat.people().create(person).await;
    close(chat).await?;
    let made = made.map_err(|error| failure(&error, folder))?;
    if is_new {
        style.remark(&format!("{} is a new data folder.", folder.display()));
    }
    style.done(&made, &format!("Created {} {} ({}).", made.id, made.name, made.role))
}

/// Makes the account in a shop of its own, which nothing is kept of.
async fn try_in_memory(person: NewPerson, folder: &Path) -> Result<(), Failure> {
    let chat = Chat::builder().open().await.map_err(|error| failure(&error, folder))?;
    let made = chat.people().create(person).await;
    close(chat).await?;
    made.map(drop).map_err(|error| failure(&error, folder))
}

pub(super) async fn show(who: &Who, folder: &Path, style: &Style) -> Result<Exit, Failure> {
    if !folder.join("chat.redb").exists() {
        return Err(Failure::says(format!("{} is no data folder of chatd.", folder.display()), Exit::NotFound));
    }
    let chat = open(folder, Limits::default()).await?;
    let found = match who.user.parse::<UserId>() {
        Ok(id) => chat.people().get(id).await,
        Err(_) => chat.people().by_email(&who.user).await,
    };
    close(chat).await?;
    let found: Option<Account> = found.map_err(|error| failure(&error, folder))?;
    let found = found.ok_or_else(|| Failure::says(format!("There is no account {}.", who.user), Exit::NotFound))?;
    crate::user::show(&found, style)
}

pub(super) async fn open(folder: &Path, limits: Limits) -> Result<Chat, Failure> {
    let builder = Chat::builder()
        .cache_bytes(CACHE_BYTES)
        .fold_after(FOLD_AFTER)
        .data_dir(folder)
        .limits(limits)
        .retention(Retention { age: FOR_EVER, events: u64::MAX })
        // By this a key that was changed is remembered.
        .access_ttl(FOR_EVER);
    builder.open().await.map_err(|error| failure(&error, folder))
}

pub(super) async fn close(chat: Chat) -> Result<(), Failure> {
    chat.close(CLOSES_WITHIN).await.map_err(|error| Failure::says(error.detail(), Exit::Failed))
}

pub(super) fn failure(error: &Error, folder: &Path) -> Failure {
    let folder = folder.display();
    let store = error.source().and_then(|source| source.downcast_ref::<StoreError>());
    if store.is_some_and(|error| error.kind() == StoreErrorKind::Locked) {
        let says = format!("chatd has {folder} open: leave --data-dir away to ask it, or stop it first.");
        return Failure::says(says, Exit::Unreachable);
    }
    let exit = match error.code() {
        ErrorCode::Conflict | ErrorCode::EmailTaken => Exit::Conflict,
        _ => Exit::Failed,
    };
    let cause = error.source().map_or_else(String::new, |cause| format!(" ({cause})"));
    Failure::says(format!("{}{cause}", error.detail()), exit)
}
