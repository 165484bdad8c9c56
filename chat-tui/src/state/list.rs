use std::borrow::Cow;
use std::collections::HashSet;

use chat_proto::ConversationId;

use super::Filter;

/// The order of the conversations: as the server has it, and as it stands on the screen.
#[derive(Debug, Default)]
pub(crate) struct List {
    /// The latest first.
    order: Vec<ConversationId>,
    held: Option<Held>,
    pub(crate) filter: Option<Filter>,
}

/// What stands still under the cursor.
#[derive(Debug)]
struct Held {
    order: Vec<ConversationId>,
    /// What has another place than the one where it stands.
    moved: HashSet<ConversationId>,
}

impl List {
    /// As the server has it.
    pub(crate) fn all(&self) -> &[ConversationId] {
        &self.order
    }

    /// As it stands on the screen.
    pub(crate) fn shown(&self) -> Cow<'_, [ConversationId]> {
        let order = self.held.as_ref().map_or(&self.order, |held| &held.order);
        match &self.filter {
            Some(filter) => order.iter().copied().filter(|id| filter.lets_through(*id)).collect(),
            None => Cow::Borrowed(order),
        }
    }

    /// How many wait to be moved.
    pub(crate) fn moved(&self) -> usize {
        self.held.as_ref().map_or(0, |held| held.moved.len())
    }

    /// Puts a conversation there, out of where it was; `hold`: what is on the screen waits until [`settle`](Self::settle).
    pub(crate) fn put(&mut self, at: usize, id: ConversationId, hold: bool) {
        let was = self.order.iter().position(|of| *of == id);
        let at = at.min(self.order.len() - usize::from(was.is_some()));
        if was == Some(at) {
            return;
        }
        // What comes at the end moves nothing.
        let at_the_end = was.is_none() && at == self.order.len();
        if hold && !at_the_end && self.held.is_none() {
            self.held = Some(Held { order: self.order.clone(), moved: HashSet::new() });
        }
        match &mut self.held {
            Some(held) if at_the_end => held.order.push(id),
            Some(held) => drop(held.moved.insert(id)),
            None => {}
        }
        if let Some(was) = was {
            self.order.remove(was);
        }
        self.order.insert(at, id);
    }

    pub(crate) fn remove(&mut self, id: ConversationId) {
        self.order.retain(|of| *of != id);
        if let Some(held) = &mut self.held {
            held.order.retain(|of| *of != id);
            held.moved.remove(&id);
        }
    }

    /// Shows the order as the server has it; `false`: it stood there already.
    pub(crate) fn settle(&mut self) -> bool {
        self.held.take().is_some()
    }
}
