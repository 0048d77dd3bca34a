//! Waiting for another process to get somewhere. It has no event to wait on, so it is asked again and again.

use std::time::{Duration, Instant};

/// Far longer than anything takes, so that reaching it means that it won't happen.
const DEADLINE: Duration = Duration::from_secs(120);
const INTERVAL: Duration = Duration::from_millis(10);

/// Asks until there is an answer, and returns it.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(started.elapsed() < DEADLINE, "did not happen: {what}");
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Asks until it is so.
pub async fn until(what: &str, mut ask: impl AsyncFnMut() -> bool) {
    eventually(what, async || ask().await.then_some(())).await;
}
