use std::time::Duration;

use tokio::time::Instant;

/// When a test gives up waiting. Far longer than anything takes, so that a loaded machine fails no test.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// Between two looks at a condition.
const PAUSE: Duration = Duration::from_millis(5);

/// Looks until there is something to see.
///
/// # Panics
/// After [`DEADLINE`].
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let until = Instant::now() + DEADLINE;
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(Instant::now() < until, "waited in vain: {what}");
        tokio::time::sleep(PAUSE).await;
    }
}

/// A number that whoever runs the tests may set.
///
/// # Panics
/// When it is none.
pub fn option(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "these variables are the tests' own, not the server's")]
    let value = std::env::var(name).ok()?;
    Some(value.parse().expect("a number"))
}
