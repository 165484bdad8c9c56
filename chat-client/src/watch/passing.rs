//! What is told in passing: typing and presence.

use std::time::Duration;

use chat_proto::model::PresenceState;
use chat_proto::wire::EphemeralEvent;
use chat_proto::{ConversationId, UserId};
use tokio::time::Instant;

use super::{Diff, Inbox};

/// People who are remembered to be there; more than a server tells of.
const MOST_PRESENT: usize = 10_000;
/// People who are remembered to write.
const MOST_TYPING: usize = 1_000;
/// No sign of writing holds longer, whatever the server says.
const LONGEST_TYPING: Duration = Duration::from_mins(1);

/// People who are remembered to have a conversation open.
const MOST_VIEWING: usize = 1_000;
/// No sign of having a conversation open holds longer, whatever the server says.
const LONGEST_VIEWING: Duration = Duration::from_mins(5);

/// Somebody who writes, or has a conversation open.
#[derive(Debug)]
pub(super) struct Typist {
    pub(super) conversation: ConversationId,
    pub(super) user: UserId,
    /// When they are taken to have stopped.
    pub(super) until: Instant,
}

impl Inbox {
    pub(super) fn pass(&mut self, event: &EphemeralEvent, now: Instant) -> Vec<Diff> {
        let mut diffs = Vec::new();
        match *event {
            EphemeralEvent::Typing { conv, user, on: true, expires_in_ms } => {
                let until = now + Duration::from_millis(expires_in_ms).min(LONGEST_TYPING);
                self.type_until(conv, user, until, &mut diffs);
            }
            EphemeralEvent::Typing { conv, user, on: false, .. } => {
                self.stop_typing(|typist| (typist.conversation, typist.user) == (conv, user), &mut diffs);
            }
            EphemeralEvent::Viewing { conv, user, on, expires_in_ms } => {
                let until = now + Duration::from_millis(expires_in_ms).min(LONGEST_VIEWING);
                self.view_until(conv, user, on.then_some(until), &mut diffs);
            }
            EphemeralEvent::Presence { user, state, .. } => self.appear(user, state, &mut diffs),
            _ => {}
        }
        diffs
    }

    fn appear(&mut self, user: UserId, state: PresenceState, diffs: &mut Vec<Diff>) {
        let changed = if state == PresenceState::Offline {
            self.present.remove(&user).is_some()
        } else {
            let room = self.present.len() < MOST_PRESENT || self.present.contains_key(&user);
            room && self.present.insert(user, state) != Some(state)
        };
        if changed {
            diffs.push(Diff::Presence { user, state });
        }
    }

    fn type_until(&mut self, conversation: ConversationId, user: UserId, until: Instant, diffs: &mut Vec<Diff>) {
        if self.me.as_ref().is_some_and(|me| me.id == user) || self.conversation(conversation).is_none() {
            return;
        }
        let room = self.typing.len() < MOST_TYPING;
        let known = self.typing.iter_mut().find(|typist| (typist.conversation, typist.user) == (conversation, user));
        match known {
            Some(typist) => typist.until = until,
            None if room => {
                self.typing.push(Typist { conversation, user, until });
                diffs.push(Diff::Typing { conversation, user, on: true });
            }
            None => {}
        }
    }

    fn view_until(
        &mut self,
        conversation: ConversationId,
        user: UserId,
        until: Option<Instant>,
        diffs: &mut Vec<Diff>,
    ) {
        let known = self.viewing.iter().position(|viewer| (viewer.conversation, viewer.user) == (conversation, user));
        let mine = self.me.as_ref().is_some_and(|me| me.id == user);
        match (known, until) {
            (Some(at), Some(until)) => self.viewing[at].until = until,
            (Some(at), None) => {
                self.viewing.remove(at);
                diffs.push(Diff::Viewing { conversation, user, on: false });
            }
            (None, Some(until))
                if !mine && self.viewing.len() < MOST_VIEWING && self.conversation(conversation).is_some() =>
            {
                self.viewing.push(Typist { conversation, user, until });
                diffs.push(Diff::Viewing { conversation, user, on: true });
            }
            (None, _) => {}
        }
    }

    pub(super) fn stop_viewing(&mut self, stops: impl Fn(&Typist) -> bool, diffs: &mut Vec<Diff>) {
        self.viewing.retain(|viewer| {
            let stopped = stops(viewer);
            if stopped {
                let (conversation, user) = (viewer.conversation, viewer.user);
                diffs.push(Diff::Viewing { conversation, user, on: false });
            }
            !stopped
        });
    }

    pub(super) fn stop_typing(&mut self, stops: impl Fn(&Typist) -> bool, diffs: &mut Vec<Diff>) {
        self.typing.retain(|typist| {
            let stopped = stops(typist);
            if stopped {
                let (conversation, user) = (typist.conversation, typist.user);
                diffs.push(Diff::Typing { conversation, user, on: false });
            }
            !stopped
        });
    }

    pub(super) fn nobody_there(&mut self, diffs: &mut Vec<Diff>) {
        self.stop_typing(|_| true, diffs);
        self.stop_viewing(|_| true, diffs);
        for user in std::mem::take(&mut self.present).into_keys() {
            diffs.push(Diff::Presence { user, state: PresenceState::Offline });
        }
    }

    /// When the next one who says nothing more is taken to have stopped.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.typing.iter().chain(&self.viewing).map(|typist| typist.until).min()
    }
}
