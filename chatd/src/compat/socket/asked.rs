//! What a client asks for, read from an event: `["sendMessage", {…}]`. Who it says that it is counts for nothing; it is
//! only looked at to refuse those who say that they are somebody else.

use chat_proto::{AttachmentId, ClientId, ConversationId, ErrorCode, MessageId, UserId};
use serde_json::Value;

use crate::compat::attached::{FILES, NAMED, named};
use crate::compat::ids::{self, Id};
use crate::extract;
use crate::problem::Refused;

/// What the events of all dialects come down to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// Here I am, under an id that nobody believes.
    Hello,
    Join,
    Leave,
    Send,
    Typing,
    StopTyping,
    Read,
    Edit,
    Delete,
    /// Another token for the same person, before the one that was shown is over.
    Renew,
}

/// All names under which they are known.
const NAMES: [(&str, Ask); 24] = [
    ("join", Ask::Hello),
    ("online", Ask::Hello),
    ("addUser", Ask::Hello),
    ("joinConversation", Ask::Join),
    ("join_conversation", Ask::Join),
    ("joinRoom", Ask::Join),
    ("join-room", Ask::Join),
    ("leaveConversation", Ask::Leave),
    ("leave_conversation", Ask::Leave),
    ("leaveRoom", Ask::Leave),
    ("sendMessage", Ask::Send),
    ("send_message", Ask::Send),
    ("message_send", Ask::Send),
    ("typing", Ask::Typing),
    ("stopTyping", Ask::StopTyping),
    ("stop_typing", Ask::StopTyping),
    ("markRead", Ask::Read),
    ("mark_read", Ask::Read),
    ("markAsRead", Ask::Read),
    ("editMessage", Ask::Edit),
    ("edit_message", Ask::Edit),
    ("deleteMessage", Ask::Delete),
    ("delete_message", Ask::Delete),
    ("auth", Ask::Renew),
];

/// The fields that hold a text.
const TEXTS: [&str; 6] = ["content", "newText", "newContent", "text", "body", "message"];

/// One event of a client.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) name: String,
    argument: Value,
}

impl Asked {
    pub(super) fn parse(json: &str) -> Result<Self, Refused> {
        let list: Vec<Value> = extract::parse(json.as_bytes())?;
        let mut list = list.into_iter();
        let Some(Value::String(name)) = list.next() else {
            return Err(Refused::invalid("/0", "An event begins with its name."));
        };
        // Whatever else is there, nobody of the family says.
        Ok(Self { name, argument: list.next().unwrap_or_default() })
    }

    pub(super) fn ask(&self) -> Result<Ask, Refused> {
        let known = NAMES.iter().find(|(name, _)| *name == self.name);
        let detail = "There is no such event here.";
        known.map(|(_, ask)| *ask).ok_or_else(|| Refused::new(ErrorCode::Unsupported, detail))
    }

    /// What is under the first of these names that has anything under it.
    fn field(&self, names: &[&str]) -> Option<&Value> {
        names.iter().filter_map(|name| self.argument.get(name)).find(|value| !value.is_null())
    }

    pub(super) fn has(&self, field: &str) -> bool {
        self.field(&[field]).is_some()
    }

    /// The conversation that it is about, by itself or in a field.
    pub(super) fn conversation(&self) -> Result<ConversationId, Refused> {
        let fields = ["conversationId", "conversation", "conversation_id", "roomId", "room", "chatId"];
        let value = if self.argument.is_string() { Some(&self.argument) } else { self.field(&fields) };
        let value = value.ok_or_else(|| Refused::invalid("/1/conversationId", "Say which conversation."))?;
        // What is no id is none of theirs either, and answered like it.
        id(value).ok_or_else(|| Refused::new(ErrorCode::NotFound, "There is no such conversation."))
    }

    /// The message that it is about.
    pub(super) fn message(&self) -> Result<MessageId, Refused> {
        let value = self.field(&["messageId", "message_id", "_id", "id"]);
        let value = value.ok_or_else(|| Refused::invalid("/1/messageId", "Say which message."))?;
        id(value).ok_or_else(|| Refused::new(ErrorCode::NotFound, "There is no such message."))
    }

    /// The message that it shows as one that is stored already. What is no id of a message is a page's own number for it.
    pub(super) fn stored(&self) -> Option<MessageId> {
        self.field(&["_id", "id"]).and_then(id)
    }

    pub(super) fn text(&self) -> Result<String, Refused> {
        match self.field(&TEXTS) {
            Some(Value::String(text)) => Ok(text.clone()),
            _ => Err(Refused::invalid("/1/content", "Say something.")),
        }
    }

    /// The sender's own name for the message.
    pub(super) fn client_id(&self) -> Result<Option<ClientId>, Refused> {
        let value = self.field(&["clientId", "client_id", "tempId", "temp_id"]);
        let text = match value {
            None => return Ok(None),
            Some(Value::String(text)) if text.is_empty() => return Ok(None),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            Some(_) => String::new(),
        };
        let client_id = text.parse().map_err(|error: chat_proto::InvalidClientId| error.to_string());
        client_id.map(Some).map_err(|detail| Refused::invalid("/1/clientId", detail))
    }

    /// Whether somebody writes or stopped.
    pub(super) fn is_on(&self) -> bool {
        self.field(&["isTyping", "typing"]).is_none_or(|on| on.as_bool().unwrap_or(true))
    }

    pub(super) fn token(&self) -> Option<&str> {
        self.argument.as_str().or_else(|| self.field(&["token"])?.as_str())
    }

    /// Refuses who says that they are somebody else.
    pub(super) fn sent_by(&self, me: UserId) -> Result<(), Refused> {
        let claims = ["sender", "senderId", "sender_id", "userId", "user_id", "from"];
        let claims = claims.iter().filter_map(|name| self.argument.get(name));
        for claim in claims.filter(|claim| !claim.is_null() && claim.as_str() != Some("")) {
            if id(claim) != Some(me) {
                return Err(Refused::new(ErrorCode::Forbidden, "You can only write as yourself."));
            }
        }
        Ok(())
    }

    /// The files that go with it, which have been uploaded before.
    pub(super) fn files(&self) -> Result<Vec<AttachmentId>, Refused> {
        let mut files = Vec::new();
        for name in NAMED.into_iter().chain(FILES.into_iter().filter(|name| !NAMED.contains(name))) {
            if let Some(value) = self.field(&[name]) {
                files.extend(named(&format!("/1/{name}"), value)?);
            }
        }
        Ok(files)
    }

    /// The text beside files, which may be missing.
    pub(super) fn caption(&self) -> Result<String, Refused> {
        if self.field(&TEXTS).is_none() { Ok(String::new()) } else { self.text() }
    }
}

/// An id as text, or in a whole object.
fn id<I: Id>(value: &Value) -> Option<I> {
    let text = value.as_str().or_else(|| value.get("_id").or_else(|| value.get("id"))?.as_str());
    ids::read(text?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: &str = "user_01h455vb4pex5vsknk084sn02q";
    const CONVERSATION: &str = "conv_01h455vb4pex5vsknk084sn02q";

    fn asked(json: &str) -> Asked {
        Asked::parse(json).unwrap()
    }

    #[test]
    fn what_is_no_event_is_refused() {
        for json in
            ["", "{}", "[]", "[7]", "[null]", "[[]]", r#"["a""#, r#"["a"] "#.trim_end_matches(' ').repeat(2).as_str()]
        {
            assert!(Asked::parse(json).is_err(), "{json}");
        }
        assert!(Asked::parse(&format!("[\"a\",{}]", "[".repeat(100) + &"]".repeat(100))).is_err());
        assert_eq!(asked(r#"["nothing"]"#).ask().unwrap_err().code, ErrorCode::Unsupported);
    }

    #[test]
    fn conversations_are_named_in_many_ways() {
        for json in [
            format!(r#"["joinConversation","{CONVERSATION}"]"#),
            format!(r#"["joinRoom",{{"conversationId":"{CONVERSATION}"}}]"#),
            format!(r#"["sendMessage",{{"conversation":{{"_id":"{CONVERSATION}"}}}}]"#),
            format!(r#"["join-room",{{"conversationId":null,"room":"{CONVERSATION}"}}]"#),
        ] {
            assert_eq!(asked(&json).conversation().unwrap().to_string(), CONVERSATION, "{json}");
        }
        assert_eq!(asked(r#"["join","new"]"#).conversation().unwrap_err().code, ErrorCode::NotFound);
        assert_eq!(asked(r#"["join"]"#).conversation().unwrap_err().code, ErrorCode::Invalid);
    }

    #[test]
    fn only_who_says_that_they_are_somebody_else_is_refused() {
        let me = USER.parse().unwrap();
        for (claim, ok) in [
            (format!(r#"{{"sender":"{USER}","senderId":null,"userId":""}}"#), true),
            (format!(r#"{{"sender":{{"_id":"{USER}","name":"Ana"}}}}"#), true),
            ("{}".to_owned(), true),
            (r#"{"sender":"user_01h455vb4pex5vsknk084sn02r"}"#.to_owned(), false),
            (format!(r#"{{"sender":"{USER}","senderId":"507f1f77bcf86cd799439011"}}"#), false),
            (r#"{"sender":["x"]}"#.to_owned(), false),
            (r#"{"userId":7}"#.to_owned(), false),
        ] {
            assert_eq!(asked(&format!(r#"["sendMessage",{claim}]"#)).sent_by(me).is_ok(), ok, "{claim}");
        }
    }

    #[test]
    fn a_number_can_name_a_message() {
        let of = |json: &str| asked(json).client_id();
        assert_eq!(of(r#"["s",{"tempId":1700000000000}]"#).unwrap().unwrap().as_str(), "1700000000000");
        assert_eq!(of(r#"["s",{}]"#).unwrap(), None);
        assert_eq!(of(r#"["s",{"tempId":""}]"#).unwrap(), None, "as over REST");
        assert!(of(r#"["s",{"clientId":"a b"}]"#).is_err());
        assert!(of(r#"["s",{"clientId":{}}]"#).is_err());
    }
}
