//! When something that could not be delivered is tried again.

use std::time::Duration;

use crate::clock::Entropy;

/// The waits after each attempt: a day in all.
const WAITS: [Duration; 8] = [
    Duration::from_secs(5),
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(5),
    Duration::from_hours(8),
    Duration::from_hours(8),
];
/// Who asks to wait longer is not heard.
const LONGEST: Duration = Duration::from_hours(8);

/// How long to wait after so many attempts, all of which failed; `None`: that is enough. Up to a fifth longer than it
/// says, so that what failed together does not come back together.
pub(super) fn wait(attempts: u32, asked: Option<Duration>, entropy: &dyn Entropy) -> Option<Duration> {
    let index = usize::try_from(attempts.saturating_sub(1)).ok()?;
    let wait = WAITS.get(index)?.max(&asked.unwrap_or_default().min(LONGEST)).to_owned();
    Some(wait + wait.mul_f64(f64::from(entropy.bytes::<1>()[0]) / 255.0 / 5.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::SeededEntropy;

    #[test]
    fn it_is_tried_for_a_day() {
        let entropy = SeededEntropy::new(1);
        let waits: Vec<Duration> = (1..).map_while(|attempts| wait(attempts, None, &entropy)).collect();
        let all: Duration = waits.iter().sum();
        assert_eq!(waits.len(), 8);
        assert!((Duration::from_hours(22)..Duration::from_hours(29)).contains(&all), "{all:?}");
        for (waited, least) in waits.iter().zip(WAITS) {
            assert!((least..=least.mul_f64(1.2)).contains(waited), "{waited:?}");
        }
        assert!(wait(1, Some(Duration::from_secs(90)), &entropy).unwrap() >= Duration::from_secs(90));
        assert!(wait(1, Some(Duration::from_hours(99)), &entropy).unwrap() <= Duration::from_hours(10));
        assert_eq!(wait(9, Some(Duration::from_secs(90)), &entropy), None);
    }
}
