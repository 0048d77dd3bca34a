//! The settings of the sweeper, and the rules between them.

use std::time::Duration;

use super::reader::Reader;

/// When the sweeper looks for interrupted orders, and how often it retries them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SweepSettings {
    pub(crate) interval: Duration,
    pub(crate) after: Duration,
    pub(crate) batch: usize,
    /// `None`: derived from the gateway's time-out.
    lease: Option<Duration>,
    gateway_timeout: Duration,
    pub(crate) backoff: (Duration, Duration),
    pub(crate) max_tries: u32,
}

/// Maximum number of gateway calls in one attempt to settle an order, made one after another: prepare, look up, cancel,
/// and read back.
const CALLS_OF_A_TRY: u32 = 4;
const LEASE: &str = "OMS_SWEEP_LEASE_MS";
/// Minimum lease, unless it is set.
const SHORTEST_DEFAULT_LEASE: Duration = Duration::from_secs(60);

impl SweepSettings {
    /// Reads the settings. `gateway_timeout` is the maximum wait for an answer of the gateway.
    pub(super) fn read(reader: &mut Reader<'_>, gateway_timeout: Duration) -> Self {
        let ms = 10..=3_600_000;
        Self {
            interval: reader.milliseconds("OMS_SWEEP_INTERVAL_MS", 1000, ms.clone()),
            after: reader.milliseconds("OMS_SWEEP_AFTER_MS", 45_000, 0..=3_600_000),
            batch: reader.number("OMS_SWEEP_BATCH", 16, 1..=256),
            lease: reader
                .optional(LEASE)
                .map(|_| reader.milliseconds(LEASE, 60_000, ms.clone())),
            gateway_timeout,
            backoff: (
                reader.milliseconds("OMS_SWEEP_BACKOFF_MIN_MS", 2000, ms.clone()),
                reader.milliseconds("OMS_SWEEP_BACKOFF_MAX_MS", 600_000, 10..=86_400_000),
            ),
            max_tries: reader.number("OMS_SWEEP_MAX_TRIES", 20, 1..=1000),
        }
    }

    /// How long an order that the sweeper claimed is reserved for it.
    pub(crate) fn lease(&self) -> Duration {
        self.lease.unwrap_or_else(|| {
            (self.longest_try() + self.gateway_timeout).max(SHORTEST_DEFAULT_LEASE)
        })
    }

    fn longest_try(&self) -> Duration {
        self.gateway_timeout * CALLS_OF_A_TRY
    }

    /// Checks the rules between settings.
    pub(super) fn check(&self, reader: &mut Reader<'_>) {
        if self.lease() <= self.longest_try() {
            let message = format!(
                "must be more than {CALLS_OF_A_TRY} times OMS_STRIPE_TIMEOUT_MS, because other instances claim the order when the lease ends"
            );
            reader.problem(LEASE, &message);
        }
        let (min, max) = self.backoff;
        if min > max {
            reader.problem(
                "OMS_SWEEP_BACKOFF_MAX_MS",
                "must not be less than OMS_SWEEP_BACKOFF_MIN_MS",
            );
        }
    }
}
