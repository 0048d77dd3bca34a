//! Waiting for another process to get somewhere. It has no event to wait on, so it is asked again and again.

use std::time::{Duration, Instant};

/// Far longer than anything takes, so that reaching it means that it won't happen.
pub const DEADLINE: Duration = Duration::from_secs(600);
const INTERVAL: Duration = Duration::from_millis(10);

/// Asks until there is an answer, and returns it.
///
/// # Panics
/// When there is none in time.
pub async fn eventually<T>(what: &str, ask: impl AsyncFnMut() -> Option<T>) -> T {
    let found = in_time(ask).await;
    found.unwrap_or_else(|| panic!("did not happen: {what}"))
}

/// The same, for a caller that has more to say when there is none.
pub async fn in_time<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    loop {
        if let Some(found) = ask().await {
            return Some(found);
        }
        if started.elapsed() > DEADLINE {
            return None;
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Asks until it is so.
///
/// # Panics
/// When it is not so in time.
pub async fn until(what: &str, mut ask: impl AsyncFnMut() -> bool) {
    eventually(what, async || ask().await.then_some(())).await;
}
