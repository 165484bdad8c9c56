//! How the connections that stay open are ended when the server goes down: not all in one instant, or they would all
//! come back in one.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chat_proto::ErrorCode;
use chatcore::Entropy;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::{AFTER_A_FAULT, GOODBYE};
use crate::problem::Refused;

/// While there are few connections each adds only this to the time that all of them take: a hundred a second are no
/// crowd.
const EACH: Duration = Duration::from_millis(10);

/// The connections that stay open, and how they come to their end.
#[derive(Debug)]
pub(crate) struct Drain {
    begin: CancellationToken,
    /// The most time from the first one's end to the last one's.
    spread: Duration,
    open: TaskTracker,
    entropy: Arc<dyn Entropy>,
    /// Known once it has begun.
    plan: OnceLock<Plan>,
}

/// The time over which the connections are ended.
#[derive(Clone, Copy, Debug)]
struct Plan {
    until: Instant,
    over: Duration,
}

/// A connection among the open ones, until it is dropped.
pub(crate) type Place = TaskTrackerToken;

/// When a connection is to be ended, and after how long its client is to come back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    pub(crate) at: Instant,
    pub(crate) back_after: Duration,
}

impl Drain {
    pub(crate) fn new(begin: CancellationToken, spread: Duration, entropy: Arc<dyn Entropy>) -> Self {
        let open = TaskTracker::new();
        // So that one can wait for it to be empty; it takes in others all the same.
        open.close();
        Self { begin, spread, open, entropy, plan: OnceLock::new() }
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.begin.is_cancelled()
    }

    /// Lets a connection in, unless it would have to be sent away at once.
    pub(crate) fn enter(&self) -> Result<Place, Refused> {
        if self.has_begun() {
            return Err(self.turn_now().refusal());
        }
        Ok(self.open.token())
    }

    /// Waits for the beginning; then each connection draws its turn.
    pub(crate) async fn turn(&self) -> Turn {
        self.begin.cancelled().await;
        self.turn_now()
    }

    /// The same, and waits for that turn.
    pub(crate) async fn left(&self) -> Turn {
        let turn = self.turn().await;
        sleep_until(turn.at).await;
        turn
    }

    /// Waits until the last connection is gone, or should be.
    pub(crate) async fn ended(&self) {
        self.begin.cancelled().await;
        // Those that are not gone by then are stuck.
        let _ = timeout_at(self.plan().until + GOODBYE, self.open.wait()).await;
    }

    fn turn_now(&self) -> Turn {
        let (now, plan) = (Instant::now(), self.plan());
        let left = plan.until.saturating_duration_since(now);
        let wait = left.mul_f64(self.chance());
        // Nobody is to come back while others are still being sent away, and then as spread as they went.
        let back_after = left.saturating_sub(wait) + AFTER_A_FAULT + plan.over.mul_f64(self.chance());
        Turn { at: now + wait, back_after }
    }

    fn plan(&self) -> Plan {
        *self.plan.get_or_init(|| {
            let open = u32::try_from(self.open.len()).unwrap_or(u32::MAX);
            let over = self.spread.min(EACH.saturating_mul(open));
            Plan { until: Instant::now() + over, over }
        })
    }

    /// From zero up to one.
    fn chance(&self) -> f64 {
        let mut random = [0; 4];
        self.entropy.fill(&mut random);
        f64::from(u32::from_le_bytes(random)) / f64::from(u32::MAX)
    }
}

impl Turn {
    /// For what has its end in an answer.
    pub(crate) fn refusal(self) -> Refused {
        let refused = Refused::new(ErrorCode::Draining, "The server is going down; come back in a moment.");
        Refused { retry_after: Some(self.back_after), ..refused }
    }
}

#[cfg(test)]
mod tests {
    use chatcore::SystemEntropy;

    use super::*;

    fn drain(spread: Duration) -> Drain {
        Drain::new(CancellationToken::new(), spread, Arc::new(SystemEntropy))
    }

    #[tokio::test(start_paused = true)]
    async fn many_leave_one_by_one_and_come_back_when_all_are_gone() {
        let spread = Duration::from_secs(3);
        let drain = drain(spread);
        let places: Vec<Place> = (0..2_000).map(|_| drain.enter().unwrap()).collect();
        drain.begin.cancel();
        let began = Instant::now();
        let mut in_tenth = [0; 10];
        for _ in &places {
            let turn = drain.turn().await;
            let tenth = (turn.at - began).as_millis() / 300;
            in_tenth[usize::try_from(tenth).unwrap().min(9)] += 1;
            assert!(turn.at + turn.back_after >= began + spread + AFTER_A_FAULT);
            assert!(turn.at + turn.back_after <= began + spread * 2 + AFTER_A_FAULT);
        }
        assert!(in_tenth.iter().all(|leaving| (100..=300).contains(leaving)), "{in_tenth:?}");
        assert!(drain.enter().is_err());
        // They do not go: it is over all the same.
        drain.ended().await;
        assert_eq!(began.elapsed().as_secs(), (spread + GOODBYE).as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn few_do_not_hold_it_up() {
        let drain = drain(Duration::from_secs(3));
        let places: Vec<Place> = (0..5).map(|_| drain.enter().unwrap()).collect();
        drain.begin.cancel();
        let began = Instant::now();
        for place in places {
            assert!(drain.turn().await.at <= began + EACH * 5);
            drop(place);
        }
        drain.ended().await;
        assert!(began.elapsed() < EACH);
    }
}
