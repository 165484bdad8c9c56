use chat_proto::Timestamp;
use chatcore::state::{Command, LetterId, Origin};
use chatcore::store::conformance::Acting;
use proptest::prelude::*;

use super::side::Side;
use super::who;

/// What is done with letters about accounts.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Forgot {
        email: u8,
    },
    AskToVerify {
        who: u8,
    },
    /// Uses the link of a letter, for one or the other.
    UseLink {
        letter: u8,
        verify: bool,
    },
    Forget,
}

pub(crate) fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (0..9_u8).prop_map(|email| Act::Forgot { email }),
        who().prop_map(|who| Act::AskToVerify { who }),
        (0..3_u8, any::<bool>()).prop_map(|(letter, verify)| Act::UseLink { letter, verify }),
        Just(Act::Forget),
    ]
}

impl Act {
    pub(crate) fn command(&self, side: &mut Side) -> Command {
        let expires_at = Timestamp::from_millis(1_800_000_000_200);
        match self {
            Self::Forgot { email } => {
                let (email, letter) = (format!("u{email}@shop.example"), side.shop.new_letter(expires_at));
                Command::ForgotPassword { email, letter, origin: Origin::default() }
            }
            Self::AskToVerify { who } => {
                let (by, letter) = (side.user(*who).author(), side.shop.new_letter(expires_at));
                Command::AskToVerifyEmail { by, letter, origin: Origin::default() }
            }
            Self::UseLink { letter, verify } => {
                let letters = side.shop.view().letters_after(None, 100).expect("readable");
                let letter =
                    letters.iter().rev().nth(usize::from(*letter)).map_or(LetterId([9; 16]), |letter| letter.id);
                let (token, origin) = ([7; 32], Origin::default());
                if *verify {
                    Command::VerifyEmail { letter, token, origin }
                } else {
                    Command::ResetPassword { letter, token, password: "reset".to_owned(), origin }
                }
            }
            Self::Forget => Command::ForgetLetters,
        }
    }
}
