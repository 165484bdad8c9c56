use std::sync::Arc;
use std::time::Duration;

use chat_proto::{AttachmentId, ConversationId, InvitationId, MessageId, Role, SessionId, UserId};
use chatcore::state::{Author, Command, ConversationNo, DeliveryId, DeliveryRow, Envelope, Outcome, Refusal, UserNo};
use chatcore::store::Keep;
use chatcore::store::conformance::{Backend, Shop, Snapshot};

use super::{Act, Step};

/// A shop, and who and what has come into it by then.
#[derive(Debug)]
pub(crate) struct Side {
    pub shop: Shop,
    users: Vec<UserId>,
    conversations: Vec<ConversationId>,
    sessions: Vec<SessionId>,
    invitations: Vec<InvitationId>,
    messages: Vec<(ConversationId, MessageId)>,
    files: Vec<AttachmentId>,
    claimed: Vec<DeliveryRow>,
}

impl Side {
    pub(crate) fn new(backend: Box<dyn Backend>) -> Self {
        let mut side = Self {
            shop: Shop::open(backend),
            users: Vec::new(),
            conversations: Vec::new(),
            sessions: Vec::new(),
            invitations: Vec::new(),
            messages: Vec::new(),
            files: Vec::new(),
            claimed: Vec::new(),
        };
        for (i, role) in [Role::Admin, Role::Agent, Role::Customer, Role::Customer].into_iter().enumerate() {
            side.users.push(side.shop.person(role, &format!("first{i}")));
        }
        // Owned by the agent, so that who comes and goes is seen from the first step on.
        let group = side.shop.group(side.users[1], &side.users.clone());
        side.conversations.push(group);
        side
    }

    pub(crate) fn user(&self, i: u8) -> UserId {
        let nobody = UserId::from_bytes([9; 16]);
        self.users.get(usize::from(i)).copied().unwrap_or(nobody)
    }

    /// By the number by which the store knows them.
    pub(crate) fn user_no(&self, i: u8) -> UserNo {
        self.shop.view().user_no(self.user(i)).unwrap().unwrap_or(UserNo(99))
    }

    pub(crate) fn author(&self, i: u8, session: Option<u8>) -> Author {
        let session = session.and_then(|session| self.sessions.iter().rev().nth(usize::from(session)).copied());
        Author { user: self.user(i), session }
    }

    pub(crate) fn invitation(&self, i: u8) -> InvitationId {
        latest(&self.invitations, i).unwrap_or(InvitationId::from_bytes([9; 16]))
    }

    pub(crate) fn conversation(&self, i: u8) -> ConversationId {
        latest(&self.conversations, i).unwrap_or(ConversationId::from_bytes([9; 16]))
    }

    pub(crate) fn conversation_no(&self, i: u8) -> ConversationNo {
        self.shop.view().conversation_no(self.conversation(i)).unwrap().unwrap_or(ConversationNo(99))
    }

    /// One of the latest messages, and where it is.
    pub(crate) fn message(&self, i: u8) -> (ConversationId, MessageId) {
        let none = (ConversationId::from_bytes([9; 16]), MessageId::from_bytes([9; 16]));
        latest(&self.messages, i).unwrap_or(none)
    }

    pub(crate) fn file(&self, i: u8) -> AttachmentId {
        latest(&self.files, i).unwrap_or(AttachmentId::from_bytes([9; 16]))
    }

    /// One of the latest deliveries that somebody has claimed, and the so-manieth attempt at it.
    pub(crate) fn claimed(&self, i: u8) -> (DeliveryId, u32) {
        latest(&self.claimed, i).map_or((DeliveryId([9; 16]), 1), |row| (row.id, row.attempts))
    }

    /// Somebody from elsewhere, who may come or be here.
    pub(crate) fn expect_user(&mut self, id: UserId) {
        if !self.users.contains(&id) {
            self.users.push(id);
        }
    }

    /// The same of a conversation.
    pub(crate) fn expect_conversation(&mut self, id: ConversationId) {
        if !self.conversations.contains(&id) {
            self.conversations.push(id);
        }
    }

    /// The same of a file.
    pub(crate) fn expect_file(&mut self, id: AttachmentId) {
        self.files.push(id);
    }

    fn command(&mut self, act: &Act) -> Command {
        match act {
            Act::Account(act) => act.command(self),
            Act::Letter(act) => act.command(self),
            Act::Talk(act) => act.command(self),
            Act::File(act) => act.command(self),
            Act::Notice(act) => act.command(self),
            Act::Import(act) => act.command(self),
        }
    }

    /// Does it, and says all that came of it.
    pub(crate) fn step(&mut self, step: &Step) -> (Vec<Result<Outcome, Refusal>>, Vec<String>, Snapshot) {
        let (mut outcomes, mut events) = (Vec::new(), Vec::new());
        match step {
            Step::Commit(acts) => {
                let batch = acts.iter().map(|act| self.command(act)).collect();
                let committed = self.shop.commit(batch);
                outcomes = committed.outcomes;
                let told = |event: &Arc<Envelope>| {
                    format!("{:?} {:?} {:?} {:?}", event.position, event.at, event.by, event.event)
                };
                events = committed.events.iter().map(told).collect();
            }
            Step::Wait(hours) => self.shop.clock.advance(Duration::from_hours(u64::from(*hours))),
            Step::Maintain(times) => {
                for _ in 0..*times {
                    self.shop.store().maintain().unwrap();
                }
            }
            Step::Trim(most) => {
                self.shop.fold();
                let keep = Keep { most: *most, since: chat_proto::Timestamp::from_millis(0) };
                while self.shop.store().trim(&keep).unwrap() {}
            }
            Step::Reopen => self.shop.store().reopen().unwrap(),
            Step::Restart => self.shop.restart(),
            Step::Drop => self.shop.drop_and_open(),
        }
        self.meet(&outcomes);
        (outcomes, events, Snapshot::of(&*self.shop.view()))
    }

    /// Remembers who and what is new.
    fn meet(&mut self, outcomes: &[Result<Outcome, Refusal>]) {
        for outcome in outcomes.iter().flatten() {
            match outcome {
                Outcome::User(user) => self.expect_user(user.id),
                Outcome::SignedIn { user, session, .. } => {
                    self.sessions.push(*session);
                    self.expect_user(user.id);
                }
                Outcome::Invitation(invitation) => self.invitations.push(invitation.id),
                Outcome::Conversation { no, created: true } => {
                    let conversation = self.shop.view().conversation(*no).unwrap().unwrap();
                    self.conversations.push(conversation.id);
                }
                Outcome::Sent { message, duplicate: false } => {
                    self.messages.push((message.conversation_id, message.id));
                }
                Outcome::Attachment(file) => self.files.push(file.id),
                Outcome::Claimed(rows) => self.claimed.extend(rows.iter().cloned()),
                _ => {}
            }
        }
    }
}

fn latest<T: Clone>(all: &[T], i: u8) -> Option<T> {
    all.iter().rev().nth(usize::from(i)).cloned()
}
