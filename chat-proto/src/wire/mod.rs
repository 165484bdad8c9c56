//! What travels between `chatd` and its clients: frames of the WebSocket and bodies of the REST API.

mod event;
mod frame;
mod json;
mod policy;
mod problem;
mod rest;
#[cfg(feature = "openapi")]
pub(crate) mod schema;

pub use event::{
    AccessRevoked, DeliveredMoved, EphemeralEvent, EventHead, EventName, ParticipantAdded, ParticipantRemoved,
    ReadMoved,
};
pub use frame::{
    AuthFrame, Bye, ClientFrame, ClientInfo, DeleteFrame, EditFrame, ErrFrame, Event, FrameError, Hello, LimitsInfo,
    OkFrame, PingFrame, PresenceFrame, ReactFrame, ReadFrame, Renewed, SendFrame, ServerFrame, TypingFrame,
    ViewingFrame, Welcome,
};
pub use json::{MOST_DEPTH, brief, is_too_deep};
pub use policy::{Policy, PolicyRule};
pub use problem::{FieldProblem, Problem};
pub use rest::{
    AcceptBody, AddParticipant, AttachmentLink, ClaimVisitorBody, CreatedApiKey, CreatedWebhook, EventBatch,
    ForgotBody, IdentityBody, Invited, LoginBody, MuteBody, NewApiKey, NewBot, NewConversation, NewConversationKind,
    NewInvitation, NewMessage, NewPushSubscription, NewUser, NewWebhook, PasswordBody, PasswordReset, PatchMe,
    PatchMessage, PatchUser, PatchWebhook, PushKeys, ReadBody, RefreshBody, RegisterBody, ReplayBody, Replayed,
    ResetBody, Revisions, ServerInfo, SignedIn, TypingBody, VerifyBody, VisitorBody, WsTicket,
};

/// The WebSocket sub-protocol of this version.
pub const SUBPROTOCOL: &str = "chat.v1.json";
