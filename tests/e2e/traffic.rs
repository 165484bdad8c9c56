//! People who go on after the server was gone: senders who send again what was not acknowledged, and readers who read
//! on where they were.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use chat_client::{Outcome, Part};
use chat_proto::{ConversationId, ErrorCode, Seq};
use chat_tests::history::{Sent, Stored};
use chat_tests::{EventSource, Frame, Person, Request, Socket};
use serde_json::{Value, json};

/// Messages of one sender that wait for their answer on one socket.
pub(crate) const WINDOW: usize = 16;

/// Sends so many messages of this text, some at a time, and waits until they are acknowledged; what else comes is lost.
pub(crate) async fn flood(socket: &mut Socket, conv: ConversationId, client_ids: Range<u64>, text: &str) {
    let all: Vec<u64> = client_ids.collect();
    for some in all.chunks(WINDOW) {
        let frame = |i: &u64| json!({"t": "send", "re": i, "conv": conv, "client_id": format!("m{i}"), "text": text});
        socket.say_all(some.iter().map(frame)).await;
        for _ in some {
            let answer = socket.until(|frame| frame["re"].is_u64()).await.pop().expect("found");
            assert_eq!(answer["t"], "ok", "{answer}");
        }
    }
}

/// The whole history. Only an author sees a client id, so each reads their own.
pub(crate) async fn stored(senders: &[Sender], address: SocketAddr) -> Vec<Stored> {
    let mut all: BTreeMap<u64, Stored> = BTreeMap::new();
    for sender in senders {
        let client = Person { address, ..sender.person.clone() }.client();
        let mut after = Seq(0);
        let mut seen = 0_usize;
        loop {
            let page = client.messages(sender.group, Part::After(after), Some(200)).await.expect("history");
            seen += page.items.len();
            for message in &page.items {
                after = message.seq;
                if let Some(client_id) = &message.client_id {
                    assert_eq!(message.author.id, sender.person.id, "a foreign client id");
                    let stored = Stored {
                        seq: message.seq.0,
                        author: message.author.id.to_string(),
                        client_id: client_id.to_string(),
                    };
                    assert_eq!(all.insert(message.seq.0, stored), None, "a number is given once");
                }
            }
            if !page.more_after {
                break;
            }
        }
        assert_eq!(after.0, seen as u64, "the history has a hole");
    }
    all.into_values().collect()
}

/// Somebody who sends, and keeps what is not acknowledged to send it again.
pub(crate) struct Sender {
    pub(crate) person: Person,
    group: ConversationId,
    pub(crate) sent: Sent,
    /// Sent and not acknowledged, in order.
    outbox: VecDeque<String>,
    /// What each message has beside its id.
    padding: String,
}

impl Sender {
    pub(crate) fn new(person: &Person, group: ConversationId) -> Self {
        let (sent, outbox, padding) = Default::default();
        Self { person: person.clone(), group, sent, outbox, padding }
    }

    /// The same with messages that are so much longer than their ids.
    pub(crate) fn longer_by(self, bytes: usize) -> Self {
        Self { padding: "x".repeat(bytes), ..self }
    }

    fn text(&self, id: &str) -> String {
        format!("{id}{}", self.padding)
    }

    /// What to send first after a crash: all that is not acknowledged, in order, and a tenth of what is.
    fn again(&self) -> Vec<String> {
        let tenth = self.sent.acknowledged.keys().step_by(10).cloned();
        self.outbox.iter().cloned().chain(tenth).collect()
    }

    fn new_message(&mut self) -> String {
        let name = self.person.email.split('@').next().unwrap_or_default();
        let id = format!("{name}-{:06}", self.sent.ids.len());
        self.sent.ids.push(id.clone());
        self.outbox.push_back(id.clone());
        id
    }

    fn acknowledge(&mut self, id: &str, seq: u64) {
        self.outbox.retain(|waiting| waiting != id);
        let first = *self.sent.acknowledged.entry(id.to_owned()).or_insert(seq);
        assert_eq!(first, seq, "{id} was given another number");
    }

    /// Pipelined, until the connection breaks.
    pub(crate) async fn over_socket(&mut self, acknowledged: &AtomicU64) {
        let Some(mut socket) = Socket::try_connect(self.person.address).await else {
            return;
        };
        if !socket.try_say(&json!({"t": "hello", "token": self.person.token})).await {
            return;
        }
        let mut again = VecDeque::from(self.again());
        let mut waiting: BTreeMap<u64, String> = BTreeMap::new();
        let mut re = 0;
        loop {
            while waiting.len() < WINDOW {
                let id = again.pop_front().unwrap_or_else(|| self.new_message());
                re += 1;
                let frame = json!({"t": "send", "re": re, "conv": self.group, "client_id": id, "text": self.text(&id)});
                waiting.insert(re, id);
                if !socket.try_say(&frame).await {
                    return;
                }
            }
            let Frame::Json(frame) = socket.next().await else {
                return;
            };
            // Who is going down may say so; what it refuses is sent again.
            assert!(frame["t"] != "err" || frame["code"] == "draining", "{frame}");
            if frame["t"] == "ok" {
                let id = waiting.remove(&frame["re"].as_u64().expect("a number")).expect("one of ours");
                let message: &Value = &frame["d"];
                assert_eq!(message["client_id"], json!(id), "{frame}");
                self.acknowledge(&id, message["seq"].as_u64().expect("a number"));
                acknowledged.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// One after the other, until the server is gone.
    pub(crate) async fn over_rest(&mut self, acknowledged: &AtomicU64) {
        let client = self.person.client();
        let mut again = VecDeque::from(self.again());
        loop {
            let id = again.pop_front().unwrap_or_else(|| self.new_message());
            let known = self.sent.acknowledged.contains_key(&id);
            let client_id = id.parse().expect("a client id");
            match client.send(self.group, &client_id, &self.text(&id)).await {
                Ok((message, outcome)) => {
                    assert!(!known || outcome == Outcome::Duplicate, "{id} was stored again");
                    self.acknowledge(&id, message.seq.0);
                    acknowledged.fetch_add(1, Ordering::Relaxed);
                }
                Err(chat_client::Error::Transport(_)) => return,
                Err(error) if error.code() == Some(ErrorCode::Draining) => return,
                Err(error) => panic!("{id}: {error}"),
            }
        }
    }
}

/// Somebody who only reads, and goes on after each crash where they were.
pub(crate) struct Reader {
    person: Person,
    cursor: String,
    pub(crate) seen: Vec<u64>,
}

impl Reader {
    pub(crate) async fn new(person: &Person) -> Self {
        let list = person.get("/conversations").await;
        Self { person: person.clone(), cursor: list["as_of"].as_str().expect("a cursor").to_owned(), seen: Vec::new() }
    }

    /// Reads until the connection breaks, or this message has come.
    pub(crate) async fn read(&mut self, address: SocketAddr, last: Option<u64>) {
        let Some(mut socket) = Socket::try_connect(address).await else {
            return;
        };
        let hello = json!({"t": "hello", "token": self.person.token, "resume": self.cursor});
        if !socket.try_say(&hello).await {
            return;
        }
        while last.is_none() || self.seen.last().copied() != last {
            let Frame::Json(frame) = socket.next().await else {
                return;
            };
            assert_ne!(frame["t"], "reset", "{frame}");
            self.take(&frame);
            if let Some(cursor) = frame["c"].as_str() {
                cursor.clone_into(&mut self.cursor);
            }
        }
    }

    /// The same over an event stream.
    pub(crate) async fn read_stream(&mut self, address: SocketAddr, last: Option<u64>) {
        let bearer = format!("Bearer {}", self.person.token);
        let headers = [("Authorization", bearer.as_str()), ("Last-Event-ID", self.cursor.as_str())];
        let mut stream = match EventSource::try_open(address, "", &headers).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(refused)) => return assert_eq!(refused.problem().code, ErrorCode::Draining),
            Err(_) => return,
        };
        while last.is_none() || self.seen.last().copied() != last {
            let Some(sent) = stream.next().await else { return };
            assert_ne!(sent.name, "reset", "{sent:?}");
            self.take(&sent.data);
            if let Some(id) = sent.id {
                self.cursor = id;
            }
        }
    }

    /// The same by polling.
    pub(crate) async fn poll(&mut self, address: SocketAddr, last: Option<u64>) {
        while last.is_none() || self.seen.last().copied() != last {
            let path = format!("/api/v1/events?cursor={}&limit=7&wait=10", self.cursor);
            let Some(answer) = Request::new("GET", path).token(&self.person.token).try_send(address).await else {
                return;
            };
            if answer.status == 503 {
                return assert_eq!(answer.problem().code, ErrorCode::Draining);
            }
            let batch = answer.ok();
            assert_eq!(batch.get("reset"), None, "{batch}");
            batch["items"].as_array().expect("items").iter().for_each(|frame| self.take(frame));
            batch["cursor"].as_str().expect("a cursor").clone_into(&mut self.cursor);
        }
    }

    fn take(&mut self, frame: &Value) {
        if frame["e"] == "message.created" {
            self.seen.push(frame["seq"].as_u64().expect("a number"));
        }
    }
}
