//! Delays before an unsettled order is looked at again.

use std::time::Duration;

/// Exponential backoff with full jitter: a random time up to `base * 2^tries`, and at most `cap`.
pub(crate) fn delay(base: Duration, cap: Duration, tries: u32, random: f64) -> Duration {
    jittered(
        base.saturating_mul(2_u32.saturating_pow(tries)).min(cap),
        random,
    )
}

/// The delay for a payment that waits for the customer or the bank, which is not a failure. The longer it has waited,
/// the longer the delay, so that an order is looked at as rarely as with backoff.
pub(crate) fn delay_of_waiting(
    base: Duration,
    cap: Duration,
    age: Duration,
    random: f64,
) -> Duration {
    jittered(age.max(base).min(cap), random)
}

/// `random` is uniform in `[0, 1)`. Full jitter spreads the load best:
/// <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>. The minimum is a tenth of the ceiling,
/// so that an unlucky draw does not retry immediately.
fn jittered(ceiling: Duration, random: f64) -> Duration {
    ceiling.mul_f64(0.1 + 0.9 * random.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BASE: Duration = Duration::from_secs(1);
    const CAP: Duration = Duration::from_secs(600);

    proptest! {
        #[test]
        fn a_delay_grows_with_the_tries_up_to_its_cap(tries in 0..200_u32, random in 0.0..1.0_f64) {
            let delay_now = delay(BASE, CAP, tries, random);
            prop_assert!(delay_now <= CAP);
            prop_assert!(delay_now >= BASE / 10);
            prop_assert!(delay(BASE, CAP, tries + 1, random) >= delay_now);
        }

        #[test]
        fn a_waiting_payment_is_looked_at_less_and_less_often(age_s in 0..1_000_000_u64, random in 0.0..1.0_f64) {
            let delay_at = |age_s| delay_of_waiting(BASE, CAP, Duration::from_secs(age_s), random);
            prop_assert!(delay_at(age_s) <= CAP);
            prop_assert!(delay_at(age_s) >= BASE / 10);
            prop_assert!(delay_at(age_s + 1) >= delay_at(age_s));
        }
    }

    #[test]
    fn delays_are_spread_over_most_of_their_range() {
        let (least, most) = (delay(BASE, CAP, 3, 0.0), delay(BASE, CAP, 3, 1.0));
        assert_eq!((least, most), (BASE * 8 / 10, BASE * 8));
    }
}
