//! Rows of what people are told while they are not here: their wishes, what waits for a better time, what is on its way.

use chat_proto::model::{ChannelPreferences, Digest, NotificationPreferences, QuietHours};
use chat_proto::{Seq, TimeOfDay, Timestamp};
use minicbor::{Decode, Encode};

use super::rows::LetterId;
use super::{ConversationNo, UserNo, cbor};
use crate::store::StoreError;

/// By which way somebody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Channel {
    /// To the address of their account.
    #[n(0)]
    Mail,
    /// To the devices that asked for it.
    #[n(1)]
    Push,
}

impl Channel {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Mail, Self::Push];

    /// As it stands in keys; never another's.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Mail => 0,
            Self::Push => 1,
        }
    }

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Push => "push",
        }
    }
}

/// The name of something that is on its way to somebody; later ones are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryId(pub [u8; 16]);

/// What somebody wishes; without a row they wish the defaults.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct WishesRow {
    #[n(0)]
    mail: OfChannel,
    #[n(1)]
    push: OfChannel,
    /// 0 off, 1 hourly, 2 daily.
    #[n(2)]
    digest: u8,
    /// Minutes after midnight.
    #[n(3)]
    quiet: Option<(u16, u16)>,
    #[n(4)]
    time_zone: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
struct OfChannel {
    #[n(0)]
    messages: bool,
    #[n(1)]
    mentions: bool,
}

impl WishesRow {
    pub(crate) fn of(wishes: &NotificationPreferences) -> Self {
        let channel = |wishes: ChannelPreferences| OfChannel { messages: wishes.messages, mentions: wishes.mentions };
        Self {
            mail: channel(wishes.mail),
            push: channel(wishes.push),
            digest: match wishes.digest {
                Digest::Off => 0,
                Digest::Hourly => 1,
                Digest::Daily => 2,
            },
            quiet: wishes.quiet_hours.map(|quiet| (quiet.from.minutes(), quiet.to.minutes())),
            time_zone: wishes.time_zone.clone(),
        }
    }

    pub(crate) fn wishes(self) -> NotificationPreferences {
        let channel = |row: OfChannel| ChannelPreferences { messages: row.messages, mentions: row.mentions };
        let quiet =
            |(from, to)| Some(QuietHours { from: TimeOfDay::from_minutes(from)?, to: TimeOfDay::from_minutes(to)? });
        NotificationPreferences {
            mail: channel(self.mail),
            push: channel(self.push),
            digest: match self.digest {
                1 => Digest::Hourly,
                2 => Digest::Daily,
                _ => Digest::Off,
            },
            quiet_hours: self.quiet.and_then(quiet),
            time_zone: self.time_zone,
        }
    }
}

/// How far somebody was told of a conversation by one channel, so that nothing is told twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct ToldRow {
    #[cbor(n(0), with = "cbor::seq")]
    pub seq: Seq,
    /// When; so often since they last read.
    #[cbor(n(1), with = "cbor::timestamp")]
    pub at: Timestamp,
    #[n(2)]
    pub times: u32,
}

impl ToldRow {
    /// They were never told.
    pub(crate) const NEVER: Self = Self { seq: Seq(0), at: Timestamp::from_millis(0), times: 0 };
}

/// Something that is on its way to somebody.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct DeliveryRow {
    #[cbor(n(0), with = "cbor::delivery_id")]
    pub id: DeliveryId,
    #[n(1)]
    pub channel: Channel,
    #[cbor(n(2), with = "cbor::user_no")]
    pub user: UserNo,
    #[n(3)]
    pub what: Delivered,
    #[cbor(n(4), with = "cbor::timestamp")]
    pub created_at: Timestamp,
    /// How often it was tried.
    #[n(5)]
    pub attempts: u32,
    /// When it is tried next; while somebody tries it, when they have taken too long.
    #[cbor(n(6), with = "cbor::timestamp")]
    pub due: Timestamp,
    /// What went wrong the last time, for admins.
    #[n(7)]
    pub trouble: Option<String>,
    /// Somebody tries it.
    #[cbor(n(8), default)]
    pub claimed: bool,
}

/// What somebody is told.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Delivered {
    /// Messages that they have not read.
    #[n(0)]
    #[cbor(array)]
    Messages {
        #[n(0)]
        of: Vec<Unread>,
        /// Put together, of whatever conversations.
        #[n(1)]
        together: bool,
    },
    /// A letter of ours.
    #[n(1)]
    #[cbor(array)]
    Letter {
        #[cbor(n(0), with = "cbor::letter_id")]
        letter: LetterId,
    },
}

/// These messages of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Unread {
    #[cbor(n(0), with = "cbor::conversation_no")]
    pub conversation: ConversationNo,
    #[cbor(n(1), with = "cbor::seq")]
    pub from: Seq,
    #[cbor(n(2), with = "cbor::seq")]
    pub to: Seq,
}

macro_rules! rows {
    ($($row:ident = $what:literal),+) => {$(
        impl $row {
            pub(crate) fn encoded(&self) -> Vec<u8> {
                minicbor::to_vec(self).unwrap_or_default()
            }

            pub(crate) fn decoded(row: &[u8]) -> Result<Self, StoreError> {
                minicbor::decode(row).map_err(|_| StoreError::corrupt($what))
            }
        }
    )+};
}

rows!(WishesRow = "somebody's wishes", ToldRow = "how far somebody was told", DeliveryRow = "what is on its way");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::golden::golden;

    #[test]
    fn rows_keep_their_bytes() {
        let quiet_hours = QuietHours {
            from: TimeOfDay::from_minutes(22 * 60).expect("a time"),
            to: TimeOfDay::from_minutes(420).expect("a time"),
        };
        let wishes = NotificationPreferences {
            mail: ChannelPreferences { messages: false, mentions: true },
            digest: Digest::Daily,
            quiet_hours: Some(quiet_hours),
            time_zone: "Europe/Berlin".to_owned(),
            ..NotificationPreferences::default()
        };
        golden(&WishesRow::of(&wishes), "a50082f4f50182f5f5020203821905281901a4046d4575726f70652f4265726c696e");
        assert_eq!(WishesRow::of(&wishes).wishes(), wishes);
        let plain = NotificationPreferences::default();
        assert_eq!(WishesRow::of(&plain).wishes(), plain);
        golden(&ToldRow { seq: Seq(7), at: Timestamp::from_millis(1_000), times: 2 }, "83071903e802");
        let of = vec![Unread { conversation: ConversationNo(3), from: Seq(4), to: Seq(9) }];
        let mut row = DeliveryRow {
            id: DeliveryId([7; 16]),
            channel: Channel::Push,
            user: UserNo(2),
            what: Delivered::Messages { of, together: true },
            created_at: Timestamp::from_millis(1_000),
            attempts: 1,
            due: Timestamp::from_millis(2_000),
            trouble: Some("full".to_owned()),
            claimed: true,
        };
        golden(&row, "89500707070707070707070707070707070701028200828183030409f51903e8011907d06466756c6cf5");
        row.what = Delivered::Letter { letter: LetterId([9; 16]) };
        (row.trouble, row.claimed) = (None, false);
        golden(
            &row,
            "895007070707070707070707070707070707010282018150090909090909090909090909090909091903e8011907d0f6f4",
        );
    }
}
