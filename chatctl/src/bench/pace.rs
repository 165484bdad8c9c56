//! When open-loop messages are due: at fixed moments, whatever became of those before.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::failure::Failure;

/// Moments that nobody has taken yet. Who is late gets them late: the time is counted from the moment, not the taking.
const WAITING: usize = 4_096;

/// Gives each moment when it has come, `rate` a second, until the receiver is dropped.
///
/// A thread of its own: the runtime's timers are exact to a millisecond, which is longer than a delivery takes.
pub(super) fn moments(rate: u32) -> Result<mpsc::Receiver<Instant>, Failure> {
    let (moments, receiver) = mpsc::channel(WAITING);
    let start = Instant::now();
    let pace = move || {
        for beat in 1_u64.. {
            let due = start + Duration::from_nanos(beat * 1_000_000_000 / u64::from(rate));
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if moments.blocking_send(due).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("pace".to_owned()).spawn(pace)?;
    Ok(receiver)
}
