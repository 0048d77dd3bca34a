//! The geocoders: one for orders and warehouses, one for previews. A preview's lookup costs money but sells nothing, so
//! previews have a limit and circuit breakers of their own and can't use up the quota of orders.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use oms_database::Database;
use oms_geocoding::{Geocoder, LimitedGeocoder};
use oms_monitoring::metrics::{Metrics, MetricsError};

use crate::config::Config;
use crate::serve::geocoder;

/// The geocoders of a server.
pub(crate) struct Geocoders {
    pub(crate) orders: Arc<dyn Geocoder>,
    pub(crate) previews: Arc<dyn Geocoder>,
}

impl Geocoders {
    /// Builds them from the configuration.
    pub(crate) fn new(
        config: &Config,
        database: &Database,
        metrics: &Metrics,
    ) -> anyhow::Result<Self> {
        let limits = config.look_ups;
        let orders = refused_look_ups(metrics, "orders")?;
        let previews = refused_look_ups(metrics, "previews")?;
        Ok(Self {
            orders: geocoder(config, database, limited(limits.of_orders, orders))?,
            previews: geocoder(config, database, limited(limits.of_previews, previews))?,
        })
    }
}

/// Limits the calls of the service. `None` is unlimited.
fn limited(
    per_minute: Option<NonZeroU32>,
    refused: Arc<AtomicU64>,
) -> impl FnOnce(Arc<dyn Geocoder>) -> Arc<dyn Geocoder> {
    move |service| match per_minute {
        Some(per_minute) => Arc::new(LimitedGeocoder::new(service, per_minute, refused)),
        None => service,
    }
}

fn refused_look_ups(
    metrics: &Metrics,
    purpose: &'static str,
) -> Result<Arc<AtomicU64>, MetricsError> {
    let refused = Arc::new(AtomicU64::new(0));
    let counted = refused.clone();
    metrics.counter_from(
        "oms_geocoder_look_ups_refused_total",
        "Addresses that were not looked up because the tenant had exceeded its limit per minute.",
        &[("purpose", purpose)],
        move || counted.load(Ordering::Relaxed),
    )?;
    Ok(refused)
}
