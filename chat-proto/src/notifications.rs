//! What somebody wants to be told of while they are not here, and when.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{ConversationId, NotificationId, Timestamp, UserId};

/// What somebody is told of outside of the chat, by which channel, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NotificationPreferences {
    /// By mail, to the address of the account.
    pub mail: ChannelPreferences,
    /// By push, to the devices that asked for it.
    pub push: ChannelPreferences,
    /// Whether mails are put together.
    #[serde(default)]
    pub digest: Digest,
    /// When nothing is to come, in local time; what was held back comes as one when they end.
    #[serde(default)]
    pub quiet_hours: Option<QuietHours>,
    /// The local time of digests and quiet hours: a name of the IANA time zone database such as `Europe/Berlin`.
    #[serde(default = "utc")]
    pub time_zone: String,
}

fn utc() -> String {
    "UTC".to_owned()
}

impl Default for NotificationPreferences {
    fn default() -> Self {
        Self {
            mail: ChannelPreferences::ALL,
            push: ChannelPreferences::ALL,
            digest: Digest::Off,
            quiet_hours: None,
            time_zone: utc(),
        }
    }
}

/// A conversation of which one is told nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MutedConversation {
    /// Which.
    pub conversation_id: ConversationId,
    /// Until when; `null`: until one says otherwise.
    pub until: Option<Timestamp>,
}

/// Something that could not be delivered and was given up, as admins see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UndeliveredNotification {
    /// Which.
    pub id: NotificationId,
    /// By which way it should have gone: `mail`, `push`.
    pub channel: String,
    /// Whom it was for; `null` when that was nobody with an account.
    pub user_id: Option<UserId>,
    /// What it was: `messages`, `letter`.
    pub kind: String,
    /// Since when it was on its way.
    pub created_at: Timestamp,
    /// When it was given up.
    pub given_up_at: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
    /// What went wrong the last time.
    pub trouble: String,
}

/// Of what one channel tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChannelPreferences {
    /// Messages in conversations that one is in.
    pub messages: bool,
    /// Messages in which one is spoken to by name.
    pub mentions: bool,
}

impl ChannelPreferences {
    /// Of everything.
    pub const ALL: Self = Self { messages: true, mentions: true };
    /// Of nothing.
    pub const NONE: Self = Self { messages: false, mentions: false };
}

/// Whether what there is to tell is put together, and for how long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Digest {
    /// Each conversation by itself, soon.
    #[default]
    Off,
    /// All together, at the full hour.
    Hourly,
    /// All together, once a day in the morning.
    Daily,
}

/// A part of each day; it goes over midnight when it ends earlier than it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct QuietHours {
    /// When they begin.
    pub from: TimeOfDay,
    /// When they end; another time than that.
    pub to: TimeOfDay,
}

/// A time of day by the clock on the wall, to the minute: `22:30`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeOfDay(u16);

impl TimeOfDay {
    /// Minutes in a day; a time of day has fewer.
    pub const DAY: u16 = 24 * 60;

    /// The time so many minutes after midnight, if there is one.
    #[must_use]
    pub const fn from_minutes(minutes: u16) -> Option<Self> {
        if minutes < Self::DAY { Some(Self(minutes)) } else { None }
    }

    /// Minutes after midnight.
    #[must_use]
    pub const fn minutes(self) -> u16 {
        self.0
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl fmt::Debug for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is no [`TimeOfDay`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidTimeOfDay;

impl fmt::Display for InvalidTimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time of day is written 00:00 to 23:59")
    }
}

impl std::error::Error for InvalidTimeOfDay {}

impl FromStr for TimeOfDay {
    type Err = InvalidTimeOfDay;

    fn from_str(text: &str) -> Result<Self, InvalidTimeOfDay> {
        let two = |digits: &str| -> Option<u16> {
            (digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_digit())).then(|| digits.parse().ok())?
        };
        let (hours, minutes) = text.split_once(':').ok_or(InvalidTimeOfDay)?;
        match (two(hours), two(minutes)) {
            (Some(hours @ ..24), Some(minutes @ ..60)) => Ok(Self(hours * 60 + minutes)),
            _ => Err(InvalidTimeOfDay),
        }
    }
}

impl Serialize for TimeOfDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TimeOfDay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "openapi")]
crate::wire::schema::text_schema!(TimeOfDay, "A time of day by the clock on the wall.", "22:30");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_is_read_as_it_is_written() {
        for text in ["00:00", "07:05", "22:30", "23:59"] {
            assert_eq!(text.parse::<TimeOfDay>().expect("a time").to_string(), text);
        }
        for text in ["", "7:05", "24:00", "12:60", "12", "12:5", "+1:05", "12:05:00", " 2:05", "１２:00"] {
            assert_eq!(text.parse::<TimeOfDay>(), Err(InvalidTimeOfDay), "{text:?}");
        }
    }
}
