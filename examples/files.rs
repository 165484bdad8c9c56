//! A file in a program's own chat: kept, sent with a message, read by who sees the message.
//!
//! ```text
//! cargo run --release -p chat-examples --example files -- ./chat-data ./photo.jpg
//! ```
//!
//! Without arguments it sends a text, in a folder that is gone afterwards.
#![expect(clippy::print_stdout, reason = "an example talks to who runs it")]

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use chatcore::model::User;
use chatcore::{Chat, Draft, ErrorCode, NewPerson, Result, Role};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let temporary = tempfile::tempdir()?;
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let folder = arguments.next().unwrap_or_else(|| temporary.path().join("chat"));
    let path = arguments.next().unwrap_or_else(|| temporary.path().join("order-1001.txt"));
    if path.starts_with(temporary.path()) {
        std::fs::write(&path, "One mug, blue.\n")?;
    }
    let chat = Chat::open(&folder).await?;
    let ana = person(&chat, Role::Customer, "ana@mail.example", "Ana").await?;
    let leo = person(&chat, Role::Agent, "leo@shop.example", "Leo").await?;

    // The content says what it is; of a picture only the picture is kept.
    let name = path.file_name().context("a file has a name")?.to_string_lossy().into_owned();
    let file = chat.as_user(ana.id).attach(name, tokio::fs::File::open(&path).await?).await?;
    println!("{}: {}, {} bytes", file.name, file.media_type, file.size);

    let (order, _) = chat.as_user(ana.id).open_direct(leo.id).await?;
    let draft = Draft::text("This is what I meant.").attachments(vec![file.id]);
    chat.as_user(ana.id).conversation(order.id).send(draft).await?;

    // Leo is in the conversation, so he may have it.
    let stored = chat.as_user(leo.id).attachment(file.id).await?;
    println!("Leo sees {} ({} bytes)", stored.attachment.name, stored.content.size);
    Ok(chat.close(Duration::from_secs(10)).await?)
}

/// Makes the account, or finds it when an earlier run has made it.
async fn person(chat: &Chat, role: Role, email: &str, name: &str) -> Result<User> {
    match chat.people().create(NewPerson::new(role, email).name(name)).await {
        Err(error) if error.code() == ErrorCode::EmailTaken => chat.people().by_email(email).await?.ok_or(error),
        made => made,
    }
}
