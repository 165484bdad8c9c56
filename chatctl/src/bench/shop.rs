//! The conversations of a run, and where each connection listens.

use chat_proto::{ConversationId, Role};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::accounts::{AT_ONCE, Account, Admin};
use super::failure::Failure;
use super::floor;

/// Conversations and the connections to them.
#[derive(Debug)]
pub(super) struct Shop {
    pub(super) conversations: Vec<Room>,
    /// One conversation after the other, each with its members in turn.
    pub(super) seats: Vec<Seat>,
}

/// A conversation.
#[derive(Clone, Debug)]
pub(super) struct Room {
    pub(super) id: String,
    /// The number of its last message before the run.
    pub(super) last_seq: u64,
}

/// A connection that is to be made.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    pub(super) token: String,
    pub(super) conversation: usize,
}

impl Shop {
    /// New groups of an agent and customers; nobody is in two of them, so that each delivery goes its own way.
    pub(super) async fn open(
        admin: &Admin,
        conversations: usize,
        members: usize,
    ) -> Result<(Self, Vec<Account>), Failure> {
        let agents = admin.people(Role::Agent, conversations).await?;
        let customers = admin.people(Role::Customer, conversations * (members - 1)).await?;
        let groups: Vec<Vec<Account>> = agents
            .into_iter()
            .zip(customers.chunks(members - 1))
            .map(|(agent, customers)| [vec![agent], customers.to_vec()].concat())
            .collect();
        let rooms = stream::iter(&groups).map(|group| begin(group)).buffered(AT_ONCE);
        let shop = Self {
            conversations: rooms.try_collect().await?,
            seats: seats(groups.iter().map(|group| group.iter().map(|member| member.token.clone()).collect())),
        };
        Ok((shop, groups.concat()))
    }

    /// The same for the floor, which knows no accounts.
    pub(super) fn on_the_floor(conversations: usize, members: usize) -> Self {
        let rooms = (0..conversations).map(|n| {
            let mut bytes = [0; 16];
            bytes[8..].copy_from_slice(&(n as u64).to_be_bytes());
            Room { id: ConversationId::from_bytes(bytes).to_string(), last_seq: 0 }
        });
        let conversations: Vec<Room> = rooms.collect();
        let seats = seats(conversations.iter().map(|room| vec![floor::token(&room.id); members]));
        Self { conversations, seats }
    }
}

/// Has a group begun by the first of these people.
pub(super) async fn begin(group: &[Account]) -> Result<Room, Failure> {
    let Some((owner, others)) = group.split_first() else {
        return Err(Failure::new("a conversation of nobody"));
    };
    let others: Vec<_> = others.iter().map(|other| other.id).collect();
    let conversation = owner.client.create_group(Some("Bench"), &others).await?;
    Ok(Room { id: conversation.id.to_string(), last_seq: conversation.last_seq.0 })
}

fn seats(tokens: impl Iterator<Item = Vec<String>>) -> Vec<Seat> {
    let of = |(conversation, tokens): (usize, Vec<String>)| {
        tokens.into_iter().map(move |token| Seat { token, conversation })
    };
    tokens.enumerate().flat_map(of).collect()
}
