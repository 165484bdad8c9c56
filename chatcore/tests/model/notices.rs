use chat_proto::model::NotificationPreferences;
use chat_proto::{Seq, Timestamp};
use chatcore::Clock;
use chatcore::state::{Channel, Command, DeliveryEnd, DeliveryId, Held, Notice, Origin, Position, Telling, Unread};
use chatcore::store::conformance::Acting;
use proptest::prelude::*;

use super::side::Side;
use super::{conversation, who};

/// What is done to tell people of what waits for them.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Wish { who: u8, zone: usize },
    Mute { who: u8, of: u8, on: bool },
    Reached(u64),
    Hold { channel: usize, who: u8, of: u8, hours: u8 },
    Tell { channel: usize, who: u8, of: u8, to: u64, settled: Option<u8> },
    Claim { channel: usize, most: usize },
    Release { channel: usize },
    End { channel: usize, claimed: u8, end: usize },
    Retry { who: u8, claimed: u8 },
}

pub(crate) fn act() -> impl Strategy<Value = Act> {
    let channel = || 0..Channel::ALL.len();
    prop_oneof![
        1 => (who(), 0..ZONES.len()).prop_map(|(who, zone)| Act::Wish { who, zone }),
        1 => (who(), conversation(), any::<bool>()).prop_map(|(who, of, on)| Act::Mute { who, of, on }),
        1 => (0..99_u64).prop_map(Act::Reached),
        2 => (channel(), who(), conversation(), 0..30_u8)
            .prop_map(|(channel, who, of, hours)| Act::Hold { channel, who, of, hours }),
        6 => (channel(), who(), conversation(), 0..20_u64, prop::option::of(conversation()))
            .prop_map(|(channel, who, of, to, settled)| Act::Tell { channel, who, of, to, settled }),
        4 => (channel(), 0..4_usize).prop_map(|(channel, most)| Act::Claim { channel, most }),
        1 => channel().prop_map(|channel| Act::Release { channel }),
        6 => (channel(), 0..4_u8, 0..3_usize).prop_map(|(channel, claimed, end)| Act::End { channel, claimed, end }),
        1 => (who(), 0..4_u8).prop_map(|(who, claimed)| Act::Retry { who, claimed }),
    ]
}

const ZONES: [&str; 3] = ["UTC", "Asia/Tokyo", "Europe/Berlin"];

impl Act {
    pub(crate) fn command(&self, side: &mut Side) -> Command {
        match self {
            Self::Wish { who, zone } => {
                let wishes = NotificationPreferences { time_zone: ZONES[*zone].to_owned(), ..Default::default() };
                Command::SetWishes { by: side.user(*who).author(), wishes: Box::new(wishes) }
            }
            Self::Mute { who, of, on } => {
                let (by, conversation) = (side.user(*who).author(), side.conversation(*of));
                Command::Mute { by, conversation, until: on.then(|| later(side, 1)) }
            }
            Self::Retry { who, claimed } => {
                let (by, id) = (side.user(*who).author(), side.claimed(*claimed).0);
                Command::RetryDelivery { by, id, origin: Origin::default() }
            }
            step => Command::Notice(Box::new(step.notice(side))),
        }
    }

    fn notice(&self, side: &mut Side) -> Notice {
        match self {
            Self::Reached(position) => Notice::Reached(Position(*position)),
            Self::Hold { channel, who, of, hours } => Notice::Hold(vec![Held {
                channel: Channel::ALL[*channel],
                user: side.user_no(*who),
                conversation: side.conversation_no(*of),
                due: later(side, *hours),
            }]),
            Self::Tell { channel, who, of, to, settled } => {
                let unread = Unread { conversation: side.conversation_no(*of), from: Seq(1), to: Seq(*to) };
                Notice::Tell(vec![Telling {
                    id: DeliveryId(side.shop.new_user_id().to_bytes()),
                    channel: Channel::ALL[*channel],
                    user: side.user_no(*who),
                    // The same again is no news.
                    of: vec![unread, unread],
                    settled: settled.iter().map(|settled| side.conversation_no(*settled)).collect(),
                    together: *to % 2 == 0,
                    looked_at: settled.map(|hours| later(side, hours)),
                }])
            }
            Self::Claim { channel, most } => {
                Notice::Claim { channel: Channel::ALL[*channel], until: later(side, 2), most: *most }
            }
            Self::Release { channel } => Notice::Release(Channel::ALL[*channel]),
            Self::End { channel, claimed, end } => {
                let (id, attempt) = side.claimed(*claimed);
                let trouble = "busy".to_owned();
                let end = match end {
                    0 => DeliveryEnd::Done,
                    1 => DeliveryEnd::Again { at: later(side, 1), trouble },
                    _ => DeliveryEnd::Dead { trouble },
                };
                Notice::End { channel: Channel::ALL[*channel], id, attempt, end }
            }
            other => unreachable!("{other:?} is decided by somebody"),
        }
    }
}

/// So many hours after now.
fn later(side: &Side, hours: u8) -> Timestamp {
    side.shop.clock.now().after(std::time::Duration::from_hours(u64::from(hours)))
}
