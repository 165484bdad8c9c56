//! One conversation in a terminal: what is said appears, and each line typed is sent.
//!
//! ```text
//! cargo run --release -p chat-examples --example echo -- http://127.0.0.1:9000 ana@mail.example "Leo Marsh"
//! ```
//!
//! The password is read from `CHAT_PASSWORD`; without it, the demo shop's is used. Ends with Ctrl-D or Ctrl-C.
#![expect(clippy::print_stdout, reason = "an example talks to who runs it")]

use std::collections::VecDeque;
use std::io::{IsTerminal as _, stdin, stdout};
use std::time::Duration;

use anyhow::{anyhow, bail};
use chat_client::{Change, Client, Live, LiveEvent, PageQuery, Part, SignIn, plain, plain_line};
use chat_proto::model::{Conversation, ConversationKind, Cursor, Message};
use chat_proto::wire::EphemeralEvent;
use chat_proto::{ClientId, ErrorCode, Role, Seq, UserId};
use tokio::sync::mpsc;

/// Between two attempts to connect.
const PAUSE: Duration = Duration::from_secs(1);

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    // The words of an error may be the server's.
    run().await.map_err(|error| anyhow!("{}", plain_line(&error.to_string())))
}

async fn run() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, email, other] = arguments.as_slice() else {
        bail!("usage: echo URL EMAIL NAME, such as: echo http://127.0.0.1:9000 ana@mail.example \"Leo Marsh\"");
    };
    let (client, signed_in) = Client::new(url)?.login(email, &password()).await?;
    let sign_in = SignIn::new(&client, &signed_in);
    let me = signed_in.user.id;
    let conversation = find(&client, me, other).await?;
    let history = client.messages(conversation.id, Part::Newest, Some(20)).await?;

    let mut view = View {
        me,
        other: plain_line(other).into_owned(),
        conversation,
        shown: Seq::ZERO,
        cursor: history.as_of,
        unsent: VecDeque::new(),
        sent: Vec::new(),
    };
    history.items.iter().for_each(|message| view.show(message));
    dim("Write a line and press Enter. Ctrl-D ends.");
    let ended = tokio::select! {
        ended = view.follow(&sign_in, typed_lines()) => ended,
        _ = tokio::signal::ctrl_c() => Ok(()),
    };
    // The sign-in was for this run only.
    let _ = sign_in.logout().await;
    ended
}

struct View {
    me: UserId,
    other: String,
    conversation: Conversation,
    /// The newest message on the screen.
    shown: Seq,
    /// Where to go on from when the connection drops.
    cursor: Cursor,
    /// Lines that the server has not confirmed.
    unsent: VecDeque<(ClientId, String)>,
    /// The names of what was typed here, and so stands on the screen already.
    sent: Vec<ClientId>,
}

impl View {
    async fn follow(&mut self, sign_in: &SignIn, mut typed: mpsc::Receiver<String>) -> anyhow::Result<()> {
        let mut told = false;
        loop {
            // A new token each time: the last one may have ended with the connection.
            let connected = async {
                let client = sign_in.renew().await?;
                let live = client.live_after(&self.cursor).await?;
                Ok((client, live))
            };
            let (client, mut live) = match connected.await {
                Ok(connected) => connected,
                Err::<_, chat_client::Error>(error) if error.is_retryable() => {
                    if !std::mem::replace(&mut told, true) {
                        dim(&format!("{error}; trying again, what is typed waits"));
                    }
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            told = false;
            if !self.stay(&client, &mut live, &mut typed).await? {
                live.close().await;
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Shows and sends while the connection lives; `false` when there is nothing more to do.
    async fn stay(
        &mut self,
        client: &Client,
        live: &mut Live,
        typed: &mut mpsc::Receiver<String>,
    ) -> anyhow::Result<bool> {
        self.mark_read(live).await;
        loop {
            if !self.send_all(live).await {
                return Ok(true);
            }
            tokio::select! {
                event = live.next() => match event {
                    Some(LiveEvent::Closed(why))
                        if why.is_resumable() || why.reason() == Some(ErrorCode::TokenExpired) =>
                    {
                        dim(&format!("{why}; connecting again"));
                        return Ok(true);
                    }
                    Some(LiveEvent::Closed(why)) => return Err(why.into()),
                    Some(LiveEvent::Reset(_)) => {
                        // The server cannot tell what was missed, so it is read again.
                        let missed = client.messages(self.conversation.id, Part::After(self.shown), None).await?;
                        missed.items.iter().for_each(|message| self.show(message));
                        self.cursor = missed.as_of;
                        return Ok(true);
                    }
                    Some(event) => self.apply(event, live).await,
                    None => return Ok(true),
                },
                text = typed.recv() => match text {
                    Some(text) if text.trim().is_empty() => {}
                    Some(text) => {
                        // Names of a session are unique for ever: each run signs in anew.
                        let name = format!("{}:{}", live.welcome().session, self.sent.len()).parse::<ClientId>()?;
                        self.sent.push(name.clone());
                        self.unsent.push_back((name, text));
                    }
                    None => return Ok(false),
                },
            }
        }
    }

    /// `false` when the connection broke on the way: the same line under the same name is sent again on the next one.
    async fn send_all(&mut self, live: &Live) -> bool {
        while let Some((name, line)) = self.unsent.front() {
            match live.send(self.conversation.id, name, line).await {
                // What others wrote before it may still be on its way here, so nothing is taken for shown yet.
                Ok(_) => {}
                Err(error) if error.is_retryable() => return false,
                Err(error) => dim(&format!("Not sent: {error}")),
            }
            self.unsent.pop_front();
        }
        true
    }

    async fn apply(&mut self, event: LiveEvent, live: &Live) {
        match event {
            LiveEvent::Event(event) => {
                let here = event.head.conv == Some(self.conversation.id);
                self.cursor = Cursor::from_text(event.head.c.clone());
                match event.change {
                    Change::MessageCreated(message) if here => {
                        self.show(&message);
                        self.mark_read(live).await;
                    }
                    Change::ReadMoved(read) if here && read.user_id != self.me && read.seq >= self.shown => {
                        dim(&format!("{} has read everything", self.other));
                    }
                    _ => {}
                }
            }
            LiveEvent::Ephemeral(EphemeralEvent::Typing { conv, user, on: true, .. })
                if conv == self.conversation.id && user != self.me =>
            {
                dim(&format!("{} is writing", self.other));
            }
            LiveEvent::Live(cursor) | LiveEvent::Ping(cursor) => self.cursor = cursor,
            LiveEvent::Refused(error) => dim(&error.detail),
            _ => {}
        }
    }

    fn show(&mut self, message: &Message) {
        let typed_here = message.client_id.as_ref().is_some_and(|name| self.sent.contains(name));
        if message.seq > self.shown && !typed_here {
            // Indented, so that no second line passes for a message of somebody else.
            let text = plain(&message.text).replace('\n', "\n    ");
            println!("{}: {text}", plain_line(&message.author.name));
        }
        self.shown = self.shown.max(message.seq);
    }

    async fn mark_read(&mut self, live: &Live) {
        if self.shown > self.conversation.read_seq && live.read(self.conversation.id, self.shown).await.is_ok() {
            self.conversation.read_seq = self.shown;
        }
    }
}

/// The conversation with the person of this name: one that there is, or a new one.
async fn find(client: &Client, me: UserId, name: &str) -> anyhow::Result<Conversation> {
    let mut page = PageQuery::first();
    loop {
        let conversations = client.conversations(&page).await?;
        let known = conversations.items.into_iter().find(|conversation| {
            conversation.kind == ConversationKind::Direct
                && conversation.participants.iter().any(|p| p.id != me && p.name == name)
        });
        if let Some(known) = known {
            return Ok(known);
        }
        let Some(next) = conversations.next_cursor else { break };
        page = PageQuery::after(next);
    }
    for role in Role::ALL {
        let mut page = PageQuery::first();
        loop {
            let people = client.directory(role, &page).await?;
            if let Some(person) = people.items.iter().find(|person| person.name == name) {
                return Ok(client.open_direct(person.id).await?);
            }
            let Some(next) = people.next_cursor else { break };
            page = PageQuery::after(next);
        }
    }
    bail!("nobody named {name:?} whom you may write to")
}

/// Secrets are never arguments: those are seen by everybody on the machine.
#[expect(clippy::disallowed_methods, reason = "an example has no configuration")]
fn password() -> String {
    std::env::var("CHAT_PASSWORD").unwrap_or_else(|_| {
        dim("CHAT_PASSWORD is not set: trying the demo shop's password.");
        "demo-password".to_owned()
    })
}

/// What is typed, read by a thread of its own: a read from a terminal cannot be called off.
fn typed_lines() -> mpsc::Receiver<String> {
    let (lines, typed) = mpsc::channel(16);
    std::thread::spawn(move || {
        for line in stdin().lines().map_while(Result::ok) {
            if lines.blocking_send(line).is_err() {
                break;
            }
        }
    });
    typed
}

fn dim(text: &str) {
    let text = plain_line(text);
    if stdout().is_terminal() {
        println!("\u{1b}[2m-- {text}\u{1b}[0m");
    } else {
        println!("-- {text}");
    }
}
