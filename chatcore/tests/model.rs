//! Both stores are given the same random commands, folded and restarted at random, and must show the same.
//!
//! `CHAT_PROPTEST_CASES` runs more cases than the usual 64. A failure prints its shortest sequence.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Debug;
use std::sync::Arc;

use chat_proto::model::ConversationKind;
use chat_proto::{ConversationId, InvitationId, MessageId, ObjectId, Role, Seq, SessionId, Timestamp, UserId};
use chatcore::state::{
    Acceptance, AccountState, Author, Command, Imported, ImportedConversation, ImportedMessage, ImportedUser, LetterId,
    Origin, Outcome, Post, RefreshHashes, Refusal, Renewal,
};
use chatcore::store::conformance::{Acting, Backend, Shop, Snapshot, client_id};
use chatcore::store::memory::MemoryStore;
use chatcore::store::redb::{RedbOptions, RedbStore, StoreFile};
use chatcore::store::{Keep, Store};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use redb::backends::InMemoryBackend;

#[derive(Debug)]
struct Memory(Arc<MemoryStore>);

impl Backend for Memory {
    fn open(&self) -> Arc<dyn Store> {
        self.0.clone()
    }
}

/// A file that is kept in memory: what is tested here is what is in it, not that it is on a disk.
#[derive(Clone, Debug)]
struct File(Arc<InMemoryBackend>);

/// A store's files.
#[derive(Clone, Debug)]
struct Files([File; 3]);

impl Files {
    fn new() -> Self {
        Self(std::array::from_fn(|_| File(Arc::new(InMemoryBackend::new()))))
    }

    fn file(&self, file: StoreFile) -> File {
        let [tables, one, other] = &self.0;
        match file {
            StoreFile::Tables => tables.clone(),
            StoreFile::FirstWal => one.clone(),
            StoreFile::SecondWal => other.clone(),
        }
    }
}

impl redb::StorageBackend for File {
    fn len(&self) -> std::io::Result<u64> {
        self.0.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
        self.0.read(offset, out)
    }
    fn set_len(&self, len: u64) -> std::io::Result<()> {
        self.0.set_len(len)
    }
    fn sync_data(&self) -> std::io::Result<()> {
        self.0.sync_data()
    }
    fn write(&self, offset: u64, data: &[u8]) -> std::io::Result<()> {
        self.0.write(offset, data)
    }
}

#[derive(Debug)]
struct Redb {
    files: Files,
    options: RedbOptions,
}

impl Backend for Redb {
    fn open(&self) -> Arc<dyn Store> {
        let files = self.files.clone();
        Arc::new(RedbStore::with_backend(self.options.clone(), move |file| files.file(file)).unwrap())
    }
}

/// What somebody does; people, conversations and names of messages are few, so that they meet.
#[derive(Clone, Debug)]
enum Act {
    NewUser {
        email: u8,
        role: usize,
        by: Option<u8>,
    },
    Register {
        email: u8,
    },
    Bootstrap,
    StartSession {
        who: u8,
    },
    RenewSession {
        who: u8,
        session: u8,
        token: u8,
    },
    EndSession {
        who: u8,
        session: u8,
    },
    EndOtherSessions {
        who: u8,
        session: Option<u8>,
    },
    ChangeUser {
        who: u8,
        user: u8,
        role: Option<usize>,
        name: u8,
    },
    SetUserState {
        who: u8,
        user: u8,
        on: bool,
    },
    Invite {
        who: u8,
        email: u8,
        role: usize,
    },
    TakeBack {
        who: u8,
        invitation: u8,
    },
    Accept {
        invitation: u8,
    },
    Forgot {
        email: u8,
    },
    AskToVerify {
        who: u8,
    },
    /// Uses the link of a letter, for one or the other.
    UseLink {
        letter: u8,
        verify: bool,
    },
    ForgetLetters,
    ChangePassword {
        who: u8,
        session: Option<u8>,
        from: u8,
    },
    Rename {
        who: u8,
        session: Option<u8>,
        name: u8,
    },
    Direct {
        who: u8,
        with: u8,
    },
    Group {
        who: u8,
        with: Vec<u8>,
    },
    Add {
        who: u8,
        to: u8,
        other: u8,
    },
    Remove {
        who: u8,
        from: u8,
        other: u8,
    },
    Send {
        who: u8,
        session: Option<u8>,
        to: u8,
        name: u8,
        text: u8,
        reply: Option<u8>,
        mention: Option<u8>,
        last: Option<u64>,
    },
    Edit {
        who: u8,
        message: u8,
        text: u8,
        version: Option<u64>,
    },
    Delete {
        who: u8,
        message: u8,
        version: Option<u64>,
    },
    React {
        who: u8,
        message: u8,
        emoji: usize,
        on: bool,
    },
    Read {
        who: u8,
        of: u8,
        seq: u64,
    },
    Unread {
        who: u8,
        of: u8,
        seq: u64,
    },
    Delivered {
        who: u8,
        of: u8,
        seq: u64,
    },
    ImportUser {
        number: u8,
        email: u8,
        hash: usize,
    },
    ImportConversation {
        number: u8,
        with: Vec<u8>,
    },
    /// Seconds and authors.
    ImportMessages {
        to: u8,
        messages: Vec<(u8, u8)>,
        read: Vec<(u8, usize)>,
    },
    RenewHash {
        who: u8,
        from: usize,
    },
    FinishImport,
}

/// How passwords are stored, of which two are from elsewhere.
const HASHES: [&str; 3] = [
    "hash",
    "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    "$2a$10$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
];

/// An id as another system made them.
fn old(second: u8, number: u8) -> ObjectId {
    let mut bytes = [number; 12];
    // Some beyond the clock of the shop.
    let second = if second > 28 { u32::MAX } else { 1_700_000_000 + u32::from(second) };
    bytes[..4].copy_from_slice(&second.to_be_bytes());
    ObjectId::from_bytes(bytes)
}

#[derive(Clone, Debug)]
enum Step {
    Commit(Vec<Act>),
    /// A piece of folding; how often.
    Maintain(u8),
    /// Forgets all but so many lines of the log, of those that are folded.
    Trim(u64),
    Reopen,
    Restart,
    Drop,
}

fn act() -> impl Strategy<Value = Act> {
    let who = || 0..7_u8;
    let conversation = || 0..6_u8;
    let session = || prop::option::weighted(0.2, 0..4_u8);
    prop_oneof![
        2 => (0..9_u8, 0..5_usize, prop::option::weighted(0.3, who()))
            .prop_map(|(email, role, by)| Act::NewUser { email, role, by }),
        1 => (0..9_u8).prop_map(|email| Act::Register { email }),
        1 => Just(Act::Bootstrap),
        1 => who().prop_map(|who| Act::StartSession { who }),
        1 => (who(), 0..4_u8, 0..3_u8).prop_map(|(who, session, token)| Act::RenewSession { who, session, token }),
        1 => (who(), 0..4_u8).prop_map(|(who, session)| Act::EndSession { who, session }),
        1 => (who(), session()).prop_map(|(who, session)| Act::EndOtherSessions { who, session }),
        1 => (who(), session(), 0..2_u8)
            .prop_map(|(who, session, from)| Act::ChangePassword { who, session, from }),
        1 => (who(), session(), 0..5_u8).prop_map(|(who, session, name)| Act::Rename { who, session, name }),
        1 => (who(), who(), prop::option::of(0..5_usize), 0..5_u8)
            .prop_map(|(who, user, role, name)| Act::ChangeUser { who, user, role, name }),
        1 => (who(), who(), any::<bool>()).prop_map(|(who, user, on)| Act::SetUserState { who, user, on }),
        1 => (who(), 0..9_u8, 0..5_usize).prop_map(|(who, email, role)| Act::Invite { who, email, role }),
        1 => (who(), 0..3_u8).prop_map(|(who, invitation)| Act::TakeBack { who, invitation }),
        1 => (0..3_u8).prop_map(|invitation| Act::Accept { invitation }),
        1 => (0..9_u8).prop_map(|email| Act::Forgot { email }),
        1 => who().prop_map(|who| Act::AskToVerify { who }),
        1 => (0..3_u8, any::<bool>()).prop_map(|(letter, verify)| Act::UseLink { letter, verify }),
        1 => Just(Act::ForgetLetters),
        3 => (who(), who()).prop_map(|(who, with)| Act::Direct { who, with }),
        2 => (who(), prop::collection::vec(who(), 0..4)).prop_map(|(who, with)| Act::Group { who, with }),
        3 => (who(), conversation(), who()).prop_map(|(who, to, other)| Act::Add { who, to, other }),
        4 => (who(), conversation(), who()).prop_map(|(who, from, other)| Act::Remove { who, from, other }),
        14 => (who(), session(), conversation(), 0..12_u8, 0..2_u8, (rarely(0..20_u8), rarely(who()), rarely(0..9_u64)))
            .prop_map(|(who, session, to, name, text, (reply, mention, last))| {
                Act::Send { who, session, to, name, text, reply, mention, last }
            }),
        6 => (who(), 0..20_u8, 0..4_u8, rarely(1..4_u64))
            .prop_map(|(who, message, text, version)| Act::Edit { who, message, text, version }),
        2 => (who(), 0..20_u8, rarely(1..4_u64))
            .prop_map(|(who, message, version)| Act::Delete { who, message, version }),
        5 => (who(), 0..20_u8, 0..3_usize, any::<bool>())
            .prop_map(|(who, message, emoji, on)| Act::React { who, message, emoji, on }),
        4 => (who(), conversation(), 0..20_u64).prop_map(|(who, of, seq)| Act::Read { who, of, seq }),
        2 => (who(), conversation(), 0..20_u64).prop_map(|(who, of, seq)| Act::Unread { who, of, seq }),
        2 => (who(), conversation(), 0..20_u64).prop_map(|(who, of, seq)| Act::Delivered { who, of, seq }),
        2 => (0..4_u8, 0..12_u8, 0..3_usize)
            .prop_map(|(number, email, hash)| Act::ImportUser { number, email, hash }),
        2 => (0..6_u8, prop::collection::vec(who(), 0..4))
            .prop_map(|(number, with)| Act::ImportConversation { number, with }),
        3 => (conversation(), prop::collection::vec((0..32_u8, who()), 0..6), prop::collection::vec((who(), 0..8_usize), 0..3))
            .prop_map(|(to, messages, read)| Act::ImportMessages { to, messages, read }),
        1 => (who(), 0..3_usize).prop_map(|(who, from)| Act::RenewHash { who, from }),
        1 => Just(Act::FinishImport),
    ]
}

fn rarely<T: Debug>(strategy: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    prop::option::weighted(0.1, strategy)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => prop::collection::vec(act(), 0..12).prop_map(Step::Commit),
        4 => (1..9_u8).prop_map(Step::Maintain),
        1 => (1..40_u64).prop_map(Step::Trim),
        1 => Just(Step::Reopen),
        1 => Just(Step::Restart),
        1 => Just(Step::Drop),
    ]
}

/// A shop, and who and what has come into it by then.
#[derive(Debug)]
struct Side {
    shop: Shop,
    users: Vec<UserId>,
    conversations: Vec<ConversationId>,
    sessions: Vec<SessionId>,
    invitations: Vec<InvitationId>,
    messages: Vec<(ConversationId, MessageId)>,
}

impl Side {
    fn new(backend: Box<dyn Backend>) -> Self {
        let mut side = Self {
            shop: Shop::open(backend),
            users: Vec::new(),
            conversations: Vec::new(),
            sessions: Vec::new(),
            invitations: Vec::new(),
            messages: Vec::new(),
        };
        for (i, role) in [Role::Admin, Role::Agent, Role::Customer, Role::Customer].into_iter().enumerate() {
            side.users.push(side.shop.person(role, &format!("first{i}")));
        }
        // Owned by the agent, so that who comes and goes is seen from the first step on.
        let group = side.shop.group(side.users[1], &side.users.clone());
        side.conversations.push(group);
        side
    }

    fn user(&mut self, i: u8) -> UserId {
        let nobody = UserId::from_bytes([9; 16]);
        self.users.get(usize::from(i)).copied().unwrap_or(nobody)
    }

    fn author(&mut self, i: u8, session: Option<u8>) -> Author {
        let user = self.user(i);
        let session = session.and_then(|session| self.sessions.iter().rev().nth(usize::from(session)).copied());
        Author { user, session }
    }

    fn invitation(&self, i: u8) -> InvitationId {
        let none = InvitationId::from_bytes([9; 16]);
        self.invitations.iter().rev().nth(usize::from(i)).copied().unwrap_or(none)
    }

    fn conversation(&mut self, i: u8) -> ConversationId {
        let nowhere = ConversationId::from_bytes([9; 16]);
        self.conversations.iter().rev().nth(usize::from(i)).copied().unwrap_or(nowhere)
    }

    /// One of the latest messages, and where it is.
    fn message(&self, i: u8) -> (ConversationId, MessageId) {
        let none = (ConversationId::from_bytes([9; 16]), MessageId::from_bytes([9; 16]));
        self.messages.iter().rev().nth(usize::from(i)).copied().unwrap_or(none)
    }

    fn command(&mut self, act: &Act) -> Command {
        match act {
            Act::Direct { who, with } => {
                let (by, with) = (self.user(*who), self.user(*with));
                self.shop.open_direct(by, with)
            }
            Act::Group { who, with } => {
                let (by, with) = (self.user(*who), with.iter().map(|i| self.user(*i)).collect::<Vec<_>>());
                self.shop.create_group(by, &with)
            }
            Act::Add { who, to, other } => self.user(*who).add(self.conversation(*to), self.user(*other)),
            Act::Remove { who, from, other } => self.user(*who).remove(self.conversation(*from), self.user(*other)),
            Act::Send { who, session, to, name, text, reply, mention, last } => {
                let post = Post {
                    reply_to: reply.map(|reply| self.message(reply).1),
                    mentions: mention.iter().map(|user| self.user(*user)).collect(),
                    if_last_seq: last.map(Seq),
                    ..Post::new(client_id(&format!("m{name}")), format!("text {text}"))
                };
                Command::Send { by: self.author(*who, *session), conversation: self.conversation(*to), post }
            }
            Act::Edit { who, message, text, version: if_version } => {
                let (by, (conversation, message)) = (self.user(*who).author(), self.message(*message));
                Command::EditMessage {
                    by,
                    conversation,
                    message,
                    text: format!("text {text}"),
                    if_version: *if_version,
                }
            }
            Act::Delete { who, message, version: if_version } => {
                let (by, (conversation, message)) = (self.user(*who).author(), self.message(*message));
                Command::DeleteMessage { by, conversation, message, if_version: *if_version }
            }
            Act::React { who, message, emoji, on } => {
                let (by, (conversation, message)) = (self.user(*who).author(), self.message(*message));
                let emoji = ["👍", "❤️", "🎉"][*emoji].to_owned();
                Command::React { by, conversation, message, emoji, on: *on }
            }
            Act::Unread { who, of, seq } => {
                let (by, conversation) = (self.user(*who).author(), self.conversation(*of));
                Command::MarkUnread { by, conversation, seq: Seq(*seq) }
            }
            Act::Delivered { who, of, seq } => {
                let (by, conversation) = (self.user(*who).author(), self.conversation(*of));
                Command::MoveDeliveredMark { by, conversation, seq: Seq(*seq) }
            }
            Act::Read { who, of, seq } => self.user(*who).read(self.conversation(*of), *seq),
            Act::ImportUser { .. }
            | Act::ImportConversation { .. }
            | Act::ImportMessages { .. }
            | Act::RenewHash { .. }
            | Act::FinishImport => self.import_command(act),
            account => self.account_command(account),
        }
    }

    fn import_command(&mut self, act: &Act) -> Command {
        let created_at = Timestamp::from_millis(1_700_000_000_000);
        match act {
            Act::ImportUser { number, email, hash } => {
                let id = old(0, *number).into();
                if !self.users.contains(&id) {
                    self.users.push(id);
                }
                Command::ImportUser(Box::new(ImportedUser {
                    email: format!("u{email}@shop.example"),
                    name: format!("Old {number}"),
                    state: AccountState::Active,
                    password: Some(HASHES[*hash].to_owned()),
                    ..ImportedUser::nobody(id, created_at)
                }))
            }
            Act::ImportConversation { number, with } => {
                let participants: Vec<_> = with.iter().map(|user| self.user(*user)).collect();
                let kind = if with.len() == 2 { ConversationKind::Direct } else { ConversationKind::Group };
                let (id, owner) = (old(1, *number).into(), participants.first().copied());
                if !self.conversations.contains(&id) {
                    self.conversations.push(id);
                }
                let subject = Some("Old".to_owned());
                Command::ImportConversation(Box::new(ImportedConversation {
                    id,
                    kind,
                    subject,
                    participants,
                    owner,
                    created_at,
                }))
            }
            Act::ImportMessages { to, messages, read } => {
                let message = |(second, who): &(u8, u8)| ImportedMessage {
                    id: old(*second, 7).into(),
                    client_id: client_id(&old(*second, 7).to_string()),
                    author: self.users.get(usize::from(*who)).copied().unwrap_or(UserId::from_bytes([9; 16])),
                    text: format!("old {second}"),
                    created_at: Timestamp::from_millis(created_at.as_millis() + i64::from(*second)),
                    edited_at: (second % 5 == 0).then_some(created_at),
                    deleted_at: None,
                };
                let messages = messages.iter().map(message).collect();
                let read = read.iter().map(|(who, count)| (self.user(*who), *count)).collect();
                Command::ImportMessages { conversation: self.conversation(*to), messages, read }
            }
            Act::RenewHash { who, from } => Command::RenewPasswordHash {
                user: self.user(*who),
                before: HASHES[*from].to_owned(),
                after: "hash".to_owned(),
            },
            _ => Command::FinishImport { imported: Imported::default(), origin: Origin::default() },
        }
    }

    fn account_command(&mut self, act: &Act) -> Command {
        let expires_at = Timestamp::from_millis(1_800_000_000_200);
        match act {
            Act::NewUser { email, role, by } => {
                let by = by.map(|by| self.user(by).author());
                let mut command = self.shop.new_user(Role::ALL[*role], &format!("u{email}@shop.example"), "New");
                if let Command::CreateUser { by: author, .. } = &mut command {
                    *author = by;
                }
                command
            }
            Act::Register { email } => {
                let (id, session) = (self.shop.new_user_id(), self.shop.new_session(expires_at));
                let (email, name, password) = (format!("U{email}@shop.example"), "Reg".to_owned(), "hash".to_owned());
                let letter = self.shop.new_letter(expires_at);
                Command::Register { id, email, name, password, session, letter }
            }
            Act::Bootstrap => {
                let (id, email) = (self.shop.new_user_id(), "ada@shop.example".to_owned());
                Command::Bootstrap { id, email, name: "Ada".to_owned(), password: "hash".to_owned() }
            }
            Act::StartSession { who } => {
                let (user, session) = (self.user(*who), self.shop.new_session(expires_at));
                Command::StartSession { user, password: None, session }
            }
            Act::RenewSession { who, session, token } => {
                let Author { user, session } = self.author(*who, Some(*session));
                let session = session.unwrap_or(SessionId::from_bytes([9; 16]));
                // As the shop makes them; a wrong person's token is of no family.
                let mut family = [0; 32];
                family[..16].copy_from_slice(&session.to_bytes());
                let presented = RefreshHashes { family, token: [*token; 32] };
                let (next, origin) = ([token + 1; 32], Origin::new(None, Some(&format!("till {token}"))));
                let renewal = Box::new(Renewal { presented, next, expires_at, origin });
                Command::RenewSession { user, session, renewal }
            }
            Act::EndSession { who, session } => {
                let by = self.author(*who, Some(*session));
                let session = by.session.unwrap_or(SessionId::from_bytes([9; 16]));
                Command::EndSession { by, session, origin: Origin::default() }
            }
            Act::EndOtherSessions { who, session } => {
                let by = self.author(*who, *session);
                Command::EndOtherSessions { by, origin: Origin::default() }
            }
            Act::ChangePassword { who, session, from } => {
                let by = self.author(*who, *session);
                let (current, new) = (["hash", "other"][usize::from(*from)], ["other", "hash"][usize::from(*from)]);
                let (current, new) = (current.to_owned(), new.to_owned());
                Command::ChangePassword { by, current, new, origin: Origin::default() }
            }
            Act::Rename { who, session, name } => {
                let origin = Origin::default();
                Command::Rename { by: self.author(*who, *session), name: format!("Name {name}"), origin }
            }
            Act::ChangeUser { who, user, role, name } => Command::ChangeUser {
                by: self.user(*who).author(),
                user: self.user(*user),
                name: Some(format!("Name {name}")),
                role: role.map(|role| Role::ALL[role]),
                if_version: None,
                origin: Origin::default(),
            },
            Act::SetUserState { who, user, on } => {
                let state = if *on { AccountState::Active } else { AccountState::Disabled };
                let (by, user) = (self.user(*who).author(), self.user(*user));
                Command::SetUserState { by, user, state, origin: Origin::default() }
            }
            Act::Invite { who, email, role } => {
                let (by, id) = (self.user(*who).author(), self.shop.new_invitation_id());
                let (email, role) = (format!("u{email}@shop.example"), Role::ALL[*role]);
                Command::Invite { by, id, email, role, token: [7; 32], expires_at, origin: Origin::default() }
            }
            Act::TakeBack { who, invitation } => {
                let (by, invitation) = (self.user(*who).author(), self.invitation(*invitation));
                Command::TakeBackInvitation { by, invitation, origin: Origin::default() }
            }
            Act::Accept { invitation } => {
                let (invitation, id) = (self.invitation(*invitation), self.shop.new_user_id());
                let session = *self.shop.new_session(expires_at);
                let (name, password) = ("Invited".to_owned(), "hash".to_owned());
                let letter = *self.shop.new_letter(expires_at);
                let acceptance = Acceptance { invitation, token: [7; 32], id, name, password, session, letter };
                Command::AcceptInvitation(Box::new(acceptance))
            }
            letter => self.letter_command(letter),
        }
    }

    fn letter_command(&mut self, act: &Act) -> Command {
        let expires_at = Timestamp::from_millis(1_800_000_000_200);
        match act {
            Act::Forgot { email } => {
                let (email, letter) = (format!("u{email}@shop.example"), self.shop.new_letter(expires_at));
                Command::ForgotPassword { email, letter, origin: Origin::default() }
            }
            Act::AskToVerify { who } => {
                let (by, letter) = (self.user(*who).author(), self.shop.new_letter(expires_at));
                Command::AskToVerifyEmail { by, letter, origin: Origin::default() }
            }
            Act::UseLink { letter, verify } => {
                let letters = self.shop.view().letters_after(None, 100).expect("readable");
                let letter =
                    letters.iter().rev().nth(usize::from(*letter)).map_or(LetterId([9; 16]), |letter| letter.id);
                let (token, origin) = ([7; 32], Origin::default());
                if *verify {
                    Command::VerifyEmail { letter, token, origin }
                } else {
                    Command::ResetPassword { letter, token, password: "reset".to_owned(), origin }
                }
            }
            Act::ForgetLetters => Command::ForgetLetters,
            other => unreachable!("{other:?} is no affair of letters"),
        }
    }

    /// Does it, and says all that came of it.
    fn step(&mut self, step: &Step) -> (Vec<Result<Outcome, Refusal>>, Vec<String>, Snapshot) {
        let (mut outcomes, mut events) = (Vec::new(), Vec::new());
        match step {
            Step::Commit(acts) => {
                let batch = acts.iter().map(|act| self.command(act)).collect();
                let committed = self.shop.commit(batch);
                outcomes = committed.outcomes;
                let told = |event: &Arc<chatcore::state::Envelope>| {
                    format!("{:?} {:?} {:?} {:?}", event.position, event.at, event.by, event.event)
                };
                events = committed.events.iter().map(told).collect();
            }
            Step::Maintain(times) => {
                for _ in 0..*times {
                    self.shop.store().maintain().unwrap();
                }
            }
            Step::Trim(most) => {
                self.shop.fold();
                let keep = Keep { most: *most, since: Timestamp::from_millis(0) };
                while self.shop.store().trim(&keep).unwrap() {}
            }
            Step::Reopen => self.shop.store().reopen().unwrap(),
            Step::Restart => self.shop.restart(),
            Step::Drop => self.shop.drop_and_open(),
        }
        self.meet(&outcomes);
        (outcomes, events, Snapshot::of(&*self.shop.view()))
    }

    /// Remembers who and what is new.
    fn meet(&mut self, outcomes: &[Result<Outcome, Refusal>]) {
        for outcome in outcomes.iter().flatten() {
            match outcome {
                Outcome::User(user) if !self.users.contains(&user.id) => self.users.push(user.id),
                Outcome::SignedIn { user, session, .. } => {
                    self.sessions.push(*session);
                    if !self.users.contains(&user.id) {
                        self.users.push(user.id);
                    }
                }
                Outcome::Invitation(invitation) => self.invitations.push(invitation.id),
                Outcome::Conversation { no, created: true } => {
                    let conversation = self.shop.view().conversation(*no).unwrap().unwrap();
                    self.conversations.push(conversation.id);
                }
                Outcome::Sent { message, duplicate: false } => {
                    self.messages.push((message.conversation_id, message.id));
                }
                _ => {}
            }
        }
    }
}

#[test]
fn redb_shows_what_memory_shows() {
    #[expect(clippy::disallowed_methods, reason = "how long to test is not the engine's business")]
    let cases = std::env::var("CHAT_PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(64);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let steps = prop::collection::vec(step(), 1..80);
    let folding = (1..30_usize, 1..6_usize, any::<bool>());
    let run = TestRunner::new(config).run(&(steps, folding), |(steps, (fold_after, fold_rows, fold_beside))| {
        let options = RedbOptions { cache_bytes: 1 << 20, fold_after, fold_rows, fold_beside, epoch: 7 };
        let files = Files::new();
        let mut redb = Side::new(Box::new(Redb { files, options }));
        let mut memory = Side::new(Box::new(Memory(Arc::new(MemoryStore::new(7)))));
        for step in &steps {
            prop_assert_eq!(redb.step(step), memory.step(step), "after {:?}", step);
        }
        Ok(())
    });
    run.unwrap_or_else(|failure| panic!("{failure}"));
}
