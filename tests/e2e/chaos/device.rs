//! One client: writes whatever happens to the network, and comes back with its cursor.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chat_client::Client;
use chat_proto::wire::Event;
use chat_proto::{ConversationId, UserId};
use chat_tests::history::{Sent, Stored};
use chat_tests::{Dice, Frame, Socket};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::Sabotage;
use super::held::{Held, Snapshot};
use super::outbox::{Outbox, first_name};

/// Between two things that somebody does, milliseconds.
const PAUSE_MS: (u64, u64) = (50, 300);
/// Before coming back, milliseconds.
const BACK_OFF_MS: (u64, u64) = (5, 60);
/// How long a device listens before it compares itself with a snapshot again.
const LISTEN: Duration = Duration::from_millis(100);
/// Who is at a device, and where they write.
#[derive(Clone, Debug)]
pub(super) struct Owner {
    pub(super) name: String,
    pub(super) id: UserId,
    pub(super) token: String,
    pub(super) conversations: Vec<ConversationId>,
}

#[derive(Debug)]
pub(super) struct Device {
    owner: Owner,
    address: SocketAddr,
    client: Client,
    sabotage: Sabotage,
    dice: Dice,
    held: Held,
    cursor: Option<String>,
    socket: Option<Connection>,
    outbox: Outbox,
    re: u64,
    tally: Arc<Tally>,
    pub(super) faults: Vec<String>,
}

/// What happened to all of them together.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) acknowledged: AtomicU64,
    sent_again: AtomicU64,
    events: AtomicU64,
    resumed: AtomicU64,
    reset: AtomicU64,
}

#[derive(Debug)]
struct Connection {
    socket: Socket,
    live: bool,
    /// The sends that wait for their answer, by `re`.
    waiting: BTreeMap<u64, Value>,
}

/// The connection is of no use any more.
struct Gone;

impl Device {
    /// `through`: where its connections are cut; it begins with what there is.
    pub(super) fn new(
        owner: Owner,
        through: SocketAddr,
        begins_with: Snapshot,
        sabotage: Sabotage,
        seed: u64,
        tally: Arc<Tally>,
    ) -> Self {
        let client = Client::with_token(&format!("http://{through}"), &owner.token).expect("an address");
        let cursor = begins_with.as_of.clone();
        Self {
            held: Held::new(owner.id, begins_with),
            dice: Dice::new(seed),
            owner,
            address: through,
            client,
            sabotage,
            cursor: Some(cursor),
            socket: None,
            outbox: Outbox::new(sabotage == Sabotage::SendsAgainUnderAnotherName),
            re: 0,
            tally,
            faults: Vec::new(),
        }
    }

    /// Writes and follows until the storm is over and everything written is acknowledged, or something is wrong.
    pub(super) async fn ride_out(mut self, mut storming: watch::Receiver<bool>) -> Self {
        while self.faults.is_empty() {
            let Ok(mut connection) = self.come_back().await else {
                sleep(self.dice.millis(BACK_OFF_MS.0, BACK_OFF_MS.1)).await;
                continue;
            };
            if self.converse(&mut connection, &mut storming).await.is_ok() {
                self.socket = Some(connection);
                break;
            }
        }
        self
    }

    /// Follows until it holds what a fresh snapshot shows. What was asked for over connections that are gone may still
    /// be carried out meanwhile.
    pub(super) async fn settle(mut self, patience: Duration) -> Self {
        let until = Instant::now() + patience;
        while self.faults.is_empty() {
            let difference = match Snapshot::load(&self.client).await {
                Some(fresh) => self.held.difference(&fresh),
                None => Some("no snapshot".to_owned()),
            };
            match difference {
                None => break,
                Some(difference) if Instant::now() > until => self.faults.push(difference),
                Some(_) => {
                    let connection = match self.socket.take() {
                        Some(connection) => Ok(connection),
                        None => self.come_back().await,
                    };
                    let Ok(mut connection) = connection else { continue };
                    let until = Instant::now() + LISTEN;
                    let mut heard = Ok(());
                    while let (Ok(()), Ok(frame)) = (&heard, timeout_at(until, connection.socket.read()).await) {
                        heard = self.hear(&mut connection, frame);
                    }
                    self.socket = heard.is_ok().then_some(connection);
                }
            }
        }
        let name = &self.owner.name;
        for fault in &mut self.faults {
            fault.insert_str(0, &format!("{name}: "));
        }
        self
    }

    /// What it wrote where, as its author and the server have it.
    pub(super) fn history(&self, conversation: ConversationId) -> (Sent, Vec<Stored>) {
        let own = self.held.messages(conversation).filter_map(|message| {
            let client_id = message.client_id.as_ref()?.to_string();
            let author = message.author.id.to_string();
            Some(Stored { seq: message.seq.0, author, client_id: first_name(&client_id).to_owned() })
        });
        (self.outbox.sent(conversation), own.collect())
    }

    pub(super) fn owner(&self) -> &Owner {
        &self.owner
    }

    async fn come_back(&mut self) -> Result<Connection, Gone> {
        if self.cursor.is_none() {
            let snapshot = Snapshot::load(&self.client).await.ok_or(Gone)?;
            self.cursor = Some(snapshot.as_of.clone());
            self.held.take(snapshot);
        }
        let mut hello = json!({"t": "hello", "token": self.owner.token, "resume": self.cursor});
        let forgets = self.sabotage == Sabotage::None && self.is_forgetful() && self.dice.once_in(8);
        if forgets {
            hello["resume"] = json!("forgotten");
        } else if self.sabotage == Sabotage::ComesBackWithoutCursor {
            hello.as_object_mut().expect("an object").remove("resume");
        }
        let mut socket = Socket::try_connect(self.address).await.ok_or(Gone)?;
        if !socket.try_say(&hello).await {
            return Err(Gone);
        }
        let Frame::Json(welcome) = socket.next().await else { return Err(Gone) };
        let resumes = !forgets && self.sabotage != Sabotage::ComesBackWithoutCursor;
        if welcome["t"] != "welcome" || welcome["resumed"] != json!(resumes) {
            return Err(self.fault(format!("not welcome: {welcome}")));
        }
        if forgets {
            let Frame::Json(reset) = socket.next().await else { return Err(Gone) };
            if reset["t"] != "reset" {
                return Err(self.fault(format!("no reset: {reset}")));
            }
            self.tally.reset.fetch_add(1, Ordering::Relaxed);
            self.cursor = None;
            return Err(Gone);
        }
        self.tally.resumed.fetch_add(1, Ordering::Relaxed);
        let mut connection = Connection { socket, live: false, waiting: BTreeMap::new() };
        for at in 0..self.outbox.len() {
            self.tally.sent_again.fetch_add(1, Ordering::Relaxed);
            let frame = self.outbox.frame(at);
            self.say(&mut connection, frame).await?;
        }
        Ok(connection)
    }

    /// One in ten sometimes comes with a cursor that nobody knows, and has to begin anew.
    fn is_forgetful(&self) -> bool {
        self.owner.name.ends_with('7')
    }

    async fn converse(
        &mut self,
        connection: &mut Connection,
        storming: &mut watch::Receiver<bool>,
    ) -> Result<(), Gone> {
        let mut act_at = Instant::now() + self.dice.millis(0, PAUSE_MS.0);
        loop {
            let writes = *storming.borrow_and_update();
            if !writes && connection.live && self.outbox.len() == 0 {
                return Ok(());
            }
            tokio::select! {
                frame = connection.socket.read() => self.hear(connection, frame)?,
                () = sleep_until(act_at), if writes => {
                    self.act(connection).await?;
                    act_at = Instant::now() + self.dice.millis(PAUSE_MS.0, PAUSE_MS.1);
                }
                changed = storming.changed() => changed.map_err(|_| Gone)?,
            }
        }
    }

    fn hear(&mut self, connection: &mut Connection, frame: Frame) -> Result<(), Gone> {
        let frame = match frame {
            Frame::Json(frame) => frame,
            Frame::Closed(None) => return Err(Gone),
            Frame::Closed(Some(code)) => return Err(self.fault(format!("closed with {code}"))),
        };
        match frame["t"].as_str().unwrap_or_default() {
            "ev" => {
                let own = frame["cid"].as_str().zip(frame["seq"].as_u64());
                if let (true, Some((id, seq))) = (frame["e"] == "message.created", own) {
                    self.acknowledge(id, seq)?;
                }
                let cursor = frame["c"].as_str().map(ToOwned::to_owned);
                let event: Event = serde_json::from_value(frame).expect("an event");
                self.held.apply(event).map_err(|fault| self.fault(fault))?;
                self.tally.events.fetch_add(1, Ordering::Relaxed);
                self.cursor = cursor;
            }
            "live" | "ping" => {
                connection.live = true;
                self.cursor = frame["c"].as_str().map(ToOwned::to_owned);
            }
            "ok" => {
                let asked = frame["re"].as_u64().and_then(|re| connection.waiting.remove(&re));
                if let Some(asked) = asked {
                    let answer = &frame["d"];
                    let told = answer["client_id"].as_str().zip(answer["seq"].as_u64());
                    let fits = asked["client_id"] == answer["client_id"] && asked["conv"] == answer["conversation_id"];
                    let Some((id, seq)) = told.filter(|_| fits) else {
                        return Err(self.fault(format!("{asked} was answered with {frame}")));
                    };
                    self.acknowledge(id, seq)?;
                }
            }
            // A message that was deleted meanwhile cannot be changed.
            "err" if frame["code"] == "conflict" => {}
            "eph" => {}
            _ => return Err(self.fault(format!("unexpected: {frame}"))),
        }
        Ok(())
    }

    fn acknowledge(&mut self, id: &str, seq: u64) -> Result<(), Gone> {
        let news = self.outbox.acknowledge(id, seq).map_err(|fault| self.fault(fault))?;
        self.tally.acknowledged.fetch_add(u64::from(news), Ordering::Relaxed);
        Ok(())
    }

    /// Does one thing of those that people do.
    async fn act(&mut self, connection: &mut Connection) -> Result<(), Gone> {
        let conv = *self.dice.pick(&self.owner.conversations).expect("they are in some");
        let what = self.dice.below(100);
        let last = self.held.last_seq(conv).0;
        let mine = |author: UserId| author == self.owner.id;
        let recent: Vec<_> = self.held.messages(conv).rev().take(20).collect();
        let own: Vec<_> = recent.iter().filter(|message| mine(message.author.id)).collect();
        let frame = match what {
            0..60 => self.outbox.write(&self.owner.name, conv).map(|at| self.outbox.frame(at)),
            60..70 => self.dice.pick(&own).map(|message| {
                let text = format!("edited after version {}", message.version);
                json!({"t": "edit", "conv": conv, "id": message.id, "text": text})
            }),
            70..80 => {
                let (emoji, on) = (*self.dice.pick(&["👍", "❤️"]).expect("two"), !self.dice.once_in(3));
                let message = self.dice.pick(&recent);
                message.map(|message| json!({"t": "react", "conv": conv, "id": message.id, "emoji": emoji, "on": on}))
            }
            80..83 => self.dice.pick(&own).map(|message| json!({"t": "delete", "conv": conv, "id": message.id})),
            83..92 => Some(json!({"t": "read", "conv": conv, "seq": self.dice.below(last + 1)})),
            _ => Some(json!({"t": "delivered", "conv": conv, "seq": self.dice.below(last + 1)})),
        };
        match frame {
            Some(frame) => self.say(connection, frame).await,
            None => Ok(()),
        }
    }

    async fn say(&mut self, connection: &mut Connection, mut frame: Value) -> Result<(), Gone> {
        self.re += 1;
        frame["re"] = json!(self.re);
        let said = connection.socket.try_say(&frame).await;
        if frame["t"] == "send" {
            connection.waiting.insert(self.re, frame);
        }
        if said { Ok(()) } else { Err(Gone) }
    }

    fn fault(&mut self, fault: String) -> Gone {
        self.faults.push(fault);
        Gone
    }
}
