//! Moves the open work of warehouses that are evacuated.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use oms_monitoring::metrics::{Counter, Metrics, MetricsError};
use oms_orders::{EvacuationTurn, OrderContext, evacuate_warehouses};
use oms_work::{CancellationToken, Next, Worker};

use super::next;

/// The worker that evacuates warehouses.
pub(super) struct Evacuator {
    pub(super) context: Arc<OrderContext>,
    pub(super) interval: Duration,
    pub(super) evacuated: Evacuated,
}

#[async_trait]
impl Worker for Evacuator {
    fn name(&self) -> &'static str {
        "evacuations"
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    async fn turn(&self, _: &CancellationToken) -> Next {
        match evacuate_warehouses(&self.context).await {
            Ok(turn) => {
                self.evacuated.count(turn);
                next(turn.more)
            }
            Err(error) => {
                let cause: &dyn Error = &error;
                tracing::warn!(cause, "warehouses could not be evacuated");
                Next::AfterInterval
            }
        }
    }
}

/// Counts fulfilment orders that evacuations have dealt with.
pub(super) struct Evacuated(Counter<1>);

impl Evacuated {
    pub(super) fn register(metrics: &Metrics) -> Result<Self, MetricsError> {
        let help = "Fulfilment orders that evacuations of warehouses have moved, put on hold, or failed to work on; the last are tried again.";
        let evacuated =
            metrics.counter("oms_evacuated_fulfilment_orders_total", help, &["outcome"])?;
        let counters = Self(evacuated);
        counters.count(EvacuationTurn::default());
        Ok(counters)
    }

    fn count(&self, turn: EvacuationTurn) {
        self.0.add(&["moved"], turn.moved);
        self.0.add(&["held"], turn.held);
        self.0.add(&["failed"], turn.failed);
    }
}
