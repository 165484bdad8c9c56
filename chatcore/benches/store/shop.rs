//! A shop to measure in: customers who each talk to an agent, and the messages that they have written.

use std::path::Path;
use std::sync::Arc;

use chat_proto::{ClientId, ConversationId, Role, Timestamp, UserId};
use chatcore::state::{Author, Command, Minter, Origin, Post};
use chatcore::store::Store;
use chatcore::store::redb::{RedbOptions, RedbStore};
use chatcore::{Clock, Rules, SystemClock, SystemEntropy};

use crate::Result;

/// Commands in one commit while filling.
const AT_ONCE: usize = 512;
const TEXT_BYTES: usize = 220;

/// Who is there. The same seed makes the same people, so that another process knows them too.
#[derive(Clone, Debug)]
pub(crate) struct Shop {
    pub(crate) agents: Vec<UserId>,
    customers: Vec<UserId>,
    pub(crate) conversations: Vec<ConversationId>,
}

impl Shop {
    pub(crate) fn new(agents: usize, conversations: usize) -> Self {
        let mut dice = Dice::new(1);
        let mut agent_ids = Vec::new();
        agent_ids.resize_with(agents, || UserId::new(Timestamp::from_millis(0), dice.bytes()));
        let mut customers = Vec::new();
        customers.resize_with(conversations, || UserId::new(Timestamp::from_millis(0), dice.bytes()));
        let mut ids = Vec::new();
        ids.resize_with(conversations, || ConversationId::new(Timestamp::from_millis(0), dice.bytes()));
        Self { agents: agent_ids, customers, conversations: ids }
    }

    /// Makes the people and conversations, and writes this many messages into all conversations alike.
    pub(crate) fn fill(&self, store: &dyn Store, messages: usize) -> Result<()> {
        let mut hand = Hand::new(store);
        let account = |id: UserId, role| {
            let (email, name) = (format!("{id}@shop.example"), "Somebody".to_owned());
            Command::CreateUser { by: None, id, email, name, role, password: None, origin: Origin::default() }
        };
        hand.all(self.agents.iter().map(|id| account(*id, Role::Agent)))?;
        hand.all(self.customers.iter().map(|id| account(*id, Role::Customer)))?;
        hand.all(self.conversations.iter().zip(&self.customers).enumerate().map(|(i, (id, customer))| {
            let by = Author { user: *customer, session: None };
            Command::OpenDirect { by, id: *id, with: self.agent_of(i) }
        }))?;
        let mut dice = Dice::new(2);
        let all = self.conversations.len();
        hand.all((0..messages).map(|i| {
            // Every conversation in turn first, so that none stays empty.
            let conversation = if i < all { i } else { dice.below(all) };
            self.send(conversation, &mut dice)
        }))
    }

    /// A fresh message in this conversation, by either side.
    pub(crate) fn send(&self, conversation: usize, dice: &mut Dice) -> Command {
        let by = Author { user: self.author(conversation, dice), session: None };
        let (conversation, client_id) = (self.conversations[conversation], dice.client_id());
        Command::Send { by, conversation, post: Post::new(client_id, text()) }
    }

    /// One of the two in this conversation.
    pub(crate) fn author(&self, conversation: usize, dice: &mut Dice) -> UserId {
        if dice.below(2) == 0 { self.customers[conversation] } else { self.agent_of(conversation) }
    }

    fn agent_of(&self, conversation: usize) -> UserId {
        self.agents[conversation % self.agents.len()]
    }
}

/// Commits commands, as the engine's writer does.
pub(crate) struct Hand<'a> {
    store: &'a dyn Store,
    rules: Rules,
    minter: Minter,
}

impl<'a> Hand<'a> {
    pub(crate) fn new(store: &'a dyn Store) -> Self {
        let minter = Minter::new(Arc::new(SystemClock), Arc::new(SystemEntropy), store.view().last_at());
        Self { store, rules: Rules::default(), minter }
    }

    /// One commit; every command has to succeed.
    pub(crate) fn commit(&mut self, batch: Vec<Command>) -> Result<()> {
        let committed = self.store.commit(batch, &self.rules, &mut self.minter)?;
        self.store.keep_up()?;
        match committed.outcomes.into_iter().find_map(std::result::Result::err) {
            Some(refusal) => Err(format!("refused: {refusal:?}").into()),
            None => Ok(()),
        }
    }

    fn all(&mut self, mut commands: impl Iterator<Item = Command>) -> Result<()> {
        loop {
            let batch: Vec<_> = commands.by_ref().take(AT_ONCE).collect();
            if batch.is_empty() {
                return Ok(());
            }
            self.commit(batch)?;
        }
    }
}

/// The store of this folder, where a chat looks for it.
pub(crate) fn open(folder: &Path) -> Result<RedbStore> {
    Ok(RedbStore::open(&folder.join(FILES[0]), RedbOptions::default())?)
}

/// The names of the data files in a chat's folder.
pub(crate) const FILES: [&str; 3] = ["chat.redb", "chat.1.wal", "chat.2.wal"];

pub(crate) fn text() -> String {
    "m".repeat(TEXT_BYTES)
}

/// Chance that repeats (`SplitMix64`).
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed << 32)
    }

    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.roll() % bound as u64).unwrap_or(0)
    }

    /// A `UUIDv7` as a client would make it. Salted by the machine's clock too: runs over one file must not repeat.
    pub(crate) fn client_id(&mut self) -> ClientId {
        let millis = SystemClock.now().as_millis();
        let (high, low) = (self.roll() & 0xfff, self.roll());
        let text = format!(
            "{:08x}-{:04x}-7{high:03x}-{:04x}-{:012x}",
            millis >> 16,
            millis & 0xffff,
            0x8000 | (low >> 50),
            low & 0xffff_ffff_ffff
        );
        text.parse().unwrap_or_else(|_| unreachable!("36 characters of hex and dashes are a client id"))
    }

    fn bytes(&mut self) -> [u8; 10] {
        std::array::from_fn(|_| self.roll().to_be_bytes()[0])
    }
}
