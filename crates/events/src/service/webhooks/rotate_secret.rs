//! Gives an endpoint a new secret.

use std::time::Duration;

use oms_database::transaction;
use oms_validation::{ExpectedVersion, TenantId};

use crate::context::webhooks::WebhooksContext;
use crate::domain::webhooks::endpoint::EndpointId;
use crate::error::WebhooksError;
use crate::service::webhooks::change_endpoint::lock_expected;
use crate::service::webhooks::create_endpoint::CreatedEndpoint;
use crate::service::webhooks::secrets as secrets_of;
use crate::store::webhooks::{endpoints, secrets};

/// Gives an endpoint a new secret. The previous one signs as well for `overlap`; older ones no longer do.
///
/// # Errors
/// `EndpointNotFound`; `Changed`; `NoSecretKeys`; or the database's error.
pub async fn rotate_secret(
    context: &WebhooksContext,
    tenant: TenantId,
    id: EndpointId,
    expected: &ExpectedVersion,
    overlap: Duration,
) -> Result<CreatedEndpoint, WebhooksError> {
    let mut connection = context.database.acquire().await?;
    transaction(&mut connection, async |connection| {
        let endpoint = lock_expected(connection, tenant, id, expected).await?;
        let (secret, sealed) = secrets_of::make(context, tenant, id, endpoint.signing)?;
        let now = context.now();
        let stored = secrets::find(connection, tenant, id, now).await?;
        let newest = stored.first().map_or(0, |it| it.number);
        secrets::retire(connection, tenant, id, newest, overlap, now).await?;
        secrets::insert(connection, tenant, id, newest + 1, &sealed).await?;
        // Whoever sends to it loads the secrets anew.
        let endpoint = endpoints::update(connection, tenant, now, &endpoint).await?;
        Ok(CreatedEndpoint {
            endpoint,
            verification_key: secret.verification_key(),
        })
    })
    .await
}
