//! Reads an endpoint.

use oms_database::boxed;
use oms_validation::TenantId;

use crate::adapters::signing::SigningSecret;
use crate::context::webhooks::WebhooksContext;
use crate::domain::webhooks::endpoint::{Endpoint, EndpointId, Signing};
use crate::error::WebhooksError;
use crate::service::webhooks::secrets;
use crate::store::webhooks::endpoints;

/// An endpoint by its ID, and its public keys, newest first. A shared secret is never shown again.
///
/// # Errors
/// `EndpointNotFound`, or the database's error.
#[boxed]
pub async fn get_endpoint(
    context: &WebhooksContext,
    tenant: TenantId,
    id: EndpointId,
) -> Result<(Endpoint, Vec<String>), WebhooksError> {
    let mut connection = context.database.acquire().await?;
    let found = endpoints::find(&mut connection, tenant, id).await?;
    let endpoint = found.ok_or(WebhooksError::EndpointNotFound)?;
    let public_keys = match endpoint.signing {
        Signing::Ed25519 => {
            let secrets = secrets::open(context, &mut connection, tenant, &endpoint).await?;
            secrets
                .iter()
                .map(SigningSecret::verification_key)
                .collect()
        }
        Signing::Hmac | Signing::Other(_) => Vec::new(),
    };
    Ok((endpoint, public_keys))
}
