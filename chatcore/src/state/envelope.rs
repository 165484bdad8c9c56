use std::sync::{Arc, OnceLock};

use chat_proto::model::{self, Message, Participant, Person, User};
use chat_proto::{ConversationId, InvitationId, Seq, SessionId, Timestamp, UserId};

use super::decide::messages::authored;
use super::rows::{Conversation, LetterId, Mark, Members, MessageRow};
use super::{Change, ConversationNo, Entry, Line, Lookup, MessageChange, Position, UserNo};
use crate::store::StoreError;

/// An event as it is told: who may see it, and what each of them sees of it.
#[derive(Debug)]
pub struct Envelope {
    pub position: Position,
    pub at: Timestamp,
    /// Who did it; `None`: the shop itself.
    pub by: Option<Person>,
    /// Who wrote the message that it shows.
    pub(crate) writer: Option<UserNo>,
    /// In which conversation it happened.
    pub(crate) conversation: Option<ConversationNo>,
    pub event: Event,
    pub(crate) audience: Audience,
    encoded: [OnceLock<Arc<str>>; 3],
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The message as its author sees it; nobody else may see its `client_id`.
    MessageCreated(Arc<Message>),
    /// The message as it is now, as its author sees it.
    MessageChanged { message: Arc<Message>, how: MessageChange },
    /// Somebody read on, or marked as unread on their own devices.
    ReadMoved { conversation: ConversationId, user: UserId, seq: Seq },
    /// What was written up to here has reached somebody.
    DeliveredMoved { conversation: ConversationId, user: UserId, seq: Seq },
    /// A conversation began; it looks the same to everybody in it.
    ConversationCreated(Box<model::Conversation>),
    /// Somebody came into a group. `snapshot`: the conversation as they see it; only they themselves get it.
    ParticipantAdded {
        conversation: ConversationId,
        participant: Participant,
        version: u64,
        snapshot: Option<Box<model::Conversation>>,
    },
    /// Somebody left a group or was removed.
    ParticipantRemoved { conversation: ConversationId, user: UserId, version: u64 },
    /// Somebody's own account changed.
    UserChanged(User),
    /// Somebody has an account.
    UserCreated(UserId),
    /// Somebody's account is gone, and all that would name it.
    UserRemoved,
    /// Nothing that anybody would want to know.
    Tidied,
    /// Somebody signed in.
    SessionStarted(SessionId),
    /// A session goes on under new tokens.
    SessionRenewed(SessionId),
    /// Somebody has another password.
    PasswordChanged(UserId),
    /// Somebody was invited.
    InvitationMade(InvitationId),
    /// An invitation is over.
    InvitationEnded(InvitationId),
    /// There is a letter to be sent.
    LetterWritten(LetterId),
    /// So many letters were over.
    LettersForgotten(u64),
    /// A session ended; its connections are to be closed.
    SessionEnded(SessionId),
}

/// Who is told.
#[derive(Clone, Debug)]
pub enum Audience {
    /// Everybody in the conversation, and somebody who has just left it.
    Conversation { members: Arc<Members>, also: Option<UserNo> },
    /// One person, on all their devices.
    User(UserNo),
    /// It is kept for the record only.
    Nobody,
}

/// In which form somebody sees an event. There are three, so an event is encoded at most three times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rendering {
    /// To who wrote the message.
    Author = 0,
    /// To whom it happened: added or removed.
    Subject = 1,
    /// To everybody else.
    Other = 2,
}

impl Event {
    /// The event without what is not theirs to see who get it in this form.
    pub(crate) fn seen_as(&self, rendering: Rendering) -> Self {
        match self {
            Self::MessageCreated(message) if rendering != Rendering::Author => {
                Self::MessageCreated(Arc::new(Message { client_id: None, ..(**message).clone() }))
            }
            Self::MessageChanged { message, how } if rendering != Rendering::Author => {
                let message = Arc::new(Message { client_id: None, ..(**message).clone() });
                Self::MessageChanged { message, how: *how }
            }
            Self::ParticipantAdded { conversation, participant, version, .. } if rendering != Rendering::Subject => {
                let (conversation, participant, version) = (*conversation, participant.clone(), *version);
                Self::ParticipantAdded { conversation, participant, version, snapshot: None }
            }
            other => other.clone(),
        }
    }
}

impl Envelope {
    /// The event in a door's own form for this rendering; `encode` runs once, its result is shared by all sockets.
    pub fn encoded(&self, rendering: Rendering, encode: impl FnOnce() -> Arc<str>) -> Arc<str> {
        Arc::clone(self.encoded[rendering as usize].get_or_init(encode))
    }

    /// Whether this person is told: it happened where they are, and not before they came.
    pub(crate) fn is_for(&self, user: UserNo) -> bool {
        match &self.audience {
            Audience::Conversation { members, also } => {
                *also == Some(user) || members.get(user).is_some_and(|member| member.joined <= self.position)
            }
            Audience::User(only) => *only == user && !matches!(self.event, Event::SessionEnded(_)),
            Audience::Nobody => false,
        }
    }

    /// Whether contents of attachments may have become unneeded by it. Those of files that were never sent are looked after by
    /// who forgets them.
    pub(crate) fn may_free(&self) -> bool {
        matches!(self.event, Event::MessageChanged { how: MessageChange::Deleted, .. })
    }

    /// In which form this person sees the event.
    pub(crate) fn rendering_for(&self, user: UserNo, id: UserId) -> Rendering {
        match &self.event {
            Event::ParticipantAdded { participant, .. } if participant.id == id => Rendering::Subject,
            Event::ParticipantRemoved { user: gone, .. } if *gone == id => Rendering::Subject,
            _ if self.writer == Some(user) => Rendering::Author,
            _ => Rendering::Other,
        }
    }
}

/// The event that a log entry tells of. `message` is the one that it concerns, as its author sees it, and who that is;
/// `viewer` is who reads the log again, `None` right after the commit, when it looks the same to all who are told.
pub fn envelope(
    position: Position,
    entry: &Entry,
    message: Option<(UserNo, Arc<Message>)>,
    viewer: Option<UserNo>,
    lookup: &dyn Lookup,
) -> Result<Envelope, StoreError> {
    let by = match &entry.by {
        Some(by) => shown(lookup, by.0)?.map(|(_, account)| account.person()),
        None => None,
    };
    let writer = match &message {
        Some((writer, _)) => Some(shown(lookup, *writer)?.map_or(*writer, |(no, _)| no)),
        None => None,
    };
    let (event, audience) = match &entry.change {
        // The log outlives the accounts of visitors who said nothing.
        Change::AccountCreated { user } => match lookup.account(*user)? {
            Some(account) => (Event::UserCreated(account.id), Audience::Nobody),
            None => (Event::UserRemoved, Audience::Nobody),
        },
        Change::AccountChanged { user, .. } => match lookup.account(*user)? {
            Some(account) => (Event::UserChanged(account.user()), Audience::User(*user)),
            None => (Event::UserRemoved, Audience::Nobody),
        },
        Change::AccountRemoved { .. } => (Event::UserRemoved, Audience::Nobody),
        Change::Tidied => (Event::Tidied, Audience::Nobody),
        Change::SessionStarted { session, .. } => (Event::SessionStarted(*session), Audience::Nobody),
        Change::SessionRenewed { session, .. } => (Event::SessionRenewed(*session), Audience::Nobody),
        Change::PasswordChanged { user } => (Event::PasswordChanged(account(lookup, *user)?.id), Audience::Nobody),
        Change::InvitationMade { invitation } => (Event::InvitationMade(*invitation), Audience::Nobody),
        Change::InvitationEnded { invitation } => (Event::InvitationEnded(*invitation), Audience::Nobody),
        Change::LetterWritten { letter } => (Event::LetterWritten(*letter), Audience::Nobody),
        Change::LettersForgotten { count } => (Event::LettersForgotten(*count), Audience::Nobody),
        Change::SessionEnded { session, user } => (Event::SessionEnded(*session), Audience::User(*user)),
        Change::ConversationCreated { conversation, .. } => {
            let conversation = existing(lookup, *conversation)?;
            // Nothing has been read or written yet, so any member's view is everybody's.
            let anybody = conversation.members.iter().next().map_or(UserNo(0), |member| member.user);
            let view = conversation_view(lookup, &conversation, viewer.unwrap_or(anybody), usize::MAX)?;
            (Event::ConversationCreated(Box::new(view)), everybody(&conversation))
        }
        Change::ParticipantAdded { conversation, member, version, .. } => {
            let conversation = existing(lookup, *conversation)?;
            let view = conversation_view(lookup, &conversation, member.user, usize::MAX)?;
            let participant = participant_view(lookup, &conversation, member)?;
            let event = Event::ParticipantAdded {
                conversation: conversation.id,
                participant,
                version: *version,
                snapshot: Some(Box::new(view)),
            };
            (event, everybody(&conversation))
        }
        Change::ParticipantRemoved { conversation, user, version } => {
            let conversation = existing(lookup, *conversation)?;
            let gone = account(lookup, *user)?.id;
            let event = Event::ParticipantRemoved { conversation: conversation.id, user: gone, version: *version };
            (event, Audience::Conversation { members: Arc::clone(&conversation.members), also: Some(*user) })
        }
        Change::MessageCreated { conversation, .. } => {
            let conversation = existing(lookup, *conversation)?;
            let (_, message) = message.ok_or_else(|| StoreError::corrupt("a message without its row"))?;
            (Event::MessageCreated(message), everybody(&conversation))
        }
        Change::MessageChanged { conversation, how, .. } => {
            let conversation = existing(lookup, *conversation)?;
            let (_, message) = message.ok_or_else(|| StoreError::corrupt("a message without its row"))?;
            (Event::MessageChanged { message, how: *how }, everybody(&conversation))
        }
        Change::DeliveredMoved { conversation, user, seq } => {
            let conversation = existing(lookup, *conversation)?;
            let user = account(lookup, *user)?.id;
            (Event::DeliveredMoved { conversation: conversation.id, user, seq: *seq }, everybody(&conversation))
        }
        Change::ReadMoved { conversation, user, seq, shared } => {
            let conversation = existing(lookup, *conversation)?;
            let reader = account(lookup, *user)?.id;
            let event = Event::ReadMoved { conversation: conversation.id, user: reader, seq: *seq };
            (event, if *shared { everybody(&conversation) } else { Audience::User(*user) })
        }
    };
    let conversation = entry.change.scope().conversation();
    Ok(Envelope { position, at: entry.at, by, writer, conversation, event, audience, encoded: Default::default() })
}

/// The event of a line of the log, for somebody who reads it again; `None`: nobody in particular.
pub fn envelope_of(line: &Line, viewer: Option<UserNo>, lookup: &dyn Lookup) -> Result<Envelope, StoreError> {
    let row = match &line.entry.change {
        Change::MessageChanged { conversation, seq, .. } => lookup.message(*conversation, *seq)?,
        _ => line.message.clone(),
    };
    let message = match row {
        Some(row) => {
            let conversation = existing(lookup, row.conversation)?;
            Some((row.author, Arc::new(authored(lookup, &row, conversation.id)?)))
        }
        None => None,
    };
    envelope(line.position, &line.entry, message, viewer, lookup)
}

/// A conversation as this person sees it, with at most this many participants.
pub(crate) fn conversation_view(
    lookup: &dyn Lookup,
    conversation: &Conversation,
    viewer: UserNo,
    most_participants: usize,
) -> Result<model::Conversation, StoreError> {
    let participants = conversation.members.by_coming(most_participants);
    let participants = participants.into_iter().map(|member| participant_view(lookup, conversation, member));
    let last_message = match lookup.message(conversation.no, conversation.last_seq)? {
        Some(row) => Some(message_view(lookup, &row, conversation.id, viewer)?),
        None => None,
    };
    let read_seq = lookup.mark(conversation.no, viewer)?.read;
    Ok(model::Conversation {
        id: conversation.id,
        kind: conversation.kind,
        subject: conversation.subject.as_deref().map(ToOwned::to_owned),
        participants: participants.collect::<Result<_, _>>()?,
        participant_count: u32::try_from(conversation.members.len()).unwrap_or(u32::MAX),
        receipts: conversation.receipts,
        last_message,
        last_seq: conversation.last_seq,
        read_seq,
        // Writing moves one's own mark, so all that comes after it is by others.
        unread: conversation.last_seq.0.saturating_sub(read_seq.0),
        created_at: conversation.created_at,
        updated_at: conversation.updated_at,
        version: conversation.version,
    })
}

/// A message as this person sees it.
pub(crate) fn message_view(
    lookup: &dyn Lookup,
    row: &MessageRow,
    conversation: ConversationId,
    viewer: UserNo,
) -> Result<Message, StoreError> {
    let mut message = authored(lookup, row, conversation)?;
    if !wrote(lookup, row, viewer)? {
        message.client_id = None;
    }
    Ok(message)
}

fn participant_view(
    lookup: &dyn Lookup,
    conversation: &Conversation,
    member: &super::Member,
) -> Result<Participant, StoreError> {
    let Person { id, name, role, anonymous, verified, bot, avatar } = account(lookup, member.user)?.person();
    let Mark { seen, delivered, .. } =
        if conversation.receipts { lookup.mark(conversation.no, member.user)? } else { Mark::default() };
    let (owner, joined_at) = (member.owner, member.joined_at);
    let (read_seq, delivered_seq) = (seen, delivered);
    Ok(Participant { id, name, role, owner, joined_at, read_seq, delivered_seq, anonymous, verified, bot, avatar })
}

/// Who somebody is by now: a visitor who turned out to be a customer is that customer, in all that they ever said.
pub(crate) fn shown(lookup: &dyn Lookup, no: UserNo) -> Result<Option<(UserNo, Arc<super::Account>)>, StoreError> {
    let Some(account) = lookup.account(no)? else { return Ok(None) };
    match account.visitor().and_then(|visitor| visitor.became) {
        Some(became) => Ok(lookup.account(became)?.map(|account| (became, account))),
        None => Ok(Some((no, account))),
    }
}

/// Whether this person wrote the message, also as the visitor that they were.
pub(crate) fn wrote(lookup: &dyn Lookup, row: &MessageRow, user: UserNo) -> Result<bool, StoreError> {
    Ok(row.author == user || shown(lookup, row.author)?.is_some_and(|(no, _)| no == user))
}

fn account(lookup: &dyn Lookup, no: UserNo) -> Result<Arc<super::Account>, StoreError> {
    lookup.account(no)?.ok_or_else(|| StoreError::corrupt("an entry of an account that does not exist"))
}

fn existing(lookup: &dyn Lookup, no: ConversationNo) -> Result<Arc<Conversation>, StoreError> {
    lookup.conversation(no)?.ok_or_else(|| StoreError::corrupt("an entry of a conversation that does not exist"))
}

fn everybody(conversation: &Conversation) -> Audience {
    Audience::Conversation { members: Arc::clone(&conversation.members), also: None }
}
