//! Sends events to webhook endpoints, as soon as they have their positions.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use oms_events::{Couriers, WebhooksContext};
use oms_monitoring::metrics::{Metrics, MetricsError};
use oms_work::{CancellationToken, Next, Worker};

/// The worker that begins to send to endpoints.
pub(super) struct Dispatcher {
    pub(super) couriers: Couriers,
    pub(super) interval: Duration,
}

#[async_trait]
impl Worker for Dispatcher {
    fn name(&self) -> &'static str {
        "webhooks"
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    async fn turn(&self, stopping: &CancellationToken) -> Next {
        if let Err(error) = self.couriers.dispatch(stopping).await {
            let cause: &dyn Error = &error;
            tracing::warn!(cause, "webhooks could not be sent");
        }
        Next::AfterInterval
    }
}

/// Registers the counters of tries.
pub(super) fn register(
    metrics: &Metrics,
    context: &Arc<WebhooksContext>,
) -> Result<(), MetricsError> {
    let help = "Tries to deliver an event to a webhook endpoint.";
    for (outcome, is_delivered) in [("delivered", true), ("failed", false)] {
        let context = context.clone();
        let labels = [("outcome", outcome)];
        metrics.counter_from("oms_webhook_attempts_total", help, &labels, move || {
            context.attempts(is_delivered)
        })?;
    }
    Ok(())
}
