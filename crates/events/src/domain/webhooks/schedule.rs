//! When an event is sent again, and when an endpoint is probed.

use std::time::Duration;

const SECOND: u64 = 1;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

/// Delays before the tries of an event that its endpoint rejected, in seconds: nine in 75 hours, as Standard Webhooks
/// recommends.
const RETRIES: [u64; 9] = [
    5 * SECOND,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    20 * HOUR,
    24 * HOUR,
];

/// The delays before the first and the last probe of an endpoint that can't be reached; each is twice the one before.
const FIRST_PROBE: Duration = Duration::from_secs(5);
const LAST_PROBE: Duration = Duration::from_secs(300);

/// The longest `Retry-After` that a probe obeys.
const LONGEST_PAUSE: Duration = Duration::from_secs(HOUR);

/// The delay before an event is sent again that was rejected `tries` times, or `None` when it is given up. `random` is
/// uniform in `[0, 1)`.
///
/// The delay that the endpoint asks for is obeyed up to twice our own.
pub(crate) fn retry_delay(
    tries: u32,
    retry_after: Option<Duration>,
    random: f64,
) -> Option<Duration> {
    let index = usize::try_from(tries.checked_sub(1)?).ok()?;
    let delay = Duration::from_secs(*RETRIES.get(index)?);
    let wanted = retry_after.map_or(delay, |wanted| wanted.clamp(delay, delay * 2));
    Some(spread(wanted, random))
}

/// The delay before the next probe of an endpoint that failed `failures` times in a row. The delay that the endpoint
/// asks for is obeyed up to an hour.
pub(crate) fn probe_delay(failures: u32, retry_after: Option<Duration>, random: f64) -> Duration {
    let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
    let delay = FIRST_PROBE.saturating_mul(doubled).min(LAST_PROBE);
    let wanted = retry_after.unwrap_or_default().min(LONGEST_PAUSE);
    match wanted > delay {
        true => wanted,
        false => spread(delay, random),
    }
}

/// A fifth more or less, so that endpoints that failed together are not tried together.
fn spread(delay: Duration, random: f64) -> Duration {
    delay.mul_f64(0.8 + 0.4 * random.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Draws that change nothing, the least and the most.
    const MIDDLE: f64 = 0.5;

    #[test]
    fn an_event_is_tried_nine_more_times_within_76_hours_and_then_given_up() {
        let delays: Vec<Duration> = (1..)
            .map_while(|tries| retry_delay(tries, None, MIDDLE))
            .collect();
        assert_eq!(delays.len(), 9);
        let total: Duration = delays.iter().sum();
        assert_eq!(total, Duration::from_secs(75 * HOUR + 35 * MINUTE + 5));
        assert_eq!(retry_delay(10, Some(Duration::from_secs(1)), MIDDLE), None);
        assert_eq!(retry_delay(0, None, MIDDLE), None);
    }

    #[test]
    fn a_requested_delay_is_obeyed_between_once_and_twice_our_own() {
        let asked = |seconds| retry_delay(2, Some(Duration::from_secs(seconds)), MIDDLE);
        assert_eq!(asked(1), Some(Duration::from_secs(300)));
        assert_eq!(asked(400), Some(Duration::from_secs(400)));
        assert_eq!(asked(86_400), Some(Duration::from_secs(600)));
    }

    #[test]
    fn probes_become_rarer_up_to_five_minutes() {
        let seconds: Vec<u64> = (1..=9)
            .map(|failures| probe_delay(failures, None, MIDDLE).as_secs())
            .collect();
        assert_eq!(seconds, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
        assert_eq!(
            probe_delay(u32::MAX, None, MIDDLE),
            Duration::from_secs(300)
        );
    }

    #[test]
    fn a_probe_obeys_a_requested_delay_up_to_an_hour() {
        let asked = |seconds| probe_delay(1, Some(Duration::from_secs(seconds)), MIDDLE);
        assert_eq!(asked(0), Duration::from_secs(5));
        assert_eq!(asked(900), Duration::from_secs(900));
        assert_eq!(asked(86_400), Duration::from_secs(3600));
    }

    #[test]
    fn delays_are_spread_by_a_fifth() {
        assert_eq!(retry_delay(1, None, 0.0), Some(Duration::from_secs(4)));
        assert_eq!(retry_delay(1, None, 1.0), Some(Duration::from_secs(6)));
        assert_eq!(probe_delay(1, None, 0.0), Duration::from_secs(4));
        assert_eq!(probe_delay(1, None, 1.0), Duration::from_secs(6));
    }
}
