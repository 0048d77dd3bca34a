//! Delivers alerts to the log, where every line at level ERROR with an `alert_id` is an alert, and to a webhook if one
//! is configured. Deliveries with the same ID belong to the same alert.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use oms_monitoring::adapters::webhook::{Webhook, WebhookConfig};
use oms_monitoring::metrics::{CounterSeries, Metrics};
use oms_orders::{Alert, AlertSink, OrderContext, deliver_alerts};
use oms_work::{CancellationToken, Next, Worker};
use serde_json::{Value, json};

type Failure = Box<dyn Error + Send + Sync>;

/// The worker that delivers alerts.
pub(super) struct Deliverer {
    pub(super) context: Arc<OrderContext>,
    pub(super) interval: Duration,
    pub(super) sinks: Sinks,
}

#[async_trait]
impl Worker for Deliverer {
    fn name(&self) -> &'static str {
        "alerts"
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    async fn turn(&self, _: &CancellationToken) -> Next {
        if let Err(error) = deliver_alerts(&self.context, &self.sinks).await {
            let cause: &dyn Error = &error;
            tracing::warn!(cause, "alerts could not be delivered");
        }
        Next::AfterInterval
    }
}

/// The sinks to which alerts are delivered, in order. An alert is delivered when the last sink has accepted it.
pub(super) struct Sinks(Vec<CountedSink>);

struct CountedSink {
    sink: Box<dyn AlertSink>,
    delivered: CounterSeries,
    failed: CounterSeries,
}

impl Sinks {
    pub(super) fn new(webhook: Option<&WebhookConfig>, metrics: &Metrics) -> anyhow::Result<Self> {
        let help = "Deliveries of alerts to the log and to the webhook. A failed one is repeated after a minute.";
        let deliveries =
            metrics.counter("oms_alert_deliveries_total", help, &["sink", "outcome"])?;
        let counted = |name, sink| CountedSink {
            sink,
            delivered: deliveries.series(&[name, "delivered"]),
            failed: deliveries.series(&[name, "failed"]),
        };
        // The log comes first, so that it has the alert even if a later sink fails.
        let mut sinks = vec![counted("log", Box::new(Log) as Box<dyn AlertSink>)];
        if let Some(config) = webhook {
            let webhook = Webhook::new(config).context("OMS_ALERT_WEBHOOK_URL can't be used")?;
            sinks.push(counted("webhook", Box::new(Posted(webhook))));
        }
        Ok(Self(sinks))
    }
}

#[async_trait]
impl AlertSink for Sinks {
    async fn deliver(&self, alert: &Alert) -> Result<(), Failure> {
        for CountedSink {
            sink,
            delivered,
            failed,
        } in &self.0
        {
            let taken = sink.deliver(alert).await;
            let count = if taken.is_ok() { delivered } else { failed };
            count.increment();
            taken?;
        }
        Ok(())
    }
}

/// The log as a sink.
struct Log;

#[async_trait]
impl AlertSink for Log {
    async fn deliver(&self, alert: &Alert) -> Result<(), Failure> {
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

/// A webhook as a sink.
struct Posted(Webhook);

#[async_trait]
impl AlertSink for Posted {
    async fn deliver(&self, alert: &Alert) -> Result<(), Failure> {
        Ok(self.0.post(&message(alert)).await?)
    }
}

/// The body that `docs/operating/monitoring.md` describes.
fn message(alert: &Alert) -> Value {
    json!({
        "id": alert.id,
        "kind": alert.kind.as_str(),
        "tenantId": alert.tenant_id,
        "subjectId": alert.subject_id,
        "orderId": alert.order_id,
        "message": alert.message,
        "createdAt": alert.created_at,
    })
}
