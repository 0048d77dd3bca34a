//! Gives an endpoint a new secret, once per idempotency key.

use std::time::Duration;

use oms_database::{boxed, transaction};
use oms_validation::{ExpectedVersion, IdempotencyKey, Keyed, Once, TenantId};

use crate::context::webhooks::WebhooksContext;
use crate::domain::webhooks::endpoint::EndpointId;
use crate::error::WebhooksError;
use crate::service::webhooks::change_endpoint::lock_expected;
use crate::service::webhooks::claim_key::claim_key;
use crate::service::webhooks::create_endpoint::{CreatedEndpoint, created_before};
use crate::service::webhooks::secrets as secrets_of;
use crate::store::webhooks::{endpoints, secrets};

/// Gives an endpoint a new secret. The previous one signs as well for `overlap`; older ones no longer do. For a known key,
/// returns the endpoint with its newest secret: a second rotation would delete the secret that the receiver knows.
///
/// # Errors
/// `EndpointNotFound`; `Changed`; `KeyReused`; `NoSecretKeys`; or the database's error.
#[boxed]
pub async fn rotate_secret(
    context: &WebhooksContext,
    tenant: TenantId,
    id: EndpointId,
    key: &IdempotencyKey,
    expected: &ExpectedVersion,
    overlap: Duration,
) -> Result<Once<CreatedEndpoint>, WebhooksError> {
    let facts = (id, overlap.as_secs());
    let keyed = Keyed::new(key, "rotate webhook secret v1", &facts);
    let mut connection = context.database.acquire().await?;
    transaction(&mut connection, async |connection| {
        if let Some(id) = claim_key(connection, tenant, &keyed, id.as_uuid()).await? {
            return created_before(context, connection, tenant, id).await;
        }
        let endpoint = lock_expected(connection, tenant, id, expected).await?;
        let (secret, sealed) = secrets_of::make(context, tenant, id, endpoint.signing)?;
        let now = context.now();
        let stored = secrets::find(connection, tenant, id, now).await?;
        let newest = stored.first().map_or(0, |it| it.number);
        secrets::retire(connection, tenant, id, newest, overlap, now).await?;
        secrets::insert(connection, tenant, id, newest + 1, &sealed).await?;
        // The instance that sends to it stops, and the next one loads the new secret.
        let endpoint = endpoints::update(connection, tenant, now, &endpoint).await?;
        Ok(Once::Now(CreatedEndpoint {
            endpoint,
            verification_key: secret.verification_key(),
        }))
    })
    .await
}
