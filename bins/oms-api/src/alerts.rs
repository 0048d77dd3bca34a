//! Alerts: the events of the feed that need an operator, in the log and posted to a webhook. Each is a sink of its own,
//! so that the log has every alert while the webhook fails.

use std::error::Error;
use std::sync::Arc;

use anyhow::Context;
use async_trait::async_trait;
use oms_database::DbError;
use oms_events::{EventSink, EventType, Message, PublishError, Published, endpoint_alert};
use oms_monitoring::adapters::webhook::Webhook;
use oms_monitoring::metrics::{CounterSeries, Metrics};
use oms_orders::{OrderContext, OrderError, explain_alert};
use serde::Serialize;
use tokio::time::Instant;
use uuid::Uuid;

use crate::config::Config;
use crate::parts::EVENT_TYPES;

/// The sink that writes alerts to the log.
pub(crate) const ALERT_LOG: &str = "alert_log";
/// The sink that posts alerts.
const ALERT_WEBHOOK: &str = "alert_webhook";

/// Number of alerts of a tenant after which its place is stored: so many are repeated at most if the program dies.
const TOGETHER: usize = 16;

/// The sinks that are configured, the log first.
pub(crate) fn sinks(
    config: &Config,
    context: &Arc<OrderContext>,
    metrics: &Metrics,
) -> anyhow::Result<Vec<Arc<dyn EventSink>>> {
    let help = "Deliveries of alerts to the log and to the webhook. A failed one is repeated, at the latest after a minute and a half.";
    let deliveries = metrics.counter("oms_alert_deliveries_total", help, &["sink", "outcome"])?;
    let sink = |name, label, channel| -> Arc<dyn EventSink> {
        Arc::new(AlertSink {
            name,
            channel,
            context: context.clone(),
            types: types(),
            delivered: deliveries.series(&[label, "delivered"]),
            failed: deliveries.series(&[label, "failed"]),
        })
    };
    let mut sinks = vec![sink(ALERT_LOG, "log", Channel::Log)];
    if let Some(config) = &config.alert_webhook {
        let webhook = Webhook::new(config).context("OMS_ALERT_WEBHOOK_URL can't be used")?;
        sinks.push(sink(ALERT_WEBHOOK, "webhook", Channel::Webhook(webhook)));
    }
    Ok(sinks)
}

/// The types of events that need an operator.
fn types() -> Vec<&'static str> {
    let all = EVENT_TYPES.iter().copied().flatten();
    let alerting = all.filter(|it: &&EventType| it.needs_operator);
    alerting.map(|it| it.name).collect()
}

/// Where alerts go.
enum Channel {
    Log,
    Webhook(Webhook),
}

/// Hands the events that need an operator to a channel.
struct AlertSink {
    name: &'static str,
    channel: Channel,
    context: Arc<OrderContext>,
    types: Vec<&'static str>,
    delivered: CounterSeries,
    failed: CounterSeries,
}

#[async_trait]
impl EventSink for AlertSink {
    fn name(&self) -> &'static str {
        self.name
    }

    fn record_types(&self) -> Option<&[&'static str]> {
        Some(&self.types)
    }

    fn is_connected(&self) -> bool {
        true
    }

    async fn publish(&self, messages: &[Message], until: Instant) -> Published {
        let mut published = Published::default();
        for message in messages.iter().take(TOGETHER) {
            if Instant::now() >= until {
                break;
            }
            match self.deliver(message).await {
                Ok(()) => {
                    self.delivered.increment();
                    published.acknowledged += 1;
                }
                Err(cause) => {
                    self.failed.increment();
                    let id = message.id();
                    let refused = format!("alert {id} could not be delivered: {cause}");
                    published.error = Some(PublishError::Refused(refused));
                    break;
                }
            }
        }
        published
    }
}

impl AlertSink {
    async fn deliver(&self, message: &Message) -> Result<(), String> {
        let alert = Alert::of(&self.context, message).await?;
        match &self.channel {
            Channel::Log => {
                alert.log();
                Ok(())
            }
            Channel::Webhook(webhook) => {
                let body = serde_json::json!(alert);
                let posted = webhook.post(&body).await;
                posted.map_err(|error| error.to_string())
            }
        }
    }
}

/// An alert, as `docs/operating/monitoring.md` describes it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Alert<'a> {
    /// The ID of the event: the same for each delivery.
    id: String,
    kind: &'a str,
    tenant_id: Uuid,
    subject_id: Uuid,
    order_id: Option<&'a str>,
    message: String,
    created_at: String,
}

impl<'a> Alert<'a> {
    async fn of(context: &OrderContext, message: &'a Message) -> Result<Self, String> {
        let subject = message.subject();
        let text = match subject.kind.as_ref() {
            "webhook_endpoint" => Some(endpoint_alert(
                message.event_type(),
                subject.id,
                message.data(),
            )),
            _ => match explain_alert(context, message.tenant(), subject).await {
                // A row that can't be read keeps back neither its alert nor those that follow.
                Err(OrderError::Database(DbError::Other(error))) => {
                    let cause: &dyn Error = &error;
                    tracing::warn!(cause, subject_id = %subject.id, "the text of an alert can't be read");
                    None
                }
                explained => explained.map_err(|error| error.to_string())?,
            },
        };
        Ok(Self {
            id: message.id(),
            kind: &subject.kind,
            tenant_id: message.tenant().as_uuid(),
            subject_id: subject.id,
            order_id: message.data()["orderId"].as_str(),
            message: text.unwrap_or_else(|| message.event_type().to_owned()),
            created_at: message.time(),
        })
    }

    fn log(&self) {
        tracing::error!(
            alert_id = self.id,
            kind = self.kind,
            tenant_id = %self.tenant_id,
            subject_id = %self.subject_id,
            order_id = self.order_id,
            created_at = self.created_at,
            text = self.message,
            "alert"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_letters_findings_and_endpoints_that_are_not_reached_need_an_operator() {
        let expected = [
            "dead_letter.opened",
            "finding.opened",
            "webhook_endpoint.failing",
            "webhook_endpoint.disabled",
        ];
        assert_eq!(types(), expected);
        // Events of orders wake no sink that takes records only.
        let mut alerting = EVENT_TYPES.iter().copied().flatten();
        assert!(alerting.all(|it| !it.needs_operator || it.subject != "order"));
    }
}
