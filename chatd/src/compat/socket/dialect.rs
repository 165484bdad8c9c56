//! The dialects of the family, as data: by which events of a client each is known, and under which names and in which form
//! it is told what happens. All of them are described in docs/migrate.md.

/// How one front end of the family speaks and is spoken to.
#[derive(Debug)]
pub(super) struct Dialect {
    /// As `?dialect=` names it in the handshake.
    pub(super) name: &'static str,
    /// The events that such a client sends, with the fields by which it can be told from others that send the same.
    says: &'static [(&'static str, &'static [&'static str])],
    /// A new message.
    pub(super) message: &'static str,
    /// What a message looks like.
    pub(super) form: Form,
    /// Told to its author's devices besides.
    pub(super) sent: Option<&'static str>,
    /// Somebody writes.
    pub(super) typing: &'static str,
    /// They stopped; `None`: that is `typing` again, with `isTyping: false`.
    pub(super) stopped: Option<&'static str>,
    /// Who is there.
    pub(super) online: &'static str,
    /// As people instead of their ids.
    pub(super) online_people: bool,
    /// Somebody has read.
    pub(super) read: &'static str,
    /// A message has another text.
    pub(super) edited: &'static str,
    /// A message is gone.
    pub(super) deleted: &'static str,
    /// My number of unread messages changed.
    pub(super) unread: Option<&'static str>,
    /// Said to who has just come.
    pub(super) connected: Option<&'static str>,
    /// Said to who has joined a conversation.
    pub(super) joined: Option<&'static str>,
    /// Joining is reading.
    pub(super) joining_reads: bool,
}

/// What a message looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `{_id, conversation, sender, content, …}`, and nothing that the replaced backend does not have.
    Original,
    /// The fields of all siblings together.
    Sibling,
    /// The same, in `{message}`.
    Wrapped,
    /// The same, with a person as `sender`.
    WithPerson,
}

/// The replaced backend's own.
pub(super) const ORIGINAL: Dialect = Dialect {
    name: "original",
    says: &[
        ("join", &[]),
        ("online", &[]),
        ("joinConversation", &[]),
        ("leaveConversation", &[]),
        ("sendMessage", &["conversation", "content"]),
        ("typing", &[]),
        ("typing", &["conversationId"]),
        ("typing", &["conversationId", "userId"]),
        ("stopTyping", &[]),
    ],
    message: "message",
    form: Form::Original,
    sent: Some("messageSent"),
    typing: "typing",
    stopped: Some("stopTyping"),
    online: "onlineUsers",
    online_people: false,
    read: "messageRead",
    edited: "messageEdited",
    deleted: "messageDeleted",
    unread: None,
    connected: None,
    joined: None,
    joining_reads: false,
};

/// Where they do not say otherwise, siblings are spoken to like this.
const SIBLING: Dialect = Dialect { form: Form::Sibling, sent: None, ..ORIGINAL };

/// All of them. The first of those that a client may be is the one whose form counts where names are the same.
pub(super) static DIALECTS: [Dialect; 7] = [
    ORIGINAL,
    Dialect {
        name: "oechristophers",
        says: &[
            ("join_conversation", &[]),
            ("send_message", &[]),
            ("mark_read", &[]),
            ("typing", &["conversationId", "typing"]),
        ],
        message: "message:new",
        form: Form::Wrapped,
        stopped: None,
        read: "message:read",
        edited: "message:edited",
        deleted: "message:deleted",
        unread: Some("unread:update"),
        ..SIBLING
    },
    Dialect {
        name: "tgodmuna",
        says: &[
            ("join_conversation", &[]),
            ("leave_conversation", &[]),
            ("message_send", &[]),
            ("typing", &[]),
            ("stop_typing", &[]),
        ],
        message: "message_new",
        form: Form::WithPerson,
        stopped: Some("stop_typing"),
        online: "online_users",
        read: "message_read",
        edited: "message_edited",
        deleted: "message_deleted",
        ..SIBLING
    },
    Dialect {
        name: "nwike-badger",
        says: &[
            ("joinConversation", &[]),
            ("leaveConversation", &[]),
            ("sendMessage", &["conversationId", "text"]),
            ("typing", &["conversationId"]),
            ("stopTyping", &[]),
        ],
        message: "newMessage",
        form: Form::WithPerson,
        online_people: true,
        ..SIBLING
    },
    Dialect {
        name: "adedayospindles",
        says: &[
            ("joinRoom", &[]),
            ("sendMessage", &["conversationId", "body"]),
            ("typing", &["conversationId", "isTyping"]),
            ("markRead", &[]),
        ],
        stopped: None,
        read: "read",
        connected: Some("connected"),
        joined: Some("joined"),
        joining_reads: true,
        ..SIBLING
    },
    Dialect {
        name: "oluyemi29",
        says: &[
            ("addUser", &[]),
            ("joinConversation", &[]),
            ("sendMessage", &["conversationId", "senderId", "text"]),
            ("typing", &["conversationId", "isTyping", "userName"]),
            ("editMessage", &[]),
            ("deleteMessage", &[]),
        ],
        message: "newMessage",
        stopped: None,
        online: "getOnlineUsers",
        ..SIBLING
    },
    Dialect {
        name: "promise24o",
        says: &[
            ("joinConversation", &[]),
            ("sendMessage", &["conversationId", "content", "senderId"]),
            ("typing", &["conversationId", "userId"]),
        ],
        message: "newMessage",
        ..SIBLING
    },
];

/// Only one of them has a namespace of its own.
pub(super) const CHAT_NAMESPACE: &str = "/chat";

/// The dialects that a client may speak, in the order of the table; at least one. While nothing tells them apart it is told
/// what happens under the names of each: nobody listens to a name that is not theirs.
#[derive(Clone, Debug)]
pub(super) struct Spoken {
    may_be: Vec<&'static Dialect>,
    /// Nothing has been said yet that would tell anything.
    unheard: bool,
}

impl Spoken {
    /// What somebody speaks who has just come into this namespace, and may have said so.
    pub(super) fn at_first(namespace: &str, named: Option<&str>) -> Self {
        let of_namespace = (namespace == CHAT_NAMESPACE).then_some("adedayospindles");
        let by_name = |name: &str| DIALECTS.iter().find(|dialect| dialect.name.eq_ignore_ascii_case(name));
        match named.and_then(by_name).or(of_namespace.and_then(by_name)) {
            Some(dialect) => Self { may_be: vec![dialect], unheard: false },
            None => Self { may_be: vec![&DIALECTS[0]], unheard: true },
        }
    }

    /// A client has said this, with these fields: of those that may say it remain the ones that it is most like. `true`: it is
    /// to be spoken to in another way than before.
    pub(super) fn hear(&mut self, event: &str, has: impl Fn(&str) -> bool) -> bool {
        let all: Vec<_> = if self.unheard { DIALECTS.iter().collect() } else { self.may_be.clone() };
        let likeness = |dialect: &Dialect| {
            let says =
                dialect.says.iter().filter(|(said, fields)| *said == event && fields.iter().all(|field| has(field)));
            says.map(|(_, fields)| fields.len()).max()
        };
        let most = all.iter().filter_map(|dialect| likeness(dialect)).max();
        let alike: Vec<_> = all.into_iter().filter(|dialect| most.is_some() && likeness(dialect) == most).collect();
        if alike.is_empty() {
            return false;
        }
        let names = |may_be: &[&'static Dialect]| may_be.iter().map(|dialect| dialect.name).collect::<Vec<_>>();
        let changed = names(&alike) != names(&self.may_be);
        (self.may_be, self.unheard) = (alike, false);
        changed
    }

    /// The one whose form counts.
    pub(super) fn lead(&self) -> &'static Dialect {
        self.may_be[0]
    }

    /// Each with a name that the ones before it have not.
    pub(super) fn by_name<'a>(
        &'a self,
        name: impl Fn(&Dialect) -> Option<&'static str> + 'a,
    ) -> impl Iterator<Item = (&'static str, &'static Dialect)> + 'a {
        let named = move |(place, dialect): (usize, &&'static Dialect)| {
            let own = name(dialect)?;
            let told = self.may_be[..place].iter().any(|before| name(before) == Some(own));
            (!told).then_some((own, *dialect))
        };
        self.may_be.iter().enumerate().filter_map(named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(events: &[(&str, &[&str])]) -> Vec<&'static str> {
        let mut spoken = Spoken::at_first("/", None);
        for (event, fields) in events {
            spoken.hear(event, |field| fields.contains(&field));
        }
        spoken.may_be.iter().map(|dialect| dialect.name).collect()
    }

    #[test]
    fn a_dialect_is_known_by_what_only_it_says() {
        assert_eq!(after(&[]), ["original"]);
        assert_eq!(after(&[("join", &[]), ("sendMessage", &["conversationId", "text"])]), ["original"]);
        assert_eq!(after(&[("join_conversation", &[])]), ["oechristophers", "tgodmuna"]);
        assert_eq!(after(&[("join_conversation", &[]), ("message_send", &[])]), ["tgodmuna"]);
        assert_eq!(after(&[("joinConversation", &[]), ("stopTyping", &[])]), ["original", "nwike-badger"]);
        assert_eq!(after(&[("addUser", &[])]), ["oluyemi29"]);
        assert_eq!(after(&[("joinRoom", &[])]), ["adedayospindles"]);
        assert_eq!(after(&[("something else", &[])]), ["original"]);
        assert_eq!(after(&[("message_send", &[]), ("join", &[])]), ["tgodmuna"], "what is known is not forgotten");
    }

    #[test]
    fn the_fields_of_what_several_say_tell_them_apart() {
        let sends = |fields: &[&str]| after(&[("sendMessage", fields)]);
        assert_eq!(sends(&["conversation", "content", "sender"]), ["original"]);
        assert_eq!(sends(&["conversationId", "text"]), ["nwike-badger"]);
        assert_eq!(sends(&["conversationId", "text", "senderId"]), ["oluyemi29"]);
        assert_eq!(sends(&["conversationId", "content", "senderId"]), ["promise24o"]);
        assert_eq!(sends(&["conversationId", "body"]), ["adedayospindles"]);
        assert_eq!(sends(&["nothing"]), ["original"]);
        let types = |fields: &[&str]| after(&[("typing", fields)]);
        assert_eq!(types(&[]), ["original", "tgodmuna"], "a bare id");
        assert_eq!(types(&["conversationId"]), ["original", "nwike-badger"]);
        assert_eq!(types(&["conversationId", "typing"]), ["oechristophers"]);
        assert_eq!(types(&["conversationId", "isTyping"]), ["adedayospindles"]);
        assert_eq!(types(&["conversationId", "isTyping", "userName"]), ["oluyemi29"]);
    }

    #[test]
    fn each_name_is_told_once() {
        let mut spoken = Spoken::at_first("/", None);
        spoken.hear("joinConversation", |_| false);
        let names: Vec<_> = spoken.by_name(|dialect| Some(dialect.message)).map(|(name, of)| (name, of.name)).collect();
        assert_eq!(names, [("message", "original"), ("newMessage", "nwike-badger")]);
        assert_eq!(spoken.by_name(|dialect| dialect.unread).count(), 0);
    }

    #[test]
    fn a_handshake_may_name_it() {
        assert_eq!(Spoken::at_first("/", Some("Tgodmuna")).lead().name, "tgodmuna");
        assert_eq!(Spoken::at_first("/chat", None).lead().name, "adedayospindles");
        assert_eq!(Spoken::at_first("/chat", Some("original")).lead().name, "original");
        assert_eq!(Spoken::at_first("/chat", Some("no such")).lead().name, "adedayospindles");
        assert_eq!(Spoken::at_first("/", Some("no such")).lead().name, "original");
    }
}
