//! Polling for conditions in other processes, which offer no event to wait for.

use std::time::{Duration, Instant};

/// The time limit, which is so long that reaching it means that the condition won't become true.
pub const DEADLINE: Duration = Duration::from_secs(600);
const INTERVAL: Duration = Duration::from_millis(10);

/// Polls until `ask` returns a value, and returns it.
///
/// # Panics
/// If there is no value in time.
pub async fn eventually<T>(what: &str, ask: impl AsyncFnMut() -> Option<T>) -> T {
    let found = in_time(ask).await;
    found.unwrap_or_else(|| panic!("did not happen: {what}"))
}

/// Like [`eventually`], but returns `None` on expiry, so that the caller can panic with its own message.
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

/// Polls until `ask` returns `true`.
///
/// # Panics
/// If it does not return `true` in time.
pub async fn until(what: &str, mut ask: impl AsyncFnMut() -> bool) {
    eventually(what, async || ask().await.then_some(())).await;
}
