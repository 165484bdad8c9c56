//! What is brought over from elsewhere, in the name of the shop itself. It keeps its ids and its moments; the lines of the
//! log that tell of it have the moment at which it came.

use std::collections::HashSet;
use std::sync::Arc;

use chat_proto::model::ConversationKind;
use chat_proto::{AttachmentId, ConversationId, ErrorCode, MessageId, Seq, Timestamp, UserId};

use super::conversations::NO_SUCH_CONVERSATION;
use super::messages::message_of;
use super::{Account, Context, Decision, MessageRow, NewMessage, Put, Refusal, Stop, attachments};
use crate::importer::moment;
use crate::state::rows::{Conversation, Member, MessageExtras, fold_email};
use crate::state::{
    AttachmentRow, Change, FileRow, ImportedConversation, ImportedMessage, ImportedUser, Minter, Outcome, Position,
    UserNo,
};
use crate::store::StoreError;

pub(super) fn user(context: &Context<'_>, user: ImportedUser) -> Result<Decision, Stop> {
    let mut decision = Decision::nothing(Outcome::Imported(0));
    if context.lookup.user_no(user.id)?.is_some() {
        return Ok(decision);
    }
    if !user.email.is_empty() && context.lookup.user_by_email(&fold_email(&user.email))?.is_some() {
        return Err(Refusal::new(ErrorCode::EmailTaken, "An account with this address exists.").into());
    }
    let no = context.next.user;
    let account = Account {
        id: user.id,
        email: user.email,
        name: user.name,
        role: user.role,
        state: user.state,
        password: user.password,
        created_at: user.created_at.min(before(context.now)),
        version: 1,
        extras: None,
        email_verified: user.email_verified,
    };
    decision.puts.push(Put::Account { no, account: Box::new(account), before: None });
    decision.changes.push((Change::AccountCreated { user: no }, None));
    decision.outcome = Outcome::Imported(1);
    Ok(decision)
}

pub(super) fn conversation(context: &Context<'_>, new: ImportedConversation) -> Result<Decision, Stop> {
    let mut decision = Decision::nothing(Outcome::Imported(0));
    if context.lookup.conversation_no(new.id)?.is_some() {
        return Ok(decision);
    }
    let no = context.next.conversation;
    let created_at = new.created_at.min(before(context.now));
    let mut members = Vec::with_capacity(new.participants.len());
    for user in &new.participants {
        let member = known(context, *user)?;
        let owner = new.kind == ConversationKind::Group && new.owner == Some(*user);
        members.push(Member { user: member.0, owner, joined_at: created_at, joined: context.next.position });
    }
    members.sort_by_key(|member| member.user);
    members.dedup_by_key(|member| member.user);
    if members.is_empty() || members.len() > context.rules.group_participants {
        return Err(Refusal::invalid("/participants", "A conversation has one participant, and not too many.").into());
    }
    decision.puts.push(Put::Conversation { id: new.id, no });
    if new.kind == ConversationKind::Direct {
        let [one, other] = &members[..] else {
            return Err(Refusal::invalid("/participants", "A direct conversation has two participants.").into());
        };
        let (one, other) = (one.user, other.user);
        if context.lookup.direct(one, other)?.is_some() {
            return Err(Refusal::new(ErrorCode::Conflict, "These two have another conversation.").into());
        }
        decision.puts.push(Put::Direct { one, other, no });
    }
    let (id, kind, subject) = (new.id, new.kind, new.subject);
    let began = Some(created_at);
    decision.changes.push((Change::ConversationCreated { conversation: no, id, kind, subject, members, began }, None));
    decision.outcome = Outcome::Imported(1);
    Ok(decision)
}

pub(super) fn file(context: &Context<'_>, owner: UserId, file: FileRow) -> Result<Decision, Stop> {
    let (no, account) = known(context, owner)?;
    attachments::import(context, (no, account.role), file)
}

pub(super) fn messages(
    context: &Context<'_>,
    minter: &mut Minter,
    conversation: ConversationId,
    messages: Vec<ImportedMessage>,
    read: &[(UserId, usize)],
) -> Result<Decision, Stop> {
    let absent = || Refusal::not_found(NO_SUCH_CONVERSATION);
    let no = context.lookup.conversation_no(conversation)?.ok_or_else(absent)?;
    let conversation = context.lookup.conversation(no)?.ok_or_else(absent)?;
    let newest = context.lookup.message(no, conversation.last_seq)?;
    let mut coming = Coming {
        context,
        conversation: &conversation,
        seq: conversation.last_seq,
        newest: newest.map(|newest| newest.id),
        names: HashSet::new(),
        sent: HashSet::new(),
        decision: Decision::nothing(Outcome::Imported(0)),
    };
    // The number of the newest message among the first so many.
    let mut up_to = vec![conversation.last_seq];
    let mut wrote: Vec<(UserNo, Seq)> = Vec::new();
    for message in messages {
        if let Some(author) = coming.add(minter, message)? {
            wrote.push((author, coming.seq));
        }
        up_to.push(coming.seq);
    }
    let (last, mut decision) = (coming.seq, coming.decision);
    let count = decision.changes.len();
    if count == 0 {
        return Ok(decision);
    }
    let told = numbered(context, read)?;
    for member in conversation.members.iter() {
        let before = context.lookup.mark(no, member.user)?.read;
        let own = wrote.iter().rev().find(|(author, _)| *author == member.user).map_or(Seq::ZERO, |(_, seq)| *seq);
        let read = match told.iter().find(|(reader, _)| *reader == member.user) {
            Some((_, 0)) => before,
            Some((_, count)) => up_to.get(*count).copied().unwrap_or(last),
            None if before == conversation.last_seq => last,
            // Who has others to read that came before goes on to have them.
            None => before,
        };
        if read > before.max(own) {
            let shared = conversation.receipts;
            decision.changes.push((Change::ReadMoved { conversation: no, user: member.user, seq: read, shared }, None));
        }
    }
    decision.outcome = Outcome::Imported(count);
    Ok(decision)
}

/// All has come. What was brought stands in the audit log's entry.
pub(super) fn finish() -> Decision {
    Decision { changes: vec![(Change::Tidied, None)], ..Decision::nothing(Outcome::Done) }
}

/// Messages on their way into a conversation.
struct Coming<'a> {
    context: &'a Context<'a>,
    conversation: &'a Conversation,
    /// The number and the id of the newest so far.
    seq: Seq,
    newest: Option<MessageId>,
    /// Those of this decision: the store does not know them yet.
    names: HashSet<(UserNo, chat_proto::ClientId)>,
    /// Likewise the files that go with them.
    sent: HashSet<AttachmentId>,
    decision: Decision,
}

impl Coming<'_> {
    /// Adds a message, unless it is there. Returns who wrote it.
    fn add(&mut self, minter: &mut Minter, message: ImportedMessage) -> Result<Option<UserNo>, Stop> {
        let context = self.context;
        let (author, account) = known(context, message.author)?;
        if context.lookup.sent(author, &message.client_id)?.is_some()
            || !self.names.insert((author, message.client_id.clone()))
        {
            return Ok(None);
        }
        let files = self.files(author, &message)?;
        // Messages are found by ids that ascend with their numbers, and those that are written next get later ones.
        let fits = self.newest.is_none_or(|newest| message.id > newest) && moment(message.id) < context.now;
        let id = if fits { message.id } else { minter.message_id() };
        self.seq = self.seq.next();
        self.newest = Some(id);
        let row = MessageRow {
            id,
            conversation: self.conversation.no,
            seq: self.seq,
            position: Position(context.next.position.0 + self.decision.changes.len() as u64),
            author,
            client_id: message.client_id,
            text: message.text,
            created_at: message.created_at.min(before(context.now)),
            version: if message.edited_at.or(message.deleted_at).is_some() { 2 } else { 1 },
            extras: extras(message.edited_at, message.deleted_at, &files),
        };
        let shown = Arc::new(message_of(context.lookup, &row, self.conversation.id, &account)?);
        let change = Change::MessageCreated { conversation: row.conversation, seq: row.seq };
        self.decision.puts.extend(attachments::send(files, &row));
        self.decision.changes.push((change, Some(NewMessage { row: Arc::new(row), message: shown })));
        Ok(Some(author))
    }

    /// Its files, each of which goes with one message only.
    fn files(&mut self, author: UserNo, message: &ImportedMessage) -> Result<Vec<AttachmentRow>, Stop> {
        if message.files.is_empty() || message.deleted_at.is_some() {
            return Ok(Vec::new());
        }
        if !message.files.iter().all(|id| self.sent.insert(*id)) {
            return Err(Refusal::invalid("/files", "A file goes with one message.").into());
        }
        attachments::for_message(self.context, author, &message.files)
    }
}

fn extras(
    edited_at: Option<Timestamp>,
    deleted_at: Option<Timestamp>,
    files: &[AttachmentRow],
) -> Option<Box<MessageExtras>> {
    // Nothing else is left of one that was deleted.
    let edited_at = edited_at.filter(|_| deleted_at.is_none());
    let attachments = files.iter().map(|row| row.file.clone()).collect();
    let extras = MessageExtras { edited_at, deleted_at, attachments, ..MessageExtras::default() };
    (extras != MessageExtras::default()).then(|| Box::new(extras))
}

fn known(context: &Context<'_>, user: UserId) -> Result<(UserNo, Arc<Account>), Stop> {
    let unknown = || Refusal::not_found("There is no such account.");
    let no = context.lookup.user_no(user)?.ok_or_else(unknown)?;
    Ok((no, context.lookup.account(no)?.ok_or_else(unknown)?))
}

fn numbered(context: &Context<'_>, readers: &[(UserId, usize)]) -> Result<Vec<(UserNo, usize)>, StoreError> {
    let mut numbered = Vec::with_capacity(readers.len());
    for (user, count) in readers {
        numbered.extend(context.lookup.user_no(*user)?.map(|no| (no, *count)));
    }
    Ok(numbered)
}

/// What comes from elsewhere was there before it came; by that it is told from what happens here.
fn before(now: Timestamp) -> Timestamp {
    Timestamp::from_millis(now.as_millis() - 1)
}
