//! Rows of the rare kinds: few, small, found by a key of their own or in the order of the keys. They share one table.

use std::fmt;
use std::time::Duration;

use chat_proto::{AttachmentId, AuditId, PushSubscriptionId, SessionId, Timestamp, UserId, WebhookId};

use super::{Channel, ConversationNo, DeliveryId, Position, UserNo};

/// Under what such a row is found. Keys of one kind lie together, in the order of what they name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKey(Vec<u8>);

/// The first byte of a key; never reused.
#[derive(Clone, Copy)]
enum Kind {
    /// (site, external id) -> account
    Identity = 1,
    /// hash of a token that was used -> until when it could be used again
    UsedToken = 2,
    /// (until when, hash), to forget it then
    UsedTokenEnd = 3,
    /// (when to look at them, visitor)
    VisitorDue = 4,
    /// id -> key of a program of the shop's
    ApiKey = 5,
    /// hash of a key -> its id
    ApiSecret = 6,
    /// id, the newest first -> entry of the audit log
    Audit = 16,
    /// (whom it concerns or who did it, id)
    AuditOfUser = 17,
    /// (what was done, id)
    AuditOfAction = 18,
    /// (which counters, number) -> what was counted of the log
    Statistics = 20,
    /// how many accounts of each kind there are
    Headcount = 21,
    /// id -> attachment
    Attachment = 24,
    /// (when it is forgotten unless it was sent, attachment)
    AttachmentDue = 25,
    /// SHA-256 of a content -> how many attachments and thumbnails have it
    Content = 26,
    /// SHA-256 of a content that nothing has any more and that may still lie in the folder
    ContentGone = 27,
    /// (day, who) -> how many bytes they have uploaded
    Uploaded = 28,
    /// how many passwords are kept as they were hashed elsewhere
    ForeignHashes = 30,
    /// account -> what it wishes to be told
    Wishes = 40,
    /// (account, conversation) -> until when nothing is told of it
    Muted = 41,
    /// how far it is decided who is told of what
    Noticed = 42,
    /// (channel, account, conversation) -> how far they were told
    Told = 43,
    /// (channel, account, conversation) -> since when something waits
    Held = 44,
    /// (when to look, channel, account)
    HeldDue = 45,
    /// (channel, id) -> what is on its way
    Delivery = 46,
    /// (channel, when to try, id)
    DeliveryDue = 47,
    /// id -> what was given up
    DeadDelivery = 48,
    /// (account, id) -> device that is pushed to
    Push = 50,
    /// hash of an endpoint -> (account, id)
    PushEndpoint = 51,
    /// id -> program that is told what happens
    Webhook = 52,
    /// webhook -> how far it has been told
    WebhookPlace = 53,
    /// (webhook, conversation, position) -> what waits
    WebhookHeld = 54,
    /// (webhook, position) -> what was given up
    WebhookDead = 55,
}

impl RecordKey {
    /// Who somebody is for whom a site has vouched: the number of their account.
    pub fn identity(site: &str, external_id: &str) -> Self {
        // Keys of sites are short and hold no zero byte, so no two pairs have one key.
        Self::of(Kind::Identity, &[site.as_bytes(), &[0], external_id.as_bytes()])
    }

    /// A token that can be used once.
    pub fn used_token(hash: &[u8; 32]) -> Self {
        Self::of(Kind::UsedToken, &[hash])
    }

    /// The same, by when it has ended anyway.
    pub fn used_token_end(until: Timestamp, hash: &[u8; 32]) -> Self {
        Self::of(Kind::UsedTokenEnd, &[&moment(until), hash])
    }

    /// The token that such a key names.
    pub fn ended_token(&self) -> Option<[u8; 32]> {
        self.0.get(9..)?.try_into().ok()
    }

    /// A visitor who has to be looked at when this moment has come.
    pub fn visitor_due(at: Timestamp, visitor: UserNo) -> Self {
        Self::of(Kind::VisitorDue, &[&moment(at), &visitor.0.to_be_bytes()])
    }

    /// The visitor that such a key names.
    pub fn due_visitor(&self) -> Option<UserNo> {
        Some(UserNo(u64::from_be_bytes(self.0.get(9..)?.try_into().ok()?)))
    }

    /// The beginning of the keys of tokens, for a range of them.
    pub fn first_token_end() -> Self {
        Self::of(Kind::UsedTokenEnd, &[])
    }

    /// The same, of visitors.
    pub fn first_visitor_due() -> Self {
        Self::of(Kind::VisitorDue, &[])
    }

    /// A key of a program of the shop's.
    pub fn api_key(id: SessionId) -> Self {
        Self::of(Kind::ApiKey, &[&id.to_bytes()])
    }

    /// The same, by the hash of its text.
    pub fn api_secret(hash: &[u8; 32]) -> Self {
        Self::of(Kind::ApiSecret, &[hash])
    }

    /// The beginning of all keys of programs.
    pub fn first_api_key() -> Self {
        Self::of(Kind::ApiKey, &[])
    }

    /// The same, by the hash of their texts.
    pub fn first_api_secret() -> Self {
        Self::of(Kind::ApiSecret, &[])
    }

    /// An entry of the audit log. Later ones come first.
    pub fn audit(id: AuditId) -> Self {
        Self::of(Kind::Audit, &[&newest_first(id)])
    }

    /// The same, among those that somebody did or that concern them; found by their id, which outlives their account.
    pub fn audit_of_user(user: UserId, id: AuditId) -> Self {
        Self::of(Kind::AuditOfUser, &[&user.to_bytes(), &newest_first(id)])
    }

    /// The same, among those of this number of an action.
    pub fn audit_of_action(action: u16, id: AuditId) -> Self {
        Self::of(Kind::AuditOfAction, &[&action.to_be_bytes(), &newest_first(id)])
    }

    /// The range of the entries from before this moment.
    pub fn audit_before(at: Timestamp) -> (Self, Self) {
        let first_of_then = AuditId::new(at, [0; 10]);
        (Self::audit(first_of_then).following(), Self::of(Kind::AuditOfUser, &[]))
    }

    /// The entry that such a key names.
    pub fn audit_id(&self) -> Option<AuditId> {
        let (_, id) = self.0.split_last_chunk::<16>()?;
        Some(AuditId::from_bytes(id.map(|byte| !byte)))
    }

    /// Counters of the statistics: `counters` says which, `number` what of.
    pub fn statistics(counters: u8, number: u64) -> Self {
        Self::of(Kind::Statistics, &[&[counters], &number.to_be_bytes()])
    }

    /// What such a key names.
    pub fn counted(&self) -> Option<(u8, u64)> {
        let (counters, number) = self.0.get(1..)?.split_first()?;
        Some((*counters, u64::from_be_bytes(number.try_into().ok()?)))
    }

    /// The beginning of all counters of the statistics, which end where the [headcount](Self::headcount) stands.
    pub fn first_statistics() -> Self {
        Self::of(Kind::Statistics, &[])
    }

    /// How many accounts of each kind there are.
    pub fn headcount() -> Self {
        Self::of(Kind::Headcount, &[])
    }

    /// An attachment.
    pub fn attachment(id: AttachmentId) -> Self {
        Self::of(Kind::Attachment, &[&id.to_bytes()])
    }

    /// The same, while it was sent with no message, by when it will be forgotten.
    pub fn attachment_due(at: Timestamp, id: AttachmentId) -> Self {
        Self::of(Kind::AttachmentDue, &[&moment(at), &id.to_bytes()])
    }

    /// The range of the keys of all attachments.
    #[cfg(feature = "conformance")]
    pub(crate) fn all_attachments() -> (Self, Self) {
        (Self::of(Kind::Attachment, &[]), Self::of(Kind::AttachmentDue, &[]))
    }

    /// The attachment that such a key names.
    pub fn due_attachment(&self) -> Option<AttachmentId> {
        Some(AttachmentId::from_bytes(self.0.get(9..)?.try_into().ok()?))
    }

    /// The range of the keys of all that were sent with no message.
    #[cfg(feature = "conformance")]
    pub(crate) fn all_attachments_due() -> (Self, Self) {
        (Self::of(Kind::AttachmentDue, &[]), Self::of(Kind::Content, &[]))
    }

    /// The range of the keys of attachments that are to be forgotten before this moment.
    pub fn attachments_due_before(at: Timestamp) -> (Self, Self) {
        (Self::of(Kind::AttachmentDue, &[]), Self::of(Kind::AttachmentDue, &[&moment(at)]))
    }

    /// How often a content is used.
    pub fn content(sha256: &[u8; 32]) -> Self {
        Self::of(Kind::Content, &[sha256])
    }

    /// The range of the keys of all contents that are used.
    #[cfg(feature = "conformance")]
    pub(crate) fn all_contents() -> (Self, Self) {
        (Self::of(Kind::Content, &[]), Self::of(Kind::ContentGone, &[]))
    }

    /// A content that nothing uses any more.
    pub fn content_gone(sha256: &[u8; 32]) -> Self {
        Self::of(Kind::ContentGone, &[sha256])
    }

    /// The content that such a key names, and that of [`content`](Self::content).
    pub fn gone_content(&self) -> Option<[u8; 32]> {
        self.0.get(1..)?.try_into().ok()
    }

    /// The range of the keys of all contents that nothing uses any more.
    pub fn contents_gone() -> (Self, Self) {
        (Self::of(Kind::ContentGone, &[]), Self::of(Kind::Uploaded, &[]))
    }

    /// How much somebody has uploaded on this day.
    pub fn uploaded(day: u32, user: UserNo) -> Self {
        Self::of(Kind::Uploaded, &[&day.to_be_bytes(), &user.0.to_be_bytes()])
    }

    /// The range of the keys of what was uploaded before this day.
    pub fn uploaded_before(day: u32) -> (Self, Self) {
        (Self::of(Kind::Uploaded, &[]), Self::of(Kind::Uploaded, &[&day.to_be_bytes()]))
    }

    /// What somebody wishes to be told.
    pub(crate) fn wishes(user: UserNo) -> Self {
        Self::of(Kind::Wishes, &[&user.0.to_be_bytes()])
    }

    /// Until when somebody is told nothing of a conversation.
    pub(crate) fn muted(user: UserNo, conversation: ConversationNo) -> Self {
        Self::of(Kind::Muted, &[&user.0.to_be_bytes(), &conversation.0.to_be_bytes()])
    }

    /// The range of the conversations that somebody has muted.
    pub(crate) fn all_muted(user: UserNo) -> (Self, Self) {
        (Self::of(Kind::Muted, &[&user.0.to_be_bytes()]), Self::of(Kind::Muted, &[&(user.0 + 1).to_be_bytes()]))
    }

    /// The conversation that such a key names, and those of [`told`](Self::told) and [`held`](Self::held).
    pub(crate) fn of_conversation(&self) -> Option<ConversationNo> {
        Some(ConversationNo(u64::from_be_bytes(*self.0.last_chunk()?)))
    }

    /// How far it is decided who is told of what.
    pub(crate) fn noticed() -> Self {
        Self::of(Kind::Noticed, &[])
    }

    /// How far somebody was told of a conversation.
    pub(crate) fn told(channel: Channel, user: UserNo, conversation: ConversationNo) -> Self {
        Self::of(Kind::Told, &[&[channel.number()], &user.0.to_be_bytes(), &conversation.0.to_be_bytes()])
    }

    /// Since when something waits for somebody.
    pub(crate) fn held(channel: Channel, user: UserNo, conversation: ConversationNo) -> Self {
        Self::of(Kind::Held, &[&[channel.number()], &user.0.to_be_bytes(), &conversation.0.to_be_bytes()])
    }

    /// The range of all that waits for somebody.
    pub(crate) fn all_held(channel: Channel, user: UserNo) -> (Self, Self) {
        let first = |user: u64| Self::of(Kind::Held, &[&[channel.number()], &user.to_be_bytes()]);
        (first(user.0), first(user.0 + 1))
    }

    /// When to look at what waits for somebody.
    pub(crate) fn held_due(at: Timestamp, channel: Channel, user: UserNo) -> Self {
        Self::of(Kind::HeldDue, &[&moment(at), &[channel.number()], &user.0.to_be_bytes()])
    }

    /// The range of those whose time has come.
    pub(crate) fn held_due_until(now: Timestamp) -> (Self, Self) {
        (Self::of(Kind::HeldDue, &[]), Self::of(Kind::HeldDue, &[&moment(now.after(MILLI))]))
    }

    /// What such a key names: when, and for whom.
    pub(crate) fn due_held(&self) -> Option<(Timestamp, Channel, UserNo)> {
        let (at, rest) = self.0.get(1..)?.split_first_chunk::<8>()?;
        let (channel, user) = rest.split_first()?;
        let channel = Channel::ALL.into_iter().find(|known| known.number() == *channel)?;
        Some((read_moment(*at), channel, UserNo(u64::from_be_bytes(user.try_into().ok()?))))
    }

    /// Something that is on its way.
    pub(crate) fn delivery(channel: Channel, id: DeliveryId) -> Self {
        Self::of(Kind::Delivery, &[&[channel.number()], &id.0])
    }

    /// The range of all that is on its way.
    #[cfg(feature = "conformance")]
    pub(crate) fn all_deliveries() -> (Self, Self) {
        (Self::of(Kind::Delivery, &[]), Self::of(Kind::DeliveryDue, &[]))
    }

    /// The range of the moments when something is to be tried.
    #[cfg(feature = "conformance")]
    pub(crate) fn all_deliveries_due() -> (Self, Self) {
        (Self::of(Kind::DeliveryDue, &[]), Self::of(Kind::DeadDelivery, &[]))
    }

    /// When to try it.
    pub(crate) fn delivery_due(channel: Channel, at: Timestamp, id: DeliveryId) -> Self {
        Self::of(Kind::DeliveryDue, &[&[channel.number()], &moment(at), &id.0])
    }

    /// The range of those of a channel whose time has come; of all, with the end of time.
    pub(crate) fn deliveries_due_until(channel: Channel, now: Timestamp) -> (Self, Self) {
        let first = |at: &[u8]| Self::of(Kind::DeliveryDue, &[&[channel.number()], at]);
        (first(&[]), first(&moment(now.after(MILLI))))
    }

    /// What such a key names: when, and what.
    pub(crate) fn due_delivery(&self) -> Option<(Timestamp, DeliveryId)> {
        let (at, id) = self.0.get(2..)?.split_first_chunk::<8>()?;
        Some((read_moment(*at), DeliveryId(id.try_into().ok()?)))
    }

    /// Something that was given up.
    pub(crate) fn dead_delivery(id: DeliveryId) -> Self {
        Self::of(Kind::DeadDelivery, &[&id.0])
    }

    /// The range of all that was given up, the oldest first.
    pub(crate) fn all_dead_deliveries() -> (Self, Self) {
        (Self::of(Kind::DeadDelivery, &[]), Self::of(Kind::DeadDelivery, &[&[u8::MAX; 17]]))
    }

    /// How many passwords are kept as they were hashed elsewhere.
    pub fn foreign_hashes() -> Self {
        Self::of(Kind::ForeignHashes, &[])
    }

    /// A device of somebody's that is pushed to.
    pub(crate) fn push(user: UserNo, id: PushSubscriptionId) -> Self {
        Self::of(Kind::Push, &[&user.0.to_be_bytes(), &id.to_bytes()])
    }

    /// The range of all of somebody's.
    pub(crate) fn all_push(user: UserNo) -> (Self, Self) {
        let first = |user: u64| Self::of(Kind::Push, &[&user.to_be_bytes()]);
        (first(user.0), first(user.0 + 1))
    }

    /// Whose device is pushed to at the endpoint with this hash.
    pub(crate) fn push_endpoint(hash: &[u8; 32]) -> Self {
        Self::of(Kind::PushEndpoint, &[hash])
    }

    /// A webhook.
    pub(crate) fn webhook(id: WebhookId) -> Self {
        Self::of(Kind::Webhook, &[&id.to_bytes()])
    }

    /// The range of all webhooks.
    pub(crate) fn all_webhooks() -> (Self, Self) {
        (Self::of(Kind::Webhook, &[]), Self::of(Kind::WebhookPlace, &[]))
    }

    /// How far a webhook has been told.
    pub(crate) fn webhook_place(id: WebhookId) -> Self {
        Self::of(Kind::WebhookPlace, &[&id.to_bytes()])
    }

    /// An event that waits for a webhook.
    pub(crate) fn webhook_held(id: WebhookId, conversation: ConversationNo, position: Position) -> Self {
        Self::of(Kind::WebhookHeld, &[&id.to_bytes(), &conversation.0.to_be_bytes(), &position.0.to_be_bytes()])
    }

    /// The range of all that waits for a webhook: each conversation's in its order.
    pub(crate) fn all_webhook_held(id: WebhookId) -> (Self, Self) {
        let key = |rest: &[u8]| Self::of(Kind::WebhookHeld, &[&id.to_bytes(), rest]);
        (key(&[]), key(&[u8::MAX; 17]))
    }

    /// What such a key names.
    #[cfg(feature = "webhooks")]
    pub(crate) fn held_for_webhook(&self) -> Option<(ConversationNo, Position)> {
        let (conversation, position) = self.0.get(17..)?.split_first_chunk::<8>()?;
        let position = Position(u64::from_be_bytes(position.try_into().ok()?));
        Some((ConversationNo(u64::from_be_bytes(*conversation)), position))
    }

    /// An event that was given up for a webhook.
    pub(crate) fn webhook_dead(id: WebhookId, position: Position) -> Self {
        Self::of(Kind::WebhookDead, &[&id.to_bytes(), &position.0.to_be_bytes()])
    }

    /// The range of all that was given up for a webhook.
    pub(crate) fn all_webhook_dead(id: WebhookId) -> (Self, Self) {
        let key = |rest: &[u8]| Self::of(Kind::WebhookDead, &[&id.to_bytes(), rest]);
        (key(&[]), key(&[u8::MAX; 9]))
    }

    /// The event that such a key names.
    #[cfg(feature = "webhooks")]
    pub(crate) fn dead_for_webhook(&self) -> Option<Position> {
        Some(Position(u64::from_be_bytes(self.0.get(17..)?.try_into().ok()?)))
    }

    /// The first key that comes after this one.
    #[must_use]
    pub fn following(&self) -> Self {
        Self([&self.0[..], &[0]].concat())
    }

    fn of(kind: Kind, parts: &[&[u8]]) -> Self {
        let mut key = vec![kind as u8];
        for part in parts {
            key.extend_from_slice(part);
        }
        Self(key)
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The bytes of an id, such that later ones come first.
fn newest_first(id: AuditId) -> [u8; 16] {
    id.to_bytes().map(|byte| !byte)
}

const MILLI: Duration = Duration::from_millis(1);

fn read_moment(bytes: [u8; 8]) -> Timestamp {
    Timestamp::from_millis(i64::try_from(u64::from_be_bytes(bytes)).unwrap_or(i64::MAX))
}

/// Moments before 1970 are as good as that one here.
fn moment(at: Timestamp) -> [u8; 8] {
    u64::try_from(at.as_millis()).unwrap_or(0).to_be_bytes()
}

impl fmt::Debug for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is behind the kind may be a name of somebody's.
        write!(f, "RecordKey({})", self.0.first().copied().unwrap_or_default())
    }
}

/// A number as the row of a record.
pub fn number_row(number: u64) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

/// Such a number.
pub fn row_number(row: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(row.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_lie_in_the_order_of_time_and_apart_by_kind() {
        let early = RecordKey::visitor_due(Timestamp::from_millis(255), UserNo(9));
        let late = RecordKey::visitor_due(Timestamp::from_millis(256), UserNo(1));
        assert!(RecordKey::first_visitor_due() < early && early < late);
        assert_eq!(early.due_visitor(), Some(UserNo(9)));
        let end = RecordKey::used_token_end(Timestamp::from_millis(i64::MAX), &[0xff; 32]);
        assert!(RecordKey::first_token_end() < end && end < RecordKey::first_visitor_due());
        assert_eq!(end.ended_token(), Some([0xff; 32]));
        let counted = RecordKey::statistics(u8::MAX, u64::MAX);
        assert!(RecordKey::first_statistics() < counted && counted < RecordKey::headcount());
        assert_eq!(counted.counted(), Some((u8::MAX, u64::MAX)));
        assert!(counted < counted.following() && counted.following() < RecordKey::headcount());
        assert_ne!(RecordKey::identity("a", "bc"), RecordKey::identity("ab", "c"));
        let entry = |millis| AuditId::new(Timestamp::from_millis(millis), [9; 10]);
        assert!(RecordKey::audit(entry(256)) < RecordKey::audit(entry(255)));
        assert_eq!(RecordKey::audit_of_action(1, entry(5)).audit_id(), Some(entry(5)));
    }
}
