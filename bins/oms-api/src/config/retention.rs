//! The settings of retention: how long each kind of data is kept.

use std::time::Duration;

use oms_geocoding::DEFAULT_TTL;
use oms_payments::KEEP_GATEWAY_EVENTS;

use super::reader::Reader;

const DAY_S: u64 = 86_400;
const DAY: Duration = Duration::from_secs(DAY_S);

/// How long each kind of data is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RetentionSettings {
    /// Interval between two purges.
    pub(crate) interval: Duration,
    /// Answers of the geocoding service. Their cache entries are valid for the same time.
    pub(crate) geocoding: Duration,
    /// Applied gateway events.
    pub(crate) gateway_events: Duration,
    /// Events of the feed.
    pub(crate) events: Duration,
    /// Idempotency keys of inventory, and of operations on existing orders. `None`: forever.
    pub(crate) keys: Option<Duration>,
    /// Addresses and metadata of settled orders. `None`: as long as the orders.
    pub(crate) addresses: Option<Duration>,
    /// Minimum age of a paid order that an erasure includes.
    pub(crate) erase_paid_after: Duration,
}

impl RetentionSettings {
    /// Reads the settings.
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            interval: reader.milliseconds("OMS_RETENTION_INTERVAL_MS", 3_600_000, 10..=3_600_000),
            geocoding: days(reader, "OMS_RETENTION_GEOCODING_DAYS", DEFAULT_TTL, 1),
            // Stripe redelivers an event for up to this long.
            gateway_events: days(
                reader,
                "OMS_RETENTION_GATEWAY_EVENTS_DAYS",
                KEEP_GATEWAY_EVENTS,
                30,
            ),
            events: DAY * reader.number("OMS_EVENTS_RETENTION_DAYS", 30, 1..=365),
            keys: for_ever_if_zero(reader.number("OMS_RETENTION_KEYS_DAYS", 0, 0..=3650)),
            addresses: for_ever_if_zero(reader.number("OMS_RETENTION_ADDRESSES_DAYS", 0, 0..=3650)),
            erase_paid_after: DAY * reader.number("OMS_ERASE_PAID_AFTER_DAYS", 14, 0..=365),
        }
    }
}

fn days(reader: &mut Reader<'_>, name: &str, default: Duration, least: u64) -> Duration {
    let default = default.as_secs() / DAY_S;
    Duration::from_secs(DAY_S * reader.number(name, default, least..=3650))
}

fn for_ever_if_zero(days: u32) -> Option<Duration> {
    (days > 0).then_some(DAY * days)
}

#[cfg(test)]
mod tests {
    use super::super::{Config, InvalidConfig};
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<RetentionSettings, InvalidConfig> {
        let value = |name: &str| {
            let database = ("DATABASE_URL", "postgres://oms@localhost/oms");
            let mut known = variables.iter().copied().chain([database]);
            let found = known.find(|(known, _)| *known == name);
            found.map(|(_, value)| value.to_owned())
        };
        Config::from_env(&value).map(|config| config.retention)
    }

    #[test]
    fn only_caches_and_events_are_purged_by_default() {
        let settings = read(&[]).unwrap();
        assert_eq!((settings.keys, settings.addresses), (None, None));
        assert_eq!(settings.geocoding, DAY * 30);
        assert_eq!(settings.gateway_events, DAY * 30);
        assert_eq!(settings.events, DAY * 30);
        assert_eq!(settings.erase_paid_after, DAY * 14);
    }

    /// The alert `OmsWorkerStuck` fires when a worker has completed no turn for an hour.
    #[test]
    fn no_worker_pauses_for_longer_than_an_hour() {
        for name in [
            "OMS_RETENTION_INTERVAL_MS",
            "OMS_SWEEP_INTERVAL_MS",
            "OMS_GATEWAY_EVENTS_INTERVAL_MS",
            "OMS_EVENTS_INTERVAL_MS",
            "OMS_FULFILMENT_INTERVAL_MS",
        ] {
            assert!(read(&[(name, "3600000")]).is_ok(), "{name}");
            let InvalidConfig(problems) = read(&[(name, "3600001")]).unwrap_err();
            assert!(problems[0].starts_with(name), "{problems:?}");
        }
    }

    #[test]
    fn days_are_whole_and_within_their_limits() {
        let settings = read(&[
            ("OMS_RETENTION_KEYS_DAYS", "7"),
            ("OMS_RETENTION_ADDRESSES_DAYS", "90"),
            ("OMS_ERASE_PAID_AFTER_DAYS", "0"),
        ]);
        let settings = settings.unwrap();
        assert_eq!(
            (settings.keys, settings.addresses),
            (Some(DAY * 7), Some(DAY * 90))
        );
        assert_eq!(settings.erase_paid_after, Duration::ZERO);
        for (name, value) in [
            ("OMS_RETENTION_GEOCODING_DAYS", "0"),
            ("OMS_RETENTION_GATEWAY_EVENTS_DAYS", "29"),
            ("OMS_EVENTS_RETENTION_DAYS", "0"),
            ("OMS_EVENTS_RETENTION_DAYS", "366"),
            ("OMS_RETENTION_KEYS_DAYS", "-1"),
            ("OMS_RETENTION_ADDRESSES_DAYS", "3651"),
            ("OMS_ERASE_PAID_AFTER_DAYS", "1.5"),
        ] {
            let InvalidConfig(problems) = read(&[(name, value)]).unwrap_err();
            assert!(problems[0].starts_with(name), "{problems:?}");
        }
    }
}
