//! The background worker that tells people what they have to know, by the log: every line at level ERROR with an `alert_id`
//! is one, and a line with the same id is the same alert.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use oms_orders::{Alert, AlertSink, OrderContext, deliver_alerts};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// Starts the worker. It finishes what it is delivering when `stopping` comes.
pub(crate) fn spawn(
    context: Arc<OrderContext>,
    interval: Duration,
    stopping: CancellationToken,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stopping.run_until_cancelled(ticks.tick()).await.is_some() {
            if let Err(error) = deliver_alerts(&context, &Log).await {
                let cause: &dyn Error = &error;
                tracing::warn!(cause, "alerts could not be delivered");
            }
        }
    })
}

/// The log as a sink.
struct Log;

#[async_trait]
impl AlertSink for Log {
    async fn deliver(&self, alert: &Alert) -> Result<(), Box<dyn Error + Send + Sync>> {
        tracing::error!(
            alert_id = %alert.id,
            kind = alert.kind.as_str(),
            tenant_id = %alert.tenant_id,
            subject_id = %alert.subject_id,
            order_id = alert.order_id.map(tracing::field::display),
            created_at = %alert.created_at.to_rfc3339(),
            text = alert.message,
            "alert"
        );
        Ok(())
    }
}
