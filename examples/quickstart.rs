//! A chat inside a program of one's own. Run it twice on the same folder: everything is still there.
//!
//! ```text
//! cargo run --release -p chat-examples --example quickstart -- ./chat-data
//! ```
#![expect(clippy::print_stdout, reason = "an example talks to who runs it")]

use std::time::Duration;

use chatcore::model::User;
use chatcore::{Chat, ErrorCode, NewPerson, Result, Role, Span};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let temporary = tempfile::tempdir()?;
    let folder = std::env::args_os().nth(1).map_or_else(|| temporary.path().to_owned(), Into::into);
    let chat = Chat::open(&folder).await?;

    let ana = person(&chat, Role::Customer, "ana@mail.example", "Ana").await?;
    let leo = person(&chat, Role::Agent, "leo@shop.example", "Leo").await?;

    // Finds the conversation of the two when there is one.
    let (conversation, is_new) = chat.as_user(ana.id).open_direct(leo.id).await?;
    let greeting = if is_new { "Where is order 1001?" } else { "It is me again." };
    chat.as_user(ana.id).conversation(conversation.id).send(greeting).await?;
    chat.as_user(leo.id).conversation(conversation.id).send("Hello Ana, let me look.").await?;

    let history = chat.as_user(ana.id).conversation(conversation.id).history(Span::Newest, 50).await?;
    println!("{}:", folder.display());
    for message in history.items {
        println!("{:>4}  {}  {}: {}", message.seq, message.created_at, message.author.name, message.text);
    }
    Ok(chat.close(Duration::from_secs(10)).await?)
}

/// Makes the account, or finds it when an earlier run has made it.
async fn person(chat: &Chat, role: Role, email: &str, name: &str) -> Result<User> {
    match chat.people().create(NewPerson::new(role, email).name(name)).await {
        Err(error) if error.code() == ErrorCode::EmailTaken => chat.people().by_email(email).await?.ok_or(error),
        made => made,
    }
}
