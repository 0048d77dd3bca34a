//! What the use cases of orders work with.

use std::sync::Arc;
use std::time::Duration;

use oms_database::Database;
use oms_geocoding::Geocoder;
use oms_payments::PaymentGateway;
use oms_validation::Currency;

/// The outside world of the use cases, and their settings.
pub struct OrderContext {
    /// The database.
    pub database: Database,
    /// Where payments are collected.
    pub gateway: Arc<dyn PaymentGateway>,
    /// Where addresses are looked up.
    pub geocoder: Arc<dyn Geocoder>,
    /// The rest.
    pub settings: OrderSettings,
}

/// Settings of orders.
#[derive(Clone, Copy, Debug)]
pub struct OrderSettings {
    /// The currency that orders are placed in.
    pub currency: Currency,
    /// How long the sweeper leaves a new order alone. Longer than the gateway calls of one order may take, so that it looks
    /// only after those that were cut off.
    pub sweep_after: Duration,
    /// How long a claimed order is the sweeper's alone. Longer than settling one takes.
    pub sweep_lease: Duration,
    /// Most orders of one store that are claimed at a time.
    pub sweep_batch: usize,
    /// First and longest pause between two tries to settle an order.
    pub sweep_backoff: (Duration, Duration),
    /// How long a customer may take to finish a payment before it is cancelled.
    pub pending_payment_deadline: Duration,
}

impl OrderSettings {
    /// The defaults, for orders in `currency`.
    pub const fn new(currency: Currency) -> Self {
        Self {
            currency,
            sweep_after: Duration::from_secs(45),
            sweep_lease: Duration::from_secs(60),
            sweep_batch: 50,
            sweep_backoff: (Duration::from_secs(2), Duration::from_secs(600)),
            pending_payment_deadline: Duration::from_secs(3600),
        }
    }
}
