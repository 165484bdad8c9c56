//! What is said in passing: it holds for a while, and not over a connection's end.

use std::time::Duration;

use chat_proto::ConversationId;
use chat_proto::model::DeviceState;
use tokio::time::Instant;

use super::requests::Asked;

/// Each key says that somebody writes; this often is enough for the others,
const TYPING_EVERY: Duration = Duration::from_secs(3);
/// who take it to be over after so long.
const TYPING_HOLDS: Duration = Duration::from_secs(6);
/// An open conversation is told again after this; it holds for 60 s.
const VIEWING_EVERY: Duration = Duration::from_secs(40);

#[derive(Debug, Default)]
pub(super) struct Passing {
    typing: Option<(ConversationId, bool)>,
    /// When the others were last told that I write, and where.
    typing_told: Option<(ConversationId, Instant)>,
    /// What this device has open,
    viewing: Option<ConversationId>,
    /// and what the server was told of it, and when.
    viewing_told: Option<(ConversationId, Instant)>,
    away: bool,
    away_told: bool,
}

impl Passing {
    /// Notes that I write or stopped; `false`: the others know.
    pub(super) fn type_in(&mut self, conversation: ConversationId, on: bool, now: Instant) -> bool {
        let told = self.typing_told.filter(|(told, _)| *told == conversation).map(|(_, at)| now - at);
        let tell = if on {
            told.is_none_or(|since| since >= TYPING_EVERY)
        } else {
            told.is_some_and(|since| since < TYPING_HOLDS)
        };
        if tell {
            self.typing_told = on.then_some((conversation, now));
            self.typing = Some((conversation, on));
        }
        tell
    }

    /// Writing ends with sending.
    pub(super) fn wrote(&mut self) {
        self.typing_told = None;
    }

    pub(super) fn view(&mut self, conversation: Option<ConversationId>) {
        self.viewing = conversation;
    }

    pub(super) fn sit(&mut self, state: DeviceState) {
        self.away = state == DeviceState::Away;
    }

    /// When there is something to say; `None`: nothing by itself.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        let told = self.viewing_told.map(|(conversation, _)| conversation);
        if self.typing.is_some() || self.away != self.away_told || self.viewing != told {
            return Some(now);
        }
        self.viewing_told.map(|(_, at)| at + VIEWING_EVERY)
    }

    /// What is to be said now; it is said then.
    pub(super) fn next(&mut self, now: Instant) -> Option<Asked> {
        if let Some((conversation, on)) = self.typing.take() {
            return Some(Asked::Typing(conversation, on));
        }
        if self.away != self.away_told {
            self.away_told = self.away;
            return Some(Asked::Presence(if self.away { DeviceState::Away } else { DeviceState::Online }));
        }
        match (self.viewing_told, self.viewing) {
            (Some((told, _)), viewing) if viewing != Some(told) => {
                self.viewing_told = None;
                Some(Asked::Viewing(told, false))
            }
            (Some((_, at)), _) if now < at + VIEWING_EVERY => None,
            (_, Some(viewing)) => {
                self.viewing_told = Some((viewing, now));
                Some(Asked::Viewing(viewing, true))
            }
            (_, None) => None,
        }
    }

    /// The next connection knows nothing, and has somebody at this device.
    pub(super) fn disconnected(&mut self) {
        self.typing = None;
        self.typing_told = None;
        self.viewing_told = None;
        self.away_told = false;
    }
}
