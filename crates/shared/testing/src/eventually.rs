//! Polling for conditions in other processes, which offer no event to wait for.

use std::time::{Duration, Instant};

/// The time limit, which is so long that reaching it means that the condition won't become true.
pub const DEADLINE: Duration = Duration::from_secs(600);
/// The first pause. Each is half as long again as the one before, up to the longest: what takes long is asked for less
/// often, because the tests that run beside this one need the processor.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

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
    let mut pause = FIRST_PAUSE;
    loop {
        if let Some(found) = ask().await {
            return Some(found);
        }
        if started.elapsed() > DEADLINE {
            return None;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}

/// Polls until `ask` returns `true`.
///
/// # Panics
/// If it does not return `true` in time.
pub async fn until(what: &str, mut ask: impl AsyncFnMut() -> bool) {
    eventually(what, async || ask().await.then_some(())).await;
}
