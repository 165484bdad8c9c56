//! Names for messages that grow with time: `UUIDv7`, RFC 9562.

use std::fmt::Write as _;

use chat_proto::{ClientId, Timestamp};

/// Makes client ids, each greater than the one before, whatever the clock does.
#[derive(Debug, Default)]
pub(crate) struct ClientIds {
    /// The 122 bits of the last one that are not version and variant: 48 of milliseconds, 74 random.
    last: u128,
}

const RANDOM_BITS: u32 = 74;
const LOW_BITS: u32 = 62;

impl ClientIds {
    /// A name for a message that is written now.
    pub(crate) fn next(&mut self, now: Timestamp, random: [u8; 10]) -> ClientId {
        let millis = u128::from(u64::try_from(now.as_millis()).unwrap_or(0)) & mask(48);
        let random = random.iter().fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte)) & mask(RANDOM_BITS);
        // Within a millisecond, and while a clock that was set back catches up: one more than the last, which is
        // RFC 9562, section 6.2, method 2.
        self.last = (millis << RANDOM_BITS | random).max((self.last + 1) & mask(122));
        let high = self.last >> LOW_BITS;
        let uuid =
            high >> 12 << 80 | 0x7 << 76 | (high & mask(12)) << 64 | 0b10 << LOW_BITS | (self.last & mask(LOW_BITS));
        let mut text = String::with_capacity(36);
        for (place, byte) in uuid.to_be_bytes().into_iter().enumerate() {
            if matches!(place, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text.parse().expect("a UUID is a client id")
    }
}

const fn mask(bits: u32) -> u128 {
    (1 << bits) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_the_uuid_of_the_standard() {
        // RFC 9562, appendix A.6: 2022-02-22 19:22:22 UTC, rand_a 0xCC3, rand_b 0x18C4DC0C0C07398F.
        let bits = 0xCC3_u128 << LOW_BITS | 0x18C4_DC0C_0C07_398F;
        let random: [u8; 10] = bits.to_be_bytes()[6..].try_into().unwrap();
        let id = ClientIds::default().next(Timestamp::from_millis(0x017F_22E2_79B0), random);
        assert_eq!(id.as_str(), "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
    }

    #[test]
    fn ids_grow_within_a_millisecond_and_when_the_clock_is_set_back() {
        let mut ids = ClientIds::default();
        let moments = [5_000, 5_000, 5_000, 4_000, 5_001];
        let made: Vec<ClientId> = moments
            .iter()
            .zip([[0xff; 10], [0; 10], [0xff; 10], [7; 10], [0; 10]])
            .map(|(at, random)| ids.next(Timestamp::from_millis(*at), random))
            .collect();
        assert!(made.is_sorted_by(|a, b| a < b), "{made:?}");
        let versions = made.iter().all(|id| id.as_str().as_bytes()[14] == b'7');
        assert!(versions, "{made:?}");
    }
}
