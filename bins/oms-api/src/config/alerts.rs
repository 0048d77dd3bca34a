//! The settings of alerts.

use oms_monitoring::adapters::webhook::WebhookConfig;
use secrecy::SecretString;

use super::Environment;
use super::reader::Reader;

const URL: &str = "OMS_ALERT_WEBHOOK_URL";
const SECRET: &str = "OMS_ALERT_WEBHOOK_SECRET";
const TIMEOUT: &str = "OMS_ALERT_WEBHOOK_TIMEOUT_MS";

/// Where alerts are posted, in addition to the log. `None` unless it is set.
pub(super) fn alert_webhook(
    reader: &mut Reader<'_>,
    environment: Environment,
) -> Option<WebhookConfig> {
    let Some(url) = reader.url(URL, environment) else {
        let mut rest = [SECRET, TIMEOUT].into_iter();
        if let Some(name) = rest.find(|name| reader.optional(name).is_some()) {
            reader.problem(name, "has no effect without OMS_ALERT_WEBHOOK_URL");
        }
        return None;
    };
    Some(WebhookConfig {
        url: url.into(),
        secret: reader.optional(SECRET).map(SecretString::from),
        // Shorter than the half of its lease that a publisher leaves for the last alert.
        timeout: reader.milliseconds(TIMEOUT, 5000, 100..=25_000),
    })
}
