use chat_proto::model::{Conversation, ConversationKind, Message, Participant};
use chat_proto::{ConversationId, Seq, UserId};

use crate::safe;

/// A line of the inbox.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) id: ConversationId,
    pub(crate) title: String,
    pub(crate) group: bool,
    /// Everybody in it who is known, me included.
    pub(crate) people: Vec<Member>,
    /// How many they are.
    pub(crate) count: u32,
    pub(crate) last: String,
    pub(crate) last_seq: Seq,
    /// The newest message is mine.
    pub(crate) last_mine: bool,
    pub(crate) read_seq: Seq,
    /// What I have read here, until the server says so too.
    pub(crate) marked: Option<Seq>,
    pub(crate) unread: u64,
    /// Whether the others' marks are told.
    pub(crate) receipts: bool,
}

#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) id: UserId,
    pub(crate) name: String,
    /// Their role, and what else is known of who they are.
    pub(crate) about: String,
    pub(crate) owner: bool,
    pub(crate) read_seq: Seq,
    pub(crate) delivered_seq: Seq,
}

impl Row {
    /// The conversation as `me` sees it.
    pub(crate) fn of(conversation: &Conversation, me: UserId) -> Self {
        let member = |person: &Participant| Member {
            id: person.id,
            name: safe::line(&person.name),
            about: about(person),
            owner: person.owner,
            read_seq: person.read_seq,
            delivered_seq: person.delivered_seq,
        };
        let people: Vec<Member> = conversation.participants.iter().map(member).collect();
        let others: Vec<&str> =
            people.iter().filter(|person| person.id != me).map(|person| person.name.as_str()).collect();
        let title = match (conversation.kind, conversation.subject.as_deref()) {
            (ConversationKind::Group, Some(subject)) => safe::line(subject),
            _ if others.is_empty() => "(nobody else)".to_owned(),
            _ => others.join(", "),
        };
        let last = conversation.last_message.as_ref();
        Self {
            id: conversation.id,
            title,
            group: conversation.kind == ConversationKind::Group,
            count: conversation.participant_count,
            last: last.map(|message| beginning(message, me)).unwrap_or_default(),
            last_seq: conversation.last_seq,
            last_mine: last.is_some_and(|message| message.author.id == me),
            read_seq: conversation.read_seq,
            marked: None,
            unread: conversation.unread,
            receipts: conversation.receipts,
            people,
        }
    }

    /// The others in it.
    pub(crate) fn others(&self, me: UserId) -> impl Iterator<Item = &Member> {
        self.people.iter().filter(move |person| person.id != me)
    }

    /// Counts what is unread, whether what I have read here is known to the server or not.
    pub(crate) fn count_unread(&mut self) {
        self.marked = self.marked.filter(|marked| *marked > self.read_seq);
        let read = self.marked.unwrap_or(self.read_seq);
        self.unread = self.last_seq.0.saturating_sub(read.0);
    }
}

fn about(person: &Participant) -> String {
    let role = person.role;
    match (person.bot, person.anonymous, person.verified) {
        (true, _, _) => format!("{role}, bot"),
        (_, true, _) => "visitor".to_owned(),
        (_, _, true) => format!("{role}, verified"),
        _ => role.to_string(),
    }
}

fn beginning(message: &Message, me: UserId) -> String {
    let text = match message.attachments.first() {
        _ if message.deleted_at.is_some() => "(deleted)".to_owned(),
        Some(file) if message.text.is_empty() => format!("[{}]", safe::line(&file.name)),
        _ => safe::line(&message.text),
    };
    if message.author.id == me { format!("You: {text}") } else { text }
}
