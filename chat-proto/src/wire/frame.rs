use std::fmt;

use serde::{Deserialize, Serialize};

use super::{EphemeralEvent, EventHead, FieldProblem, MOST_DEPTH, brief, is_too_deep};
use crate::model::DeviceState;
use crate::{AttachmentId, ClientId, ConversationId, ErrorCode, MessageId, Seq, SessionId, UserId};

/// A frame from the client. One JSON object a text frame, told apart by `t`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum ClientFrame {
    /// The first frame, within 10 s.
    Hello(Hello),
    /// Goes on under a new token; answered with `ok` and [`Renewed`].
    Auth(AuthFrame),
    /// Sends a message; answered with `ok` once it is on disk.
    Send(SendFrame),
    /// Changes a message's text; answered with `ok` and the message.
    Edit(EditFrame),
    /// Deletes a message; answered with `ok` and the message.
    Delete(DeleteFrame),
    /// Reacts to a message, or takes it back; answered with `ok` and the message.
    React(ReactFrame),
    /// Moves my read mark on.
    Read(ReadFrame),
    /// Moves my read mark back: this message and what follows are unread.
    Unread(ReadFrame),
    /// What was written up to here has reached this device.
    Delivered(ReadFrame),
    /// I am writing, or stopped.
    Typing(TypingFrame),
    /// This device has a conversation open, or no longer.
    Viewing(ViewingFrame),
    /// I sit at this device, or turned away from it.
    Presence(PresenceFrame),
    /// Answered with `ping`; shows that the connection lives.
    Ping(PingFrame),
}

/// Says who is there.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    /// The access token; either this or a ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// A ticket, which stands for the token of who got it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// Which program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientInfo>,
    /// The cursor of the last frame applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<String>,
}

/// The program at the other end, for the log.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientInfo {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// Goes on under a new token of the same person.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthFrame {
    /// Comes back in `ok` or `err`.
    pub re: u64,
    /// The access token.
    pub token: String,
}

/// Sends a message.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendFrame {
    /// Comes back in `ok` or `err`.
    pub re: u64,
    /// Where.
    pub conv: ConversationId,
    /// Makes sending again harmless.
    pub client_id: ClientId,
    /// 1 to 16,384 bytes; may be empty where there are attachments.
    pub text: String,
    /// Files that were uploaded before by whoever sends, each sent with one message only; at most 10.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<AttachmentId>,
    /// The message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageId>,
    /// Participants who are spoken to by name, at most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<UserId>,
    /// Only when this is still the newest message; else `newer_messages`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_last_seq: Option<Seq>,
}

/// Changes a message's text.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EditFrame {
    /// Comes back in `ok` or `err`.
    pub re: u64,
    /// Where.
    pub conv: ConversationId,
    /// Which.
    pub id: MessageId,
    /// 1 to 16,384 bytes; may be empty where there are attachments.
    pub text: String,
    /// Only when it still has this version; else `version_mismatch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_version: Option<u64>,
}

/// Deletes a message.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteFrame {
    /// Comes back in `ok` or `err`.
    pub re: u64,
    /// Where.
    pub conv: ConversationId,
    /// Which.
    pub id: MessageId,
    /// Only when it still has this version; else `version_mismatch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_version: Option<u64>,
}

/// Reacts to a message, or takes it back.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReactFrame {
    /// Comes back in `ok` or `err`.
    pub re: u64,
    /// Where.
    pub conv: ConversationId,
    /// Which.
    pub id: MessageId,
    /// One emoji, at most 32 bytes.
    pub emoji: String,
    /// `false` takes it back.
    pub on: bool,
}

/// Moves one of my marks.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadFrame {
    /// Comes back in `ok` or `err`; without it only errors are answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub re: Option<u64>,
    /// Where.
    pub conv: ConversationId,
    /// The message.
    pub seq: Seq,
}

/// I am writing, or stopped.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TypingFrame {
    /// Comes back in `ok` or `err`; without it only errors are answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub re: Option<u64>,
    /// Where.
    pub conv: ConversationId,
    /// `false` when I stopped.
    pub on: bool,
}

/// This device has a conversation open, or no longer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViewingFrame {
    /// Comes back in `ok` or `err`; without it only errors are answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub re: Option<u64>,
    /// Which.
    pub conv: ConversationId,
    /// `false` when it is closed.
    pub on: bool,
}

/// I sit at this device, or turned away from it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PresenceFrame {
    /// Comes back in `ok` or `err`; without it only errors are answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub re: Option<u64>,
    /// `online` until something else is said.
    pub state: DeviceState,
}

/// A sign of life.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PingFrame {}

/// A frame from the server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum ServerFrame {
    /// The answer to `hello`.
    Welcome(Welcome),
    /// A durable event.
    Ev(Event),
    /// Something that is told but never stored.
    Eph(EphemeralEvent),
    /// What follows is new.
    Live {
        /// The cursor.
        c: String,
    },
    /// Done, and on disk.
    Ok(OkFrame),
    /// Not done.
    Err(ErrFrame),
    /// A sign of life when nothing else was said; moves the cursor.
    Ping {
        /// The cursor.
        c: String,
    },
    /// The cursor of `hello` cannot be followed: take a snapshot.
    Reset {
        /// Why: `epoch_changed`, `too_old` or `unknown`.
        reason: String,
    },
    /// The last frame before the close.
    Bye(Bye),
}

/// The answer to `hello`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Welcome {
    /// My session.
    pub session: SessionId,
    /// Who I am.
    pub user: crate::model::User,
    /// Changes when the store is made anew: cursors of another epoch are of no use. Whether one can be followed says
    /// `resumed`.
    pub epoch: String,
    /// Where the events that follow begin.
    pub cursor: String,
    /// Whether the `resume` of `hello` is followed.
    pub resumed: bool,
    /// After so many seconds of silence the server sends `ping`.
    pub heartbeat_s: u64,
    /// Seconds until the token ends, and the connection with it.
    pub expires_in: u64,
    /// What frames may hold.
    pub limits: LimitsInfo,
}

/// The `d` of the `ok` that answers `auth`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renewed {
    /// The session to which the connection belongs from now on.
    pub session: SessionId,
    /// Seconds until the new token ends, and the connection with it.
    pub expires_in: u64,
}

/// The limits of this server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LimitsInfo {
    /// The longest message text, bytes of UTF-8.
    pub text_bytes: u64,
    /// The largest WebSocket frame, bytes.
    pub frame_bytes: u64,
    /// The largest REST body, bytes.
    pub body_bytes: u64,
    /// The most people in a group.
    pub group_participants: u64,
    /// The most rows in a page.
    pub page_rows: u64,
    /// The largest file that can be sent with a message, bytes.
    #[serde(default)]
    pub attachment_bytes: u64,
    /// The most files with one message.
    #[serde(default)]
    pub attachments_per_message: u64,
    /// How much one person may upload in a day, bytes.
    #[serde(default)]
    pub attachment_bytes_per_day: u64,
}

/// A durable event: what happened, and the thing itself in `d`. As a frame its `t` is `ev`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Event {
    /// 1, 2, 3 … per connection: a gap means that a frame was lost.
    pub n: u64,
    /// What happened.
    #[serde(flatten)]
    pub head: EventHead,
    /// The thing concerned; its shape goes with the event's name.
    pub d: serde_json::Value,
}

/// Done, and on disk.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OkFrame {
    /// The `re` of the request; a request without one is answered only when it fails.
    pub re: u64,
    /// What it made.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub d: serde_json::Value,
}

/// Not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrFrame {
    /// The `re` of the request, when it had one that could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub re: Option<u64>,
    /// The stable word for it.
    pub code: ErrorCode,
    /// As over HTTP.
    pub status: u16,
    /// What went wrong, for a person; safe to show.
    pub detail: String,
    /// Whether the same frame may succeed later.
    pub retryable: bool,
    /// How long to wait before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// Which values are at fault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldProblem>,
    /// With `newer_messages`: the number of the newest message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seq: Option<Seq>,
    /// With `version_mismatch`: the version that the message has now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// The last frame before the close.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Bye {
    /// The close code that follows.
    pub code: u16,
    /// Why, as a stable word.
    pub reason: ErrorCode,
    /// Whether to come back.
    pub reconnect: bool,
    /// How long to wait before.
    pub after_ms: u64,
}

/// Why a text is no frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameError {
    /// The request it would have been, when that could be read.
    pub re: Option<u64>,
    /// `unsupported` for an unknown `t`, else `invalid`.
    pub code: ErrorCode,
    /// What is wrong, for a person.
    pub detail: String,
}

impl fmt::Debug for Hello {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hello").field("client", &self.client).finish_non_exhaustive()
    }
}

impl fmt::Debug for AuthFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthFrame").field("re", &self.re).finish_non_exhaustive()
    }
}

impl SendFrame {
    /// A plain text.
    #[must_use]
    pub fn text(re: u64, conv: ConversationId, client_id: ClientId, text: impl Into<String>) -> Self {
        let (text, attachments) = (text.into(), Vec::new());
        Self { re, conv, client_id, text, attachments, reply_to: None, mentions: Vec::new(), if_last_seq: None }
    }
}

impl ClientFrame {
    /// Reads a frame. Unknown fields are refused, so that a typo is seen.
    ///
    /// # Errors
    /// [`FrameError`], with the frame's `re` when that much could be read.
    pub fn parse(text: &str) -> Result<Self, FrameError> {
        let parsed = if is_too_deep(text.as_bytes()) {
            Err(format!("nested more than {MOST_DEPTH} deep"))
        } else {
            serde_json::from_str(text).map_err(|error| brief(error.to_string()))
        };
        parsed.map_err(|error| {
            #[derive(Deserialize)]
            struct Glimpse {
                t: Option<serde_json::Value>,
                re: Option<serde_json::Value>,
            }
            let Ok(glimpse) = serde_json::from_str::<Glimpse>(text) else {
                return FrameError { re: None, code: ErrorCode::Invalid, detail: format!("not a frame: {error}") };
            };
            let re = glimpse.re.and_then(|re| re.as_u64());
            match glimpse.t {
                Some(serde_json::Value::String(t)) if !Self::NAMES.contains(&t.as_str()) => {
                    let known = Self::NAMES.join(", ");
                    FrameError { re, code: ErrorCode::Unsupported, detail: format!("unknown frame; known are {known}") }
                }
                _ => FrameError { re, code: ErrorCode::Invalid, detail: error },
            }
        })
    }

    /// Every value that `t` may have.
    pub const NAMES: [&'static str; 13] = [
        "hello",
        "auth",
        "send",
        "edit",
        "delete",
        "react",
        "read",
        "unread",
        "delivered",
        "typing",
        "viewing",
        "presence",
        "ping",
    ];
}
