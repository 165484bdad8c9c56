use std::sync::Arc;
use std::time::Duration;

use chat_proto::{ClientId, ConversationId, ErrorCode, InvitationId, Role, Seq, SessionId, Timestamp, UserId};

use super::{Backend, Snapshot};
use crate::access::Rules;
use crate::clock::Entropy;
use crate::state::{
    Author, Command, Conversation, ConversationNo, LetterId, MessageRow, NewLetter, NewSession, Origin, Outcome, Post,
    RefreshHashes, Refusal, UserNo,
};
use crate::store::{Committed, Store, View};
use crate::testing::{ManualClock, SeededEntropy};

/// A store in use: it can be given commands, looked at and restarted. Time and randomness repeat.
#[derive(Debug)]
pub struct Shop {
    backend: Box<dyn Backend>,
    /// `None` only in the middle of a restart.
    store: Option<Arc<dyn Store>>,
    pub rules: Rules,
    pub clock: Arc<ManualClock>,
    entropy: Arc<SeededEntropy>,
    minter: crate::state::Minter,
    ids: SeededEntropy,
}

/// What somebody can want, as commands.
pub trait Acting {
    fn author(self) -> Author;

    fn send(self, to: ConversationId, name: &str, text: &str) -> Command
    where
        Self: Sized,
    {
        Command::Send { by: self.author(), conversation: to, post: Post::new(client_id(name), text) }
    }

    fn read(self, conversation: ConversationId, seq: u64) -> Command
    where
        Self: Sized,
    {
        Command::MoveReadMark { by: self.author(), conversation, seq: Seq(seq) }
    }

    fn add(self, conversation: ConversationId, user: UserId) -> Command
    where
        Self: Sized,
    {
        Command::AddParticipant { by: self.author(), conversation, user, origin: Origin::default() }
    }

    fn remove(self, conversation: ConversationId, user: UserId) -> Command
    where
        Self: Sized,
    {
        Command::RemoveParticipant { by: self.author(), conversation, user, origin: Origin::default() }
    }

    fn rename(self, name: &str) -> Command
    where
        Self: Sized,
    {
        Command::Rename { by: self.author(), name: name.to_owned(), origin: Origin::default() }
    }

    fn sign_out(self, session: SessionId) -> Command
    where
        Self: Sized,
    {
        Command::EndSession { by: self.author(), session, origin: Origin::default() }
    }
}

impl Acting for UserId {
    fn author(self) -> Author {
        Author { user: self, session: None }
    }
}

impl Acting for (UserId, SessionId) {
    fn author(self) -> Author {
        Author { user: self.0, session: Some(self.1) }
    }
}

/// The client id of this text.
pub fn client_id(text: &str) -> ClientId {
    text.parse().expect("a client id")
}

impl Shop {
    /// Opens the backend's store for the first time.
    pub fn open(backend: Box<dyn Backend>) -> Self {
        let store = backend.open();
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_800_000_000_000)));
        let entropy = Arc::new(SeededEntropy::new(1));
        let minter = crate::state::Minter::new(clock.clone(), entropy.clone(), store.view().last_at());
        let ids = SeededEntropy::new(2);
        Self { backend, store: Some(store), rules: Rules::default(), clock, entropy, minter, ids }
    }

    pub fn store(&self) -> &dyn Store {
        &**self.store.as_ref().expect("the store is open")
    }

    pub fn view(&self) -> Arc<dyn View> {
        self.store().view()
    }

    /// Carries out a batch of commands.
    pub fn commit(&mut self, batch: Vec<Command>) -> Committed {
        let store = Arc::clone(self.store.as_ref().expect("the store is open"));
        self.clock.advance(Duration::from_millis(7));
        let committed = store.commit(batch, &self.rules, &mut self.minter).expect("the store commits");
        store.keep_up().expect("the store folds");
        committed
    }

    /// Carries out one command.
    pub fn try_one(&mut self, command: Command) -> Result<Outcome, Refusal> {
        let mut outcomes = self.commit(vec![command]).outcomes;
        assert_eq!(outcomes.len(), 1, "one outcome for one command");
        outcomes.remove(0)
    }

    /// Carries out one command that is not refused.
    pub fn one(&mut self, command: Command) -> Outcome {
        self.try_one(command).expect("nothing speaks against it")
    }

    /// Why a command is refused; it left nothing behind.
    pub fn refused(&mut self, command: Command) -> ErrorCode {
        let before = Snapshot::of(&*self.view());
        let committed = self.commit(vec![command]);
        assert!(committed.events.is_empty(), "a refused command has no events");
        assert_eq!(Snapshot::of(&*self.view()), before, "a refused command leaves nothing behind");
        match &committed.outcomes[..] {
            [Err(refusal)] => refusal.code,
            others => panic!("{others:?} instead of a refusal"),
        }
    }

    /// Does all work that was put off.
    pub fn fold(&mut self) {
        while self.store().maintain().expect("the store folds") {}
    }

    /// Ends the store in order and opens it again.
    pub fn restart(&mut self) {
        self.store().close().expect("the store closes");
        self.drop_and_open();
    }

    /// Drops the store as it is and opens it again.
    pub fn drop_and_open(&mut self) {
        self.store = None;
        let store = self.backend.open();
        self.minter = crate::state::Minter::new(self.clock.clone(), self.entropy.clone(), store.view().last_at());
        self.store = Some(store);
    }

    /// Checks in each state that a store can be in: right after the commits, opened without having been closed, with
    /// everything folded, opened again in order. `check` may change nothing.
    pub fn in_every_state(&mut self, mut check: impl FnMut(&mut Self)) {
        let before = Snapshot::of(&*self.view());
        let moves: [fn(&mut Self); 5] = [|_| {}, Self::drop_and_open, Self::fold, Self::drop_and_open, Self::restart];
        for step in moves {
            step(self);
            assert_eq!(Snapshot::of(&*self.view()), before, "everything can be read as before");
            check(self);
        }
        assert_eq!(Snapshot::of(&*self.view()), before, "the check changes nothing");
    }

    /// Somebody new of this role, called by this name.
    pub fn person(&mut self, role: Role, name: &str) -> UserId {
        let command = self.new_user(role, &format!("{name}@shop.example"), name);
        match self.one(command) {
            Outcome::User(user) => user.id,
            other => panic!("{other:?} instead of a user"),
        }
    }

    pub fn new_user(&mut self, role: Role, email: &str, name: &str) -> Command {
        let (id, email, name) = (self.new_user_id(), email.to_owned(), name.to_owned());
        Command::CreateUser { by: None, id, email, name, role, password: None, origin: Origin::default() }
    }

    pub fn new_user_id(&mut self) -> UserId {
        UserId::from_bytes(self.new_id())
    }

    pub fn new_session_id(&mut self) -> SessionId {
        SessionId::from_bytes(self.new_id())
    }

    /// A session that is to begin; its first refresh token has the number 0.
    pub fn new_session(&mut self, expires_at: Timestamp) -> Box<NewSession> {
        let id = self.new_session_id();
        let mut family = [0; 32];
        family[..16].copy_from_slice(&id.to_bytes());
        let refresh = RefreshHashes { family, token: [0; 32] };
        Box::new(NewSession { id, expires_at, refresh, origin: Origin::default() })
    }

    /// Signs somebody in.
    pub fn signed_in(&mut self, user: UserId, expires_at: Timestamp) -> (UserId, SessionId) {
        let session = self.new_session(expires_at);
        let id = session.id;
        self.one(Command::StartSession { user, password: None, session });
        (user, id)
    }

    pub fn new_invitation_id(&mut self) -> InvitationId {
        InvitationId::from_bytes(self.new_id())
    }

    /// A letter that may have to be written; its token has the number 7.
    pub fn new_letter(&mut self, expires_at: Timestamp) -> Box<NewLetter> {
        Box::new(NewLetter { id: LetterId(self.new_id()), token: [7; 32], expires_at })
    }

    pub fn new_conversation_id(&mut self) -> ConversationId {
        ConversationId::from_bytes(self.new_id())
    }

    fn new_id(&mut self) -> [u8; 16] {
        let mut id = [0; 16];
        self.ids.fill(&mut id);
        id
    }

    pub fn open_direct(&mut self, by: UserId, with: UserId) -> Command {
        Command::OpenDirect { by: by.author(), id: self.new_conversation_id(), with }
    }

    pub fn create_group(&mut self, by: UserId, participants: &[UserId]) -> Command {
        let (id, subject) = (self.new_conversation_id(), Some("Spring".to_owned()));
        Command::CreateGroup { by: by.author(), id, subject, participants: participants.to_vec() }
    }

    /// The direct conversation of these two.
    pub fn direct(&mut self, by: UserId, with: UserId) -> ConversationId {
        let command = self.open_direct(by, with);
        self.begun(command)
    }

    /// A new group.
    pub fn group(&mut self, by: UserId, participants: &[UserId]) -> ConversationId {
        let command = self.create_group(by, participants);
        self.begun(command)
    }

    fn begun(&mut self, command: Command) -> ConversationId {
        let Outcome::Conversation { no, .. } = self.one(command) else { panic!("no conversation") };
        self.view().conversation(no).expect("readable").expect("a new conversation").id
    }

    pub fn no(&self, user: UserId) -> UserNo {
        self.view().user_no(user).expect("readable").expect("somebody known")
    }

    pub fn conversation(&self, id: ConversationId) -> Arc<Conversation> {
        let view = self.view();
        let no = view.conversation_no(id).expect("readable").expect("a known conversation");
        view.conversation(no).expect("readable").expect("a conversation with this number")
    }

    /// Somebody's conversations, the newest first.
    pub fn inbox(&self, user: UserId) -> Vec<ConversationNo> {
        let rows = self.view().inbox(self.no(user), None, 1_000).expect("readable");
        rows.into_iter().map(|(_, no)| no).collect()
    }

    /// The messages `from..=to` of a conversation.
    pub fn timeline(&self, id: ConversationId, from: u64, to: u64) -> Vec<Arc<MessageRow>> {
        let view = self.view();
        view.messages(self.conversation(id).no, Seq(from), Seq(to)).expect("readable")
    }

    pub fn read_mark(&self, id: ConversationId, user: UserId) -> u64 {
        self.view().mark(self.conversation(id).no, self.no(user)).expect("readable").read.0
    }
}
