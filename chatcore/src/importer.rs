use chat_proto::model::ConversationKind;
use chat_proto::{AttachmentId, ClientId, ConversationId, MessageId, Role, Timestamp, UserId};
use sha2::{Digest, Sha256};
use tokio::io::AsyncRead;

use crate::attachments::imported::{check, import};
use crate::chat::Chat;
use crate::error::{Error, Result};
use crate::shape;
use crate::state::{
    Command, Imported, ImportedConversation, ImportedMessage, ImportedUser, Origin, Outcome, fold_email,
};
use crate::store::{StoreError, View};
use crate::writer::Queued;

/// Where what another system holds comes in: accounts, conversations and messages, with the ids, moments and password
/// hashes that they had there. It is the embedding program that brings it, so nobody's permission is asked.
///
/// What is there already is passed over, so an import that was broken off can be done again. Of an import there is one
/// entry in the audit log, which [`finish`](Self::finish) writes. Messages that came like this count as read, and not in
/// the statistics.
#[derive(Clone, Debug)]
pub struct Importer {
    chat: Chat,
}

/// Something that is being brought in. It is carried out whether or not anybody waits for it, in the order of the calls.
#[derive(Debug)]
pub struct Importing(Queued);

/// A file of a message that is being brought in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedFile {
    /// By this it is found again: the same whenever it is brought in. See [`ImportedFile::id_of`].
    pub id: AttachmentId,
    /// Who wrote the message that it goes with.
    pub owner: UserId,
    /// What it is called. What it is, is seen in it.
    pub name: String,
}

/// A conversation that is there already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownConversation {
    /// What it is.
    pub kind: ConversationKind,
    /// Who is in it.
    pub participants: Vec<UserId>,
    /// Its newest message.
    pub newest: Option<MessageId>,
}

impl Importer {
    pub(crate) fn new(chat: Chat) -> Self {
        Self { chat }
    }

    /// Brings in an account.
    ///
    /// # Errors
    /// `email_taken` (when it is carried out).
    pub async fn user(&self, user: ImportedUser) -> Result<Importing> {
        self.queue(Command::ImportUser(Box::new(user))).await
    }

    /// Brings in a conversation, without its messages.
    ///
    /// # Errors
    /// When it is carried out: `not_found` when a participant has no account, `conflict` when two people have a direct
    /// conversation already, `invalid` for too many or too few participants.
    pub async fn conversation(&self, conversation: ImportedConversation) -> Result<Importing> {
        self.queue(Command::ImportConversation(Box::new(conversation))).await
    }

    /// Brings in a file, for a message that comes next and names it; one that no message names within a day is forgotten.
    /// It is looked at, cleaned and kept as one that is uploaded, but that its author may be anybody who has an account, and
    /// that no limit of a day holds for it. When this returns it is on disk. Returns how many bytes it has then.
    ///
    /// One that was brought in before under this id is left as it is.
    ///
    /// # Errors
    /// `not_found` when its author has no account, `conflict` when a file of somebody else has its id; and those of
    /// [`Actor::attach`](crate::Actor::attach).
    pub async fn file(&self, file: ImportedFile, bytes: impl AsyncRead) -> Result<u64> {
        import(self.chat.engine(), file, bytes).await
    }

    /// Looks at a file as if it came, from somebody of this role, and forgets it. Returns how many bytes would be kept.
    ///
    /// # Errors
    /// Those of [`Actor::attach`](crate::Actor::attach).
    pub async fn check_file(&self, role: Role, name: &str, bytes: impl AsyncRead) -> Result<u64> {
        check(self.chat.engine(), role, name, bytes).await
    }

    /// Brings in messages of a conversation, at best some hundred at once. A message keeps its id where it can: when that
    /// is greater than those of all messages that stand before it, and not in the future.
    ///
    /// `read`: how many of them somebody had read. Whoever is not named has read all of them, but for who has others to
    /// read there that came before.
    ///
    /// # Errors
    /// `not_found` (when it is carried out) when there is no such conversation, or an author has no account.
    pub async fn messages(
        &self,
        conversation: ConversationId,
        messages: Vec<ImportedMessage>,
        read: Vec<(UserId, usize)>,
    ) -> Result<Importing> {
        self.queue(Command::ImportMessages { conversation, messages, read }).await
    }

    /// Writes the entry of the audit log, with how much was brought in.
    ///
    /// # Errors
    /// The store's.
    pub async fn finish(&self, imported: Imported) -> Result<()> {
        let command = Command::FinishImport { imported, origin: Origin::default() };
        self.chat.engine().writer.carry(command).await.map(drop)
    }

    async fn queue(&self, command: Command) -> Result<Importing> {
        self.chat.engine().writer.queue(command).await.map(Importing)
    }
}

/// What is there already.
impl Importer {
    /// Which of these people have an account.
    ///
    /// # Errors
    /// The store's.
    pub async fn known_users(&self, users: Vec<UserId>) -> Result<Vec<bool>> {
        self.each(users, |view, user| Ok(view.user_no(user)?.is_some())).await
    }

    /// Whose sign-in addresses these are.
    ///
    /// # Errors
    /// The store's.
    pub async fn users_by_email(&self, emails: Vec<String>) -> Result<Vec<Option<UserId>>> {
        let by_email = |view: &dyn View, email: String| {
            let Some(no) = view.user_by_email(&fold_email(&email))? else { return Ok(None) };
            Ok(view.account(no)?.map(|account| account.id))
        };
        self.each(emails, by_email).await
    }

    /// What is known of these conversations.
    ///
    /// # Errors
    /// The store's.
    pub async fn known_conversations(&self, ids: Vec<ConversationId>) -> Result<Vec<Option<KnownConversation>>> {
        self.each(ids, known).await
    }

    /// The direct conversations of these pairs.
    ///
    /// # Errors
    /// The store's.
    pub async fn directs(&self, pairs: Vec<(UserId, UserId)>) -> Result<Vec<Option<ConversationId>>> {
        let direct = |view: &dyn View, (one, other)| {
            let (Some(one), Some(other)) = (view.user_no(one)?, view.user_no(other)?) else { return Ok(None) };
            let Some(no) = view.direct(one, other)? else { return Ok(None) };
            Ok(view.conversation(no)?.map(|conversation| conversation.id))
        };
        self.each(pairs, direct).await
    }

    /// Which of these messages are there, by their authors' names for them.
    ///
    /// # Errors
    /// The store's.
    pub async fn known_messages(&self, messages: Vec<(UserId, ClientId)>) -> Result<Vec<bool>> {
        let sent = |view: &dyn View, (author, name): (UserId, ClientId)| match view.user_no(author)? {
            Some(no) => Ok(view.sent(no, &name)?.is_some()),
            None => Ok(false),
        };
        self.each(messages, sent).await
    }

    /// Which files these messages have, by their authors' names for them; `None`: there is no such message, or it was deleted.
    ///
    /// # Errors
    /// The store's.
    pub async fn message_files(&self, messages: Vec<(UserId, ClientId)>) -> Result<Vec<Option<Vec<AttachmentId>>>> {
        let files = |view: &dyn View, (author, name): (UserId, ClientId)| {
            let Some(author) = view.user_no(author)? else { return Ok(None) };
            let Some((conversation, seq)) = view.sent(author, &name)? else { return Ok(None) };
            let row = view.message(conversation, seq)?.filter(|row| !row.is_deleted());
            Ok(row.map(|row| row.attachments().iter().map(|file| file.id).collect()))
        };
        self.each(messages, files).await
    }

    /// Asks one view for all of them.
    async fn each<Q: Send + 'static, A: Send + 'static>(
        &self,
        of: Vec<Q>,
        ask: impl Fn(&dyn View, Q) -> Result<A, StoreError> + Send + 'static,
    ) -> Result<Vec<A>> {
        let asked = move |view: &dyn View| of.into_iter().map(|one| Ok(ask(view, one)?)).collect();
        self.chat.engine().read(asked).await
    }
}

/// What fits in here of what another system holds.
impl Importer {
    /// A sign-in address, if it is one.
    #[must_use]
    pub fn email(text: &str) -> Option<String> {
        shape::email(text).ok()
    }

    /// What can be kept of a name: one line of at most 100 characters, none of them invisible.
    #[must_use]
    pub fn name(text: &str) -> Option<String> {
        shape::kept_name(text)
    }

    /// What can be kept of a group's subject: one line of at most 200 characters, none of them invisible.
    #[must_use]
    pub fn subject(text: &str) -> Option<String> {
        shape::kept_subject(text)
    }

    /// Whether a message can keep this id: it names a moment that is over.
    #[must_use]
    pub fn is_past(&self, id: MessageId) -> bool {
        moment(id) < self.chat.now()
    }

    /// The longest message, bytes.
    #[must_use]
    pub fn text_bytes(&self) -> usize {
        self.chat.limits().text_bytes
    }

    /// The largest file, bytes.
    #[must_use]
    pub fn file_bytes(&self) -> u64 {
        self.chat.limits().attachments.bytes
    }

    /// The most files with one message.
    #[must_use]
    pub fn files_per_message(&self) -> usize {
        self.chat.limits().attachments.per_message
    }

    /// The most people in a group.
    #[must_use]
    pub fn group_participants(&self) -> usize {
        self.chat.limits().group_participants
    }
}

impl Importing {
    /// How many of what was brought in were not there yet.
    ///
    /// # Errors
    /// Why it was refused; the store's.
    pub async fn outcome(self) -> Result<usize> {
        match self.0.outcome().await? {
            Outcome::Imported(count) => Ok(count),
            _ => Err(Error::unexpected()),
        }
    }
}

fn known(view: &dyn View, id: ConversationId) -> Result<Option<KnownConversation>, StoreError> {
    let Some(no) = view.conversation_no(id)? else { return Ok(None) };
    let Some(conversation) = view.conversation(no)? else { return Ok(None) };
    let mut participants = Vec::with_capacity(conversation.members.len());
    for member in conversation.members.iter() {
        participants.extend(view.account(member.user)?.map(|account| account.id));
    }
    let newest = view.message(no, conversation.last_seq)?.map(|message| message.id);
    Ok(Some(KnownConversation { kind: conversation.kind, participants, newest }))
}

impl ImportedFile {
    /// The id of a message's file, the how many-th it is: of its moment and, for the rest, a digest of both. Nobody makes two
    /// of them alike.
    #[must_use]
    pub fn id_of(message: MessageId, index: u32) -> AttachmentId {
        let digest = Sha256::new().chain_update(b"imported file").chain_update(message.to_bytes());
        let digest: [u8; 32] = digest.chain_update(index.to_be_bytes()).finalize().into();
        let mut random = [0; 10];
        random.copy_from_slice(&digest[..10]);
        AttachmentId::new(moment(message), random)
    }
}

/// The first 48 bits of an id are milliseconds.
pub(crate) fn moment(id: MessageId) -> Timestamp {
    let millis = id.to_bytes()[..6].iter().fold(0, |millis, byte| millis << 8 | i64::from(*byte));
    Timestamp::from_millis(millis)
}
