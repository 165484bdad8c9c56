//! The shop: its people, what they do, and what goes wrong around them.

use std::collections::BTreeMap;

use chatcore::store::{Keep, View};
use chatcore::{Actor, ClientId, ConversationId, Draft, ErrorCode, MessageId, NewPerson, Role, Seq, Timestamp, UserId};

use crate::device::{Device, snapshot};
use crate::dice::Dice;
use crate::sabotage::Sabotage;
use crate::server::{Backup, Crash, Server};

const ROLES: [Role; 5] = [Role::Agent, Role::Customer, Role::Agent, Role::Customer, Role::Admin];
/// Three of the five have two.
const DEVICES: usize = 8;

pub(crate) struct World {
    dice: Dice,
    sabotage: Sabotage,
    server: Server,
    people: People,
    devices: Vec<Device>,
    backup: Option<(Backup, BTreeMap<ClientId, Stored>)>,
}

/// Those who act, and what they know.
pub(crate) struct People {
    ids: Vec<UserId>,
    conversations: Vec<ConversationId>,
    messages: Vec<(ConversationId, MessageId)>,
    /// Messages that were not acknowledged yet, in the order of their writing.
    outbox: Vec<Unsent>,
    /// Those that were.
    acknowledged: BTreeMap<ClientId, Stored>,
    written: usize,
}

#[derive(Clone, Debug)]
struct Unsent {
    by: UserId,
    conversation: ConversationId,
    client_id: ClientId,
    text: String,
    reply_to: Option<MessageId>,
    mentions: Vec<UserId>,
    if_last_seq: Option<Seq>,
}

impl Unsent {
    fn draft(&self) -> Draft {
        let mut draft =
            Draft::text(self.text.clone()).client_id(self.client_id.clone()).mentions(self.mentions.clone());
        if let Some(message) = self.reply_to {
            draft = draft.reply_to(message);
        }
        if let Some(seq) = self.if_last_seq {
            draft = draft.if_last_seq(seq);
        }
        draft
    }

    /// Why it may be refused for good: its author is not in there any more, or what it refers to is not as they think.
    fn may_be_refused(&self, code: ErrorCode) -> bool {
        match code {
            ErrorCode::NotFound => true,
            ErrorCode::Invalid => self.reply_to.is_some() || !self.mentions.is_empty(),
            ErrorCode::NewerMessages => self.if_last_seq.is_some(),
            _ => false,
        }
    }
}

#[derive(Clone, Debug)]
struct Stored {
    conversation: ConversationId,
    seq: Seq,
}

/// What others do in the middle of something.
pub(crate) enum Others<'a> {
    None,
    Some { dice: &'a mut Dice, server: &'a Server, people: &'a mut People },
}

impl Others<'_> {
    pub(crate) async fn go_on(&mut self) {
        if let Self::Some { dice, server, people } = self
            && dice.once_in(3)
        {
            people.act(dice, server).await;
        }
    }
}

impl World {
    pub(crate) async fn open(seed: u64, sabotage: Sabotage) -> Self {
        let server = Server::open(seed).await;
        let mut ids = Vec::new();
        for (i, role) in ROLES.into_iter().enumerate() {
            let person = NewPerson::new(role, format!("p{i}@shop.example"));
            ids.push(server.chat().people().create(person).await.unwrap().id);
        }
        let group = server.chat().as_user(ids[0]).create_group(None, ids[1..4].to_vec()).await.unwrap().id;
        let devices = (0..DEVICES).map(|i| Device::new(ids[i % ids.len()])).collect();
        let (messages, outbox, acknowledged) = (Vec::new(), Vec::new(), BTreeMap::new());
        let people = People { ids, conversations: vec![group], messages, outbox, acknowledged, written: 0 };
        Self { dice: Dice::new(seed), sabotage, server, people, devices, backup: None }
    }

    pub(crate) async fn step(&mut self) -> Result<(), String> {
        let device = self.dice.below(DEVICES);
        match self.dice.below(100) {
            0..50 => self.people.act(&mut self.dice, &self.server).await,
            50..62 => self.connect(device).await?,
            62..66 => self.devices[device].disconnect(),
            66..84 => {
                let most = 1 + self.dice.below(12);
                self.read(device, most).await?;
            }
            84..88 => {
                let actor = self.actor(device);
                self.devices[device].ping(&actor, self.sabotage).await;
            }
            88..90 => self.server.advance(1 + self.dice.below(5_000) as u64),
            90..92 => self.trim(),
            92..94 => _ = self.server.store().maintain(),
            94..96 => self.crash().await,
            96..98 => self.doom(),
            98 if self.sabotage == Sabotage::None => self.back_up_or_restore().await,
            _ => self.people.resend(&self.server, self.sabotage).await,
        }
        if self.server.is_dead() {
            self.crash().await;
        }
        Ok(())
    }

    fn actor(&self, device: usize) -> Actor {
        self.server.chat().as_user(self.devices[device].user)
    }

    async fn connect(&mut self, device: usize) -> Result<(), String> {
        let actor = self.actor(device);
        let (dice, server, people) = (&mut self.dice, &self.server, &mut self.people);
        let mut others = Others::Some { dice, server, people };
        self.devices[device].connect(&actor, self.sabotage, &mut others).await
    }

    async fn read(&mut self, device: usize, most: usize) -> Result<(), String> {
        let actor = self.actor(device);
        self.devices[device].read(most, &actor, self.sabotage, &mut self.dice).await
    }

    fn trim(&mut self) {
        let keep = Keep { most: 1 + self.dice.below(30) as u64, since: Timestamp::from_millis(0) };
        while self.server.store().trim(&keep).unwrap_or(false) {}
    }

    async fn crash(&mut self) {
        self.devices.iter_mut().for_each(Device::disconnect);
        self.server.crash().await;
    }

    fn doom(&mut self) {
        let crash = match self.sabotage {
            Sabotage::AckBeforeDisk => Crash::Lie,
            _ if self.dice.once_in(2) => Crash::Before,
            _ => Crash::After,
        };
        self.server.doom(crash);
    }

    /// What was acknowledged since the backup is gone with it.
    async fn back_up_or_restore(&mut self) {
        match self.backup.take() {
            Some((backup, acknowledged)) if self.dice.once_in(2) => {
                self.devices.iter_mut().for_each(Device::disconnect);
                self.server.restore(&backup).await;
                self.people.acknowledged = acknowledged;
            }
            _ => {
                self.devices.iter_mut().for_each(Device::disconnect);
                let backup = self.server.backup().await;
                self.backup = Some((backup, self.people.acknowledged.clone()));
            }
        }
    }

    /// Things calm down: everybody comes back, sends what is left, reads to the end; then it must all be right.
    pub(crate) async fn settle(&mut self) -> Result<(), String> {
        if self.server.is_dead() {
            self.crash().await;
        }
        self.people.resend(&self.server, self.sabotage).await;
        if self.server.is_dead() {
            self.crash().await;
            self.people.resend(&self.server, self.sabotage).await;
        }
        for device in 0..DEVICES {
            for _ in 0..9 {
                if !self.devices[device].is_connected() {
                    let actor = self.actor(device);
                    self.devices[device].connect(&actor, self.sabotage, &mut Others::None).await?;
                }
                self.read(device, usize::MAX).await?;
            }
            let (fresh, _) =
                snapshot(&self.actor(device), &mut Others::None).await.ok_or("the store cannot be read")?;
            let held = &self.devices[device].held;
            if *held != fresh {
                return Err(format!("device {device} holds\n{held:#?}\nand should hold\n{fresh:#?}"));
            }
        }
        self.people.check(&*self.server.store().view())
    }

    /// All that came of it.
    pub(crate) fn outcome(&self) -> String {
        let held: Vec<_> = self.devices.iter().map(|device| &device.held).collect();
        format!("{held:?} {:?}", self.people.messages)
    }
}

impl People {
    fn somebody(&self, dice: &mut Dice) -> UserId {
        self.ids[dice.below(self.ids.len())]
    }

    /// Somebody does something; whether it is allowed is another question.
    async fn act(&mut self, dice: &mut Dice, server: &Server) {
        let (by, other) = (self.somebody(dice), self.somebody(dice));
        let actor = server.chat().as_user(by);
        let Some(conversation) = dice.pick(&self.conversations) else { return };
        let message = dice.pick(&self.messages);
        let in_question = actor.conversation(conversation);
        let seq = Seq(dice.below(20) as u64);
        match (dice.below(40), message) {
            (0..14, _) => self.write(by, conversation, server, dice).await,
            (14..18, Some((conversation, message))) => {
                let text = format!("changed to {}", dice.below(3));
                let _ = actor.conversation(conversation).edit(message, &text, None).await;
            }
            (18, Some((conversation, message))) => {
                let _ = actor.conversation(conversation).delete(message, None).await;
            }
            (19..22, Some((conversation, message))) => {
                let emoji = ["👍", "🎉"][dice.below(2)];
                let _ = actor.conversation(conversation).react(message, emoji, dice.once_in(2)).await;
            }
            (22..26, _) => drop(in_question.mark_read(seq).await),
            (26, _) => drop(in_question.mark_unread(seq).await),
            (27..29, _) => drop(in_question.mark_delivered(seq).await),
            (29..32, _) => drop(in_question.add(other).await),
            (32..35, _) => drop(in_question.remove(other).await),
            (35, _) => drop(in_question.leave().await),
            (36, _) => {
                if let Ok(begun) = actor.create_group(None, vec![other]).await {
                    self.conversations.push(begun.id);
                }
            }
            (37, _) => {
                if let Ok((begun, true)) = actor.open_direct(other).await {
                    self.conversations.push(begun.id);
                }
            }
            (38, _) => drop(actor.rename(&format!("Name {}", dice.below(9))).await),
            _ => {}
        }
    }

    async fn write(&mut self, by: UserId, conversation: ConversationId, server: &Server, dice: &mut Dice) {
        self.written += 1;
        let client_id = format!("w{}", self.written).parse().unwrap();
        let text = format!("text {} {}", self.written, "x".repeat(dice.below(40)));
        let there = self.messages.iter().filter(|(there, _)| *there == conversation).map(|(_, message)| *message);
        let there: Vec<_> = there.collect();
        let reply_to = if dice.once_in(4) { dice.pick(&there) } else { None };
        let mentions = if dice.once_in(4) { vec![self.somebody(dice)] } else { Vec::new() };
        let if_last_seq = dice.once_in(6).then_some(Seq(there.len() as u64));
        let unsent = Unsent { by, conversation, client_id, text, reply_to, mentions, if_last_seq };
        if let Some(unsent) = self.send(unsent, server).await {
            self.outbox.push(unsent);
        }
    }

    /// Gives it back when it has to be sent again.
    async fn send(&mut self, unsent: Unsent, server: &Server) -> Option<Unsent> {
        let handle = server.chat().as_user(unsent.by).conversation(unsent.conversation);
        match handle.send(unsent.draft()).await {
            Ok(sent) => {
                let (conversation, seq) = (sent.message.conversation_id, sent.message.seq);
                self.acknowledged.insert(unsent.client_id, Stored { conversation, seq });
                self.messages.push((conversation, sent.message.id));
                None
            }
            Err(error) if error.is_retryable() => Some(unsent),
            Err(error) => {
                assert!(unsent.may_be_refused(error.code()), "{error:?}");
                None
            }
        }
    }

    async fn resend(&mut self, server: &Server, sabotage: Sabotage) {
        for mut unsent in std::mem::take(&mut self.outbox) {
            if sabotage == Sabotage::OtherName {
                self.written += 1;
                unsent.client_id = format!("w{}", self.written).parse().unwrap();
            }
            if let Some(unsent) = self.send(unsent, server).await {
                self.outbox.push(unsent);
            }
        }
    }

    /// Each message that was acknowledged is there once, in its place; nothing is there twice; no number is missing.
    fn check(&self, view: &dyn View) -> Result<(), String> {
        let mut found = BTreeMap::new();
        let mut texts = BTreeMap::new();
        for id in &self.conversations {
            // One that was begun after a backup that was restored since is gone.
            let Some(no) = view.conversation_no(*id).unwrap() else { continue };
            let conversation = view.conversation(no).unwrap().unwrap();
            let rows = view.messages(no, Seq(1), conversation.last_seq).unwrap();
            for (seq, row) in (1..).zip(&rows) {
                if row.seq != Seq(seq) {
                    return Err(format!("number {seq} of {id} is {row:?}"));
                }
                if found.insert(row.client_id.clone(), (*id, row.seq)).is_some() {
                    return Err(format!("{:?} is there twice", row.client_id));
                }
                let number = row.text.split(' ').nth(1).filter(|_| row.text.starts_with("text ")).map(str::to_owned);
                if number.is_some_and(|number| texts.insert(number, row.seq).is_some()) {
                    return Err(format!("{:?} was sent twice", row.text));
                }
            }
            if rows.len() as u64 != conversation.last_seq.0 {
                return Err(format!("{id} has {} messages of {:?}", rows.len(), conversation.last_seq));
            }
        }
        for (client_id, stored) in &self.acknowledged {
            if found.get(client_id) != Some(&(stored.conversation, stored.seq)) {
                return Err(format!("{client_id:?} was acknowledged as {stored:?}, and is {:?}", found.get(client_id)));
            }
        }
        Ok(())
    }
}
