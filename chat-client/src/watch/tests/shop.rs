//! A server in a few lines: people, conversations, and the log that events are told from. Its rules are those of
//! docs/protocol.md; what it shows is always what holds at that moment.

use std::collections::BTreeMap;

use chat_proto::model::{
    Conversation, ConversationKind, Cursor, History, Message, MessageKind, Participant, Person, User, UserState,
};
use chat_proto::wire::{AccessRevoked, EventHead, EventName, ParticipantAdded, ParticipantRemoved, ReadMoved};
use chat_proto::{ConversationId, MessageId, Role, Seq, Timestamp, UserId};

use crate::Part;
use crate::live::{Change, LiveChange};
use crate::watch::snapshot::Snapshot;

/// Rows of a page, few so that there are many pages.
pub(super) const PAGE: usize = 2;
/// Messages of a page of history.
pub(super) const HISTORY: usize = 3;
/// Participants that a list shows; a single conversation shows all.
pub(super) const LISTED: usize = 2;

pub(super) const ME: usize = 0;
pub(super) const PEOPLE: usize = 4;

#[derive(Debug, Default)]
pub(super) struct Shop {
    rooms: Vec<Room>,
    log: Vec<Line>,
    my_version: u64,
}

#[derive(Debug)]
struct Room {
    members: Vec<Member>,
    messages: Vec<Message>,
    /// How far everybody has read, as far as the others know.
    marks: BTreeMap<usize, Seq>,
    /// How far I have read, which may be less again.
    mine: Seq,
    version: u64,
    activity: usize,
    updated_at: Timestamp,
}

#[derive(Clone, Copy, Debug)]
struct Member {
    who: usize,
    joined: usize,
}

/// What happened, as far as the log says it; the rest is looked up when it is told.
#[derive(Clone, Debug)]
struct Line {
    room: usize,
    what: What,
    at: Timestamp,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Created,
    Sent(Seq),
    Edited(Seq),
    Read(usize, Seq),
    Came(usize, u64),
    Went(usize, u64),
    Renamed,
}

impl Room {
    fn read_on(&mut self, who: usize, seq: Seq) {
        let mark = self.marks.entry(who).or_default();
        *mark = (*mark).max(seq);
        if who == ME {
            self.mine = seq;
        }
    }
}

pub(super) fn user_id(who: usize) -> UserId {
    UserId::from_bytes([u8::try_from(who + 1).unwrap(); 16])
}

pub(super) fn room_id(room: usize) -> ConversationId {
    ConversationId::from_bytes([u8::try_from(room + 1).unwrap(); 16])
}

impl Shop {
    pub(super) fn rooms(&self) -> usize {
        self.rooms.len()
    }

    /// The position of the last thing that happened.
    pub(super) fn head(&self) -> usize {
        self.log.len()
    }

    fn happened(&mut self, room: usize, what: What) {
        // Several things happen in one millisecond.
        let at = Timestamp::from_millis(i64::try_from(self.log.len() / 3).unwrap());
        self.log.push(Line { room, what, at });
        let position = self.log.len();
        if let What::Renamed | What::Read(..) | What::Edited(_) = what {
            return;
        }
        let room = &mut self.rooms[room];
        room.activity = position;
        room.updated_at = at;
    }

    pub(super) fn create(&mut self, members: &[usize]) {
        let joined = self.log.len() + 1;
        self.rooms.push(Room {
            members: members.iter().map(|who| Member { who: *who, joined }).collect(),
            messages: Vec::new(),
            marks: BTreeMap::new(),
            mine: Seq::ZERO,
            version: 1,
            activity: 0,
            updated_at: Timestamp::from_millis(0),
        });
        self.happened(self.rooms.len() - 1, What::Created);
    }

    fn is_in(&self, room: usize, who: usize) -> bool {
        self.rooms[room].members.iter().any(|member| member.who == who)
    }

    pub(super) fn send(&mut self, room: usize, who: usize) {
        if !self.is_in(room, who) {
            return;
        }
        let held = &mut self.rooms[room];
        let seq = Seq(held.messages.len() as u64 + 1);
        let number = u128::try_from(room).unwrap() << 64 | u128::from(seq.0);
        held.messages.push(Message {
            id: MessageId::from_bytes(number.to_be_bytes()),
            conversation_id: room_id(room),
            seq,
            version: 1,
            author: somebody(user_id(who), String::new(), Role::Agent),
            kind: MessageKind::Message,
            text: format!("{seq}"),
            reply_to: None,
            mentions: Vec::new(),
            attachments: Vec::new(),
            reactions: Vec::new(),
            created_at: Timestamp::from_millis(0),
            edited_at: None,
            deleted_at: None,
            client_id: (who == ME).then(|| format!("{room}-{seq}").parse().unwrap()),
        });
        held.read_on(who, seq);
        self.happened(room, What::Sent(seq));
    }

    pub(super) fn edit(&mut self, room: usize, back: usize) {
        let messages = &mut self.rooms[room].messages;
        let Some(place) = messages.len().checked_sub(back + 1) else { return };
        let message = &mut messages[place];
        message.version += 1;
        message.text = format!("{} v{}", message.seq, message.version);
        let seq = message.seq;
        self.happened(room, What::Edited(seq));
    }

    pub(super) fn read(&mut self, room: usize, who: usize, back: u64) {
        let held = &mut self.rooms[room];
        let seq = Seq((held.messages.len() as u64).saturating_sub(back));
        let before = if who == ME { held.mine } else { held.marks.get(&who).copied().unwrap_or_default() };
        if before < seq && held.members.iter().any(|member| member.who == who) {
            held.read_on(who, seq);
            self.happened(room, What::Read(who, seq));
        }
    }

    /// I mark messages as unread again.
    pub(super) fn unread(&mut self, room: usize, back: u64) {
        let held = &mut self.rooms[room];
        let seq = Seq((held.messages.len() as u64).saturating_sub(back));
        if seq < held.mine && held.members.iter().any(|member| member.who == ME) {
            held.mine = seq;
            self.happened(room, What::Read(ME, seq));
        }
    }

    pub(super) fn add(&mut self, room: usize, who: usize) {
        if self.is_in(room, who) {
            return;
        }
        let joined = self.log.len() + 1;
        let held = &mut self.rooms[room];
        held.version += 1;
        held.members.push(Member { who, joined });
        let last = Seq(held.messages.len() as u64);
        held.read_on(who, last);
        let version = held.version;
        self.happened(room, What::Came(who, version));
    }

    pub(super) fn remove(&mut self, room: usize, who: usize) {
        if !self.is_in(room, who) {
            return;
        }
        let held = &mut self.rooms[room];
        held.version += 1;
        held.members.retain(|member| member.who != who);
        let version = held.version;
        self.happened(room, What::Went(who, version));
    }

    pub(super) fn rename_me(&mut self) {
        self.my_version += 1;
        self.log.push(Line { room: 0, what: What::Renamed, at: Timestamp::from_millis(0) });
    }

    pub(super) fn me(&self) -> User {
        let Person { id, name, role, avatar, .. } = self.person(ME);
        let created_at = Timestamp::from_millis(0);
        User {
            id,
            email: String::new(),
            name,
            role,
            created_at,
            version: self.my_version + 1,
            anonymous: false,
            verified: false,
            bot: false,
            avatar,
            site: None,
            external_id: None,
            state: UserState::Active,
            email_verified: false,
        }
    }

    fn person(&self, who: usize) -> Person {
        let version = if who == ME { self.my_version } else { 0 };
        let avatar = (version % 3 == 1).then(|| format!("{version:016x}"));
        Person { avatar, ..somebody(user_id(who), format!("person {who} v{}", version / 2), Role::Agent) }
    }

    fn message(&self, room: usize, seq: Seq) -> Message {
        let message = &self.rooms[room].messages[usize::try_from(seq.0).unwrap() - 1];
        let who = (0..PEOPLE).find(|who| user_id(*who) == message.author.id).unwrap();
        Message { author: self.person(who), ..message.clone() }
    }

    /// A conversation as I see it; `None`: I am not in it.
    pub(super) fn conversation(&self, room: usize, listed: usize) -> Option<Conversation> {
        self.is_in(room, ME).then(|| self.view(room, listed))
    }

    fn view(&self, room: usize, listed: usize) -> Conversation {
        let held = &self.rooms[room];
        let last_seq = Seq(held.messages.len() as u64);
        let participants = held.members.iter().take(listed).map(|member| self.participant(room, *member));
        Conversation {
            id: room_id(room),
            kind: ConversationKind::Group,
            subject: None,
            participants: participants.collect(),
            participant_count: u32::try_from(held.members.len()).unwrap(),
            receipts: true,
            last_message: (last_seq > Seq::ZERO).then(|| self.message(room, last_seq)),
            last_seq,
            read_seq: held.mine,
            unread: last_seq.0 - held.mine.0,
            created_at: Timestamp::from_millis(0),
            updated_at: held.updated_at,
            version: held.version,
        }
    }

    fn participant(&self, room: usize, member: Member) -> Participant {
        let Person { id, name, role, avatar, .. } = self.person(member.who);
        let joined_at = Timestamp::from_millis(i64::try_from(member.joined).unwrap());
        let read_seq = self.rooms[room].marks.get(&member.who).copied().unwrap_or_default();
        Participant {
            id,
            name,
            role,
            owner: false,
            joined_at,
            read_seq,
            delivered_seq: read_seq,
            anonymous: false,
            verified: false,
            bot: false,
            avatar,
        }
    }

    /// The page of my list below this activity, and the activity of its last row when there is more.
    pub(super) fn page(&self, below: Option<usize>) -> (Vec<Conversation>, Option<usize>) {
        let mut mine: Vec<usize> = (0..self.rooms.len()).filter(|room| self.is_in(*room, ME)).collect();
        mine.retain(|room| below.is_none_or(|below| self.rooms[*room].activity < below));
        mine.sort_by_key(|room| std::cmp::Reverse(self.rooms[*room].activity));
        let more = mine.len() > PAGE;
        mine.truncate(PAGE);
        let last = mine.last().filter(|_| more).map(|room| self.rooms[*room].activity);
        (mine.into_iter().map(|room| self.view(room, LISTED)).collect(), last)
    }

    /// Everything, in one moment.
    pub(super) fn snapshot(&self) -> Snapshot {
        let mut conversations = Vec::new();
        let mut below = None;
        loop {
            let (mut page, next) = self.page(below);
            conversations.append(&mut page);
            below = next;
            if below.is_none() {
                return Snapshot { me: self.me(), conversations, more: false };
            }
        }
    }

    /// A part of a history; `None`: I am not in the conversation.
    pub(super) fn history(&self, room: usize, part: Part) -> Option<History> {
        if !self.is_in(room, ME) {
            return None;
        }
        let all = self.rooms[room].messages.len() as u64;
        let end = match part {
            Part::Before(seq) => seq.0 - 1,
            Part::After(seq) => all.min(seq.0 + HISTORY as u64),
            _ => all,
        };
        let first = match part {
            Part::After(seq) => seq.0 + 1,
            _ => end.saturating_sub(HISTORY as u64) + 1,
        };
        Some(History {
            items: (first..=end).map(|seq| self.message(room, Seq(seq))).collect(),
            more_before: first > 1,
            more_after: end < all,
            as_of: Cursor::from_text(String::new()),
        })
    }

    pub(super) fn all_messages(&self, room: usize) -> Vec<Message> {
        (1..=self.rooms[room].messages.len() as u64).map(|seq| self.message(room, Seq(seq))).collect()
    }

    /// The event at a position (1, 2, 3 …) as I am told it now; `None`: it is not for me.
    pub(super) fn told(&self, position: usize) -> Option<LiveChange> {
        let Line { room, what, at } = self.log[position - 1].clone();
        let change = if let What::Renamed = what {
            Change::UserChanged(self.me())
        } else {
            let me = self.rooms[room].members.iter().find(|member| member.who == ME);
            let gone = matches!(what, What::Went(ME, _));
            if !gone && me.is_none_or(|me| me.joined > position) {
                return None;
            }
            self.change(room, what)
        };
        let v = match (&change, what) {
            (Change::MessageCreated(message) | Change::MessageChanged(message), _) => message.version,
            (_, What::Came(_, version) | What::Went(_, version)) => version,
            _ => 1,
        };
        let c = position.to_string();
        let conv = Some(room_id(room));
        let head = EventHead { c, e: EventName::Unknown, conv, seq: None, v, at, by: None, cid: None };
        Some(LiveChange { head, change })
    }

    fn change(&self, room: usize, what: What) -> Change {
        match what {
            What::Created => Change::ConversationCreated(self.view(room, usize::MAX)),
            What::Sent(seq) => Change::MessageCreated(self.message(room, seq)),
            What::Edited(seq) => Change::MessageChanged(self.message(room, seq)),
            What::Read(who, seq) => Change::ReadMoved(ReadMoved { user_id: user_id(who), seq }),
            What::Came(ME, _) => Change::AccessGranted(self.view(room, usize::MAX)),
            What::Came(who, _) => {
                // They may have gone again since.
                let known = self.rooms[room].members.iter().find(|member| member.who == who);
                let member = known.copied().unwrap_or(Member { who, joined: 0 });
                Change::ParticipantAdded(ParticipantAdded { participant: self.participant(room, member) })
            }
            What::Went(ME, _) => Change::AccessRevoked(AccessRevoked { conversation_id: room_id(room) }),
            What::Went(who, _) => Change::ParticipantRemoved(ParticipantRemoved { user_id: user_id(who) }),
            What::Renamed => Change::UserChanged(self.me()),
        }
    }
}

fn somebody(id: UserId, name: String, role: Role) -> Person {
    Person { id, name, role, anonymous: false, verified: false, bot: false, avatar: None }
}
