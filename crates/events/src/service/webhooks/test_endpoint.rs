//! Sends a test event.

use chrono::SecondsFormat;
use oms_database::boxed;
use oms_validation::TenantId;
use serde_json::json;
use uuid::Uuid;

use crate::adapters::signing::signature_header;
use crate::context::webhooks::WebhooksContext;
use crate::domain::key::EventKey;
use crate::domain::webhooks::attempt::{Attempt, AttemptId, AttemptOutcome, AttemptTrigger};
use crate::domain::webhooks::endpoint::EndpointId;
use crate::domain::webhooks::endpoint_url::EndpointUrl;
use crate::domain::webhooks::outcome::Failure;
use crate::domain::webhooks::sending::Webhook;
use crate::error::WebhooksError;
use crate::service::webhooks::secrets;
use crate::store::webhooks::{attempts, clock, endpoints};

/// The type of a test event. No feed contains one.
const TEST: &str = "webhook.test";

/// Sends a signed test event now, whatever the endpoint's status, and returns what came of it. Holds no connection
/// meanwhile.
///
/// # Errors
/// `EndpointNotFound`; `UrlNotAllowed` if the operator's rules no longer allow the URL; `NoSecretKeys`; or the
/// database's error.
#[boxed]
pub async fn test_endpoint(
    context: &WebhooksContext,
    tenant: TenantId,
    id: EndpointId,
) -> Result<Attempt, WebhooksError> {
    let mut connection = context.database.acquire().await?;
    let endpoint = endpoints::find(&mut connection, tenant, id).await?;
    let endpoint = endpoint.ok_or(WebhooksError::EndpointNotFound)?;
    let secrets = secrets::open(context, &mut connection, tenant, &endpoint).await?;
    let now = clock::present(&mut connection, context.now()).await?;
    drop(connection);
    let url = EndpointUrl::parse(&endpoint.url, &context.rules);
    let url = url.map_err(|_| WebhooksError::UrlNotAllowed(Failure::AddressNotAllowed))?;
    let event_id = EventKey::of_record(Uuid::now_v7()).to_string();
    let event = json!({
        "id": event_id,
        "type": TEST,
        "timestamp": now.to_rfc3339_opts(SecondsFormat::Micros, true),
        "tenantId": tenant,
        "subject": { "type": "webhook_endpoint", "id": id },
        "data": { "endpointId": id },
    });
    let body = event.to_string().into_bytes();
    let signature = signature_header(&secrets, &event_id, now.timestamp(), &body);
    let webhook = Webhook {
        replay: None,
        url: &url,
        id: &event_id,
        timestamp: now.timestamp(),
        signature: &signature,
        body,
    };
    let sent = context.sender.send(webhook).await;
    let attempt = Attempt {
        id: AttemptId::generate(),
        event_id,
        event_type: TEST.to_owned(),
        trigger: AttemptTrigger::Test,
        started_at: now,
        duration: sent.duration,
        outcome: AttemptOutcome::from(sent.outcome),
        http_status: sent.status,
        answer_start: sent.answer,
    };
    let mut connection = context.database.acquire().await?;
    let insert = attempts::insert(tenant, id, std::slice::from_ref(&attempt));
    insert.run(&mut connection).await?;
    Ok(attempt)
}
