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

    /// Puts a conversation there, out of where it was; with one to `hold` under the cursor, what would move it on the screen
    /// waits until [`settle`](Self::settle).
    pub(crate) fn put(&mut self, at: usize, id: ConversationId, hold: Option<ConversationId>) {
        let was = self.order.iter().position(|of| *of == id);
        let at = at.min(self.order.len() - usize::from(was.is_some()));
        if was == Some(at) {
            return;
        }
        // What is new below moves nothing.
        let above = at.checked_sub(1).and_then(|place| self.order.get(place)).copied().filter(|_| was.is_none());
        let below = self.place_below(above, hold);
        if hold.is_some() && below.is_none() && self.held.is_none() {
            self.held = Some(Held { order: self.order.clone(), moved: HashSet::new() });
        }
        match (&mut self.held, below) {
            (Some(held), Some(place)) => held.order.insert(place, id),
            (Some(held), None) => drop(held.moved.insert(id)),
            (None, _) => {}
        }
        if let Some(was) = was {
            self.order.remove(was);
        }
        self.order.insert(at, id);
    }

    /// The place right below this conversation on the screen, if it stands where it belongs, and no higher than what is held.
    fn place_below(&self, above: Option<ConversationId>, hold: Option<ConversationId>) -> Option<usize> {
        let (above, hold) = (above?, hold?);
        let order = self.held.as_ref().map_or(&self.order, |held| &held.order);
        let place = |of| order.iter().position(|id| *id == of);
        let stands = self.held.as_ref().is_none_or(|held| !held.moved.contains(&above));
        place(above).filter(|at| stands && place(hold).is_some_and(|held| held <= *at)).map(|at| at + 1)
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
