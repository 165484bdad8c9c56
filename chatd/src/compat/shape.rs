//! People, conversations and messages as the replaced backend showed them.
//!
//! Everything has its id twice, as `_id` and as `id`, since both were seen. What it did not have is added beside, never
//! in another form: `kind`, `subject`, `seq` and the like mean what they mean in `/api/v1`.

use std::collections::HashMap;

use chat_proto::model::{self, ChannelPreferences, ConversationKind, PresenceState};
use chat_proto::{ClientId, Role, Seq, Timestamp, UserId};
use chatcore::{Actor, Signal};
use serde::Serialize;
use utoipa::ToSchema;

use super::attached::{File, picture};
use super::ids::shown;

/// Who in a conversation is shown in each of its messages: so many, in the order of their coming.
const FACES: usize = 20;

/// Who is there, of those around somebody. Of everybody else nothing is known, which looks like being away.
#[derive(Debug, Default)]
pub(crate) struct Around(HashMap<UserId, (bool, Option<Timestamp>)>);

impl Around {
    /// What an actor is told by [`presence`](chatcore::Actor::presence). The actor is there, since it asks.
    pub(crate) fn of(me: UserId, told: &[Signal]) -> Self {
        let others = told.iter().filter_map(|signal| match *signal {
            Signal::Presence { user, state, last_seen } => Some((user, (state == PresenceState::Online, last_seen))),
            _ => None,
        });
        Self(others.chain([(me, (true, None))]).collect())
    }

    fn see(&self, user: UserId) -> (bool, Option<Timestamp>) {
        self.0.get(&user).copied().unwrap_or_default()
    }
}

/// An account, as its owner and admins see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CompatAccount)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Account {
    /// Whose.
    #[serde(rename = "_id")]
    pub(crate) _id: String,
    /// The same.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) role: Role,
    /// Where their picture is, behind this server's address; good for an hour without a token.
    pub(crate) avatar: Option<String>,
    /// Whether they sit at one of their devices, as far as one may know.
    pub(crate) online: bool,
    /// When their last device went.
    pub(crate) last_seen: Option<Timestamp>,
    /// Only in my own account: what others wish is nobody else's business.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) notification_preferences: Option<NotificationPreferences>,
    pub(crate) created_at: Timestamp,
}

/// What I am notified by while I am not here. `/api/v1/me/notifications` knows more of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CompatNotificationPreferences)]
pub(crate) struct NotificationPreferences {
    pub(crate) email: bool,
    pub(crate) push: bool,
}

impl NotificationPreferences {
    /// A channel is on here when anything comes by it.
    pub(crate) fn of(wishes: &model::NotificationPreferences) -> Self {
        let is_on = |channel: ChannelPreferences| channel.messages || channel.mentions;
        Self { email: is_on(wishes.mail), push: is_on(wishes.push) }
    }
}

impl Account {
    /// `me`: who is shown it.
    pub(crate) fn of(user: &model::User, me: &Actor, around: &Around) -> Self {
        let (online, last_seen) = around.see(user.id);
        Self {
            _id: shown(user.id),
            id: shown(user.id),
            name: user.name.clone(),
            email: user.email.clone(),
            role: user.role,
            avatar: picture(user.id, user.avatar.as_deref(), me),
            online,
            last_seen,
            notification_preferences: None,
            created_at: user.created_at,
        }
    }

    /// My own.
    pub(crate) async fn mine(user: &model::User, me: &Actor, around: &Around) -> Self {
        // Everything else can be shown also when this cannot.
        let wishes = me.notification_preferences().await.ok();
        let notification_preferences = wishes.map(|wishes| NotificationPreferences::of(&wishes));
        Self { notification_preferences, ..Self::of(user, me, around) }
    }
}

/// Somebody in a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CompatParticipant)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Participant {
    /// Who.
    #[serde(rename = "_id")]
    pub(crate) _id: String,
    /// The same.
    pub(crate) id: String,
    pub(crate) name: String,
    /// Always empty: nobody's address is told to others.
    pub(crate) email: String,
    pub(crate) role: Role,
    /// Whether they sit at one of their devices.
    pub(crate) online: bool,
    /// When their last device went.
    pub(crate) last_seen: Option<Timestamp>,
    pub(crate) avatar: Option<String>,
}

impl Participant {
    fn of(participant: &model::Participant, me: &Actor, around: &Around) -> Self {
        let (online, last_seen) = around.see(participant.id);
        Self {
            _id: shown(participant.id),
            id: shown(participant.id),
            name: participant.name.clone(),
            email: String::new(),
            role: participant.role,
            online,
            last_seen,
            avatar: picture(participant.id, participant.avatar.as_deref(), me),
        }
    }
}

/// Somebody beside a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CompatFace)]
pub(crate) struct Face {
    /// Who.
    #[serde(rename = "_id")]
    pub(crate) _id: String,
    /// The same.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) avatar: Option<String>,
}

impl Face {
    fn new(id: UserId, name: &str, role: Role, avatar: Option<String>) -> Self {
        Self { _id: shown(id), id: shown(id), name: name.to_owned(), role, avatar }
    }
}

/// A conversation, as one of its participants sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CompatConversation)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Conversation {
    /// Which.
    #[serde(rename = "_id")]
    pub(crate) _id: String,
    /// The same.
    pub(crate) id: String,
    pub(crate) kind: ConversationKind,
    /// What a group is about.
    pub(crate) subject: Option<String>,
    /// Lists carry the first 20.
    pub(crate) participants: Vec<Participant>,
    pub(crate) participant_count: u32,
    /// The newest message, with ids for its sender and conversation.
    pub(crate) last_message: Option<Message>,
    /// How many messages of others I have not read.
    pub(crate) unread_count: u64,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

impl Conversation {
    /// `me`: who looks at it.
    pub(crate) fn of(conversation: &model::Conversation, me: &Actor, around: &Around) -> Self {
        let marks = Marks::of(conversation, me.user_id());
        Self {
            _id: shown(conversation.id),
            id: shown(conversation.id),
            kind: conversation.kind,
            subject: conversation.subject.clone(),
            participants: conversation.participants.iter().map(|one| Participant::of(one, me, around)).collect(),
            participant_count: conversation.participant_count,
            last_message: conversation.last_message.as_ref().map(|last| Message::of(last, marks.is_read(last), me)),
            unread_count: conversation.unread,
            created_at: conversation.created_at,
            updated_at: conversation.updated_at,
        }
    }
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CompatMessage)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Message {
    /// Which.
    #[serde(rename = "_id")]
    pub(crate) _id: String,
    /// The same.
    pub(crate) id: String,
    pub(crate) conversation: Place,
    pub(crate) sender: Sender,
    /// The text; empty once it is deleted.
    pub(crate) content: String,
    /// Where the first of its files is, behind this server's address; there when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) attachment: Option<String>,
    /// Its files.
    pub(crate) attachments: Vec<File>,
    /// Of a message of mine: whether all others have read it; of another: whether I have.
    pub(crate) read: bool,
    /// Its number in the conversation, for `before`.
    pub(crate) seq: Seq,
    /// The sender's own name for it; only its author sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_id: Option<ClientId>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) deleted: bool,
    pub(crate) created_at: Timestamp,
    /// When its text was last changed, or it was deleted.
    pub(crate) updated_at: Timestamp,
}

/// Where a message stands: an id, or who is there too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CompatPlace)]
#[serde(untagged)]
pub(crate) enum Place {
    Id(String),
    Shown {
        /// Which.
        #[serde(rename = "_id")]
        _id: String,
        /// The same.
        id: String,
        /// The first 20.
        participants: Vec<Face>,
    },
}

/// Who wrote a message: an id, or somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CompatSender)]
#[serde(untagged)]
pub(crate) enum Sender {
    Id(String),
    Shown(Face),
}

impl Message {
    /// With ids for sender and conversation, as it is answered to who sent it, and as live events carry it.
    /// `me`: who is shown it.
    pub(crate) fn of(message: &model::Message, read: bool, me: &Actor) -> Self {
        let attachments: Vec<File> = message.attachments.iter().map(|file| File::of(file, me)).collect();
        Self {
            _id: shown(message.id),
            id: shown(message.id),
            conversation: Place::Id(shown(message.conversation_id)),
            sender: Sender::Id(shown(message.author.id)),
            content: message.text.clone(),
            attachment: attachments.first().map(|file| file.url().to_owned()),
            attachments,
            read,
            seq: message.seq,
            client_id: message.client_id.clone(),
            deleted: message.deleted_at.is_some(),
            created_at: message.created_at,
            updated_at: message.deleted_at.or(message.edited_at).unwrap_or(message.created_at),
        }
    }

    /// With sender and conversation written out, as in a history.
    pub(crate) fn in_full(message: &model::Message, place: &Place, marks: &Marks, me: &Actor) -> Self {
        let author = &message.author;
        let avatar = picture(author.id, author.avatar.as_deref(), me);
        Self {
            sender: Sender::Shown(Face::new(author.id, &author.name, author.role, avatar)),
            conversation: place.clone(),
            ..Self::of(message, marks.is_read(message), me)
        }
    }
}

impl Place {
    pub(crate) fn shown(conversation: &model::Conversation, me: &Actor) -> Self {
        let faces = conversation.participants.iter().take(FACES);
        let face = |one: &model::Participant| {
            Face::new(one.id, &one.name, one.role, picture(one.id, one.avatar.as_deref(), me))
        };
        Self::Shown { _id: shown(conversation.id), id: shown(conversation.id), participants: faces.map(face).collect() }
    }
}

/// How far a conversation has been read: by the one who looks at it, and by all the others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marks {
    me: UserId,
    mine: Seq,
    /// Nothing where nobody is told, or where not all of them are shown.
    others: Option<Seq>,
}

impl Marks {
    pub(crate) fn of(conversation: &model::Conversation, me: UserId) -> Self {
        let all_shown = conversation.participants.len() as u64 == u64::from(conversation.participant_count);
        let others = conversation.participants.iter().filter(|one| one.id != me).map(|one| one.read_seq);
        let others = if all_shown && conversation.receipts { others.min() } else { None };
        Self { me, mine: conversation.read_seq, others }
    }

    /// Of a message of mine: whether all others have read it; of another: whether I have.
    pub(crate) fn is_read(&self, message: &model::Message) -> bool {
        let by = if message.author.id == self.me { self.others } else { Some(self.mine) };
        by.is_some_and(|seq| seq >= message.seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_has_its_id_twice() {
        let face = Face::new(UserId::from_bytes([1; 16]), "Ana", Role::Customer, None);
        let place = Place::Shown { _id: "c".to_owned(), id: "c".to_owned(), participants: vec![face] };
        let message = Message {
            _id: "m".to_owned(),
            id: "m".to_owned(),
            conversation: place,
            sender: Sender::Id("u".to_owned()),
            content: String::new(),
            attachment: None,
            attachments: Vec::new(),
            read: false,
            seq: Seq(1),
            client_id: None,
            deleted: false,
            created_at: Timestamp::from_millis(0),
            updated_at: Timestamp::from_millis(0),
        };
        let json = serde_json::to_value(message).expect("JSON");
        for object in [&json, &json["conversation"], &json["conversation"]["participants"][0]] {
            assert!(object["_id"].is_string() && object["_id"] == object["id"], "{object}");
        }
        assert_eq!(json["createdAt"], "1970-01-01T00:00:00.000Z");
    }
}
