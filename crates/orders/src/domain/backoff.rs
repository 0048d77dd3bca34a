//! When to look again at an order whose payment is still open.

use std::time::Duration;

/// Exponential backoff with full jitter: a random time up to `base * 2^tries`, and never above `cap`.
///
/// `random` is uniform in `[0, 1)`. Full jitter spreads the load best:
/// <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>. A tenth of the ceiling is the least, so
/// that an unlucky draw does not ask again at once.
pub(crate) fn delay(base: Duration, cap: Duration, tries: u32, random: f64) -> Duration {
    let ceiling = base.saturating_mul(2_u32.saturating_pow(tries)).min(cap);
    ceiling.mul_f64(0.1 + 0.9 * random.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_delay_grows_with_the_tries_and_stays_below_its_cap(tries in 0..200_u32, random in 0.0..1.0_f64) {
            let (base, cap) = (Duration::from_secs(1), Duration::from_secs(600));
            let delay_now = delay(base, cap, tries, random);
            prop_assert!(delay_now <= cap);
            prop_assert!(delay_now >= base / 10);
            prop_assert!(delay(base, cap, tries + 1, random) >= delay_now);
        }
    }
}
