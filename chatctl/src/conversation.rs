use std::fmt::Write as _;
use std::path::PathBuf;

use chat_client::{Change, Client, Draft, Entropy as _, Part, SystemEntropy, plain_line};
use chat_proto::model::{Conversation as Row, Message};
use chat_proto::{ConversationId, Seq};
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::access::Door;
use crate::ask;
use crate::attachment;
use crate::event::{Following, follow};
use crate::exit::{Exit, Failure, print};
use crate::output::{Style, moment};
use crate::pages::Limit;
use crate::text;

#[derive(Debug, Subcommand)]
pub(crate) enum Conversation {
    /// The conversations that you are in, the latest first
    #[command(visible_alias = "ls")]
    List(List),
    /// One of them: who is in it, and its newest messages
    Show(Show),
    /// Send a message, with files if there are any
    Send(Send),
    /// Print messages as they come; ends with Ctrl-C
    Tail(Tail),
    /// Write all of it to standard output, the oldest message first, a line of JSON each
    Export {
        /// Its id: conv_...
        id: ConversationId,
    },
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    limit: Limit,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Its id: conv_...
    id: ConversationId,
    /// So many messages
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=200))]
    messages: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Send {
    /// Its id: conv_...
    id: ConversationId,
    /// What it says; - for standard input
    #[arg(long, default_value = "", required_unless_present = "attach", hide_default_value = true)]
    text: String,
    /// A file to go with it; again for another
    #[arg(long, value_name = "FILE")]
    attach: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Tail {
    /// Its id: conv_...; without it, all that you are in
    id: Option<ConversationId>,
}

pub(crate) async fn run(conversation: &Conversation, door: &Door, style: &Style) -> Result<Exit, Failure> {
    match conversation {
        Conversation::List(list) => self::list(&door.client().await?, list, style).await,
        Conversation::Show(show) => self::show(&door.client().await?, show, style).await,
        Conversation::Send(message) => send(&door.client().await?, message, style).await,
        Conversation::Tail(tail) => self::tail(door, tail, style).await,
        Conversation::Export { id } => export(&door.client().await?, *id).await,
    }
}

async fn list(client: &Client, args: &List, style: &Style) -> Result<Exit, Failure> {
    let found = args.limit.get(async |part| client.conversations(&part).await).await?;
    let rows = found.items.iter().map(|row| {
        let newest = row.last_message.as_ref().map(beginning).unwrap_or_default();
        vec![row.id.to_string(), moment(row.updated_at), row.unread.to_string(), title(row), newest]
    });
    let rows: Vec<_> = rows.collect();
    style.list(&found, &["ID", "CHANGED", "UNREAD", "WITH", "NEWEST"], &rows, "conversation")
}

/// What a message says, or which file says it all.
fn beginning(message: &Message) -> String {
    match message.attachments.first() {
        Some(file) if message.text.is_empty() => format!("[{}]", file.name),
        _ => message.text.clone(),
    }
}

/// What it is about, or who is in it.
fn title(row: &Row) -> String {
    row.subject.clone().unwrap_or_else(|| {
        let names: Vec<_> = row.participants.iter().map(|person| person.name.as_str()).collect();
        names.join(", ")
    })
}

/// What `show --json` prints.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    conversation: &'a Row,
    messages: &'a [Message],
}

async fn show(client: &Client, args: &Show, style: &Style) -> Result<Exit, Failure> {
    let (conversation, history) = tokio::try_join!(
        client.conversation(args.id),
        client.messages(args.id, Part::Newest, Some(args.messages.max(1)))
    )?;
    let messages = if args.messages == 0 { &[][..] } else { &history.items };
    if style.json {
        return crate::output::json(&Shown { conversation: &conversation, messages });
    }
    let mut text = format!("{}  {}\n", conversation.id, text::line(&title(&conversation)));
    for person in &conversation.participants {
        let owner = if person.owner { ", owner" } else { "" };
        let name = text::line(&person.name);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {name} ({}{owner}), read up to {}", person.role, person.read_seq);
    }
    for message in messages {
        text += &told(message);
    }
    Ok(print(&text, Exit::Ok))
}

/// A message as people read it. The lines of its text are indented, so that none can pass for another message.
fn told(message: &Message) -> String {
    let head = format!("{} {} {}", moment(message.created_at), message.seq, text::line(&message.author.name));
    if message.deleted_at.is_some() {
        return format!("{head}: (deleted)\n");
    }
    let edited = if message.edited_at.is_some() { " (edited)" } else { "" };
    let mut told = format!("{head}{edited}: {}\n", text::lines(&message.text).replace('\n', "\n    "));
    for file in &message.attachments {
        // Writing to a String cannot fail.
        let _ = writeln!(told, "    [{}  {}]", attachment::told(file), file.id);
    }
    told
}

async fn send(client: &Client, message: &Send, style: &Style) -> Result<Exit, Failure> {
    let text = if message.text == "-" { ask::everything().await? } else { message.text.clone() };
    // Whether there is such a conversation is said before anything is uploaded.
    client.conversation(message.id).await?;
    let mut files = Vec::new();
    for path in &message.attach {
        files.push(attachment::upload(client, path, None, style).await?);
    }
    let mut random = [0; 16];
    SystemEntropy.fill(&mut random);
    let client_id = format!("{:032x}", u128::from_be_bytes(random))
        .parse()
        .map_err(|_| Failure::says("no name for the message", Exit::Failed))?;
    let draft = Draft::text(text.trim_end_matches('\n')).attachments(files);
    let sent = match client.send(message.id, &client_id, draft.clone()).await {
        // Under the same name it is stored once, whatever became of the first try.
        Err(error) if error.is_retryable() => client.send(message.id, &client_id, draft).await,
        sent => sent,
    };
    let (sent, _) = sent?;
    style.done(&sent, &format!("Sent as number {}.", sent.seq))
}

async fn tail(door: &Door, args: &Tail, style: &Style) -> Result<Exit, Failure> {
    let says = |event: &chat_client::LiveChange| {
        let (Change::MessageCreated(message) | Change::MessageChanged(message)) = &event.change else { return None };
        if args.id.is_some_and(|id| id != message.conversation_id) {
            return None;
        }
        if style.json {
            return serde_json::to_string(message).ok().map(|json| plain_line(&json).into_owned() + "\n");
        }
        let of = if args.id.is_none() { format!("{} ", message.conversation_id) } else { String::new() };
        Some(of + &told(message))
    };
    let (client, tokens) = door.lasting_client().await?;
    if let Some(id) = args.id {
        // Whether there is such a conversation is said at once.
        client.conversation(id).await?;
    }
    follow(client, tokens, Following { style, says: &says }).await
}

async fn export(client: &Client, id: ConversationId) -> Result<Exit, Failure> {
    let mut after = Seq::ZERO;
    loop {
        let history = client.messages(id, Part::After(after), Some(200)).await?;
        let mut lines = String::new();
        for message in &history.items {
            let json =
                serde_json::to_string(message).map_err(|error| Failure::says(error.to_string(), Exit::Failed))?;
            lines += &plain_line(&json);
            lines.push('\n');
            after = after.max(message.seq);
        }
        let exit = print(&lines, Exit::Ok);
        if exit != Exit::Ok || !history.more_after || history.items.is_empty() {
            return Ok(exit);
        }
    }
}
