//! The secrets of an endpoint: made, sealed, opened.

use oms_database::Connection;
use oms_validation::TenantId;

use crate::adapters::sealing::Sealed;
use crate::adapters::signing::SigningSecret;
use crate::context::webhooks::WebhooksContext;
use crate::domain::webhooks::endpoint::{Endpoint, EndpointId, Signing};
use crate::error::WebhooksError;
use crate::store::webhooks::secrets;

/// Makes a secret and its sealed form.
pub(super) fn make(
    context: &WebhooksContext,
    tenant: TenantId,
    id: EndpointId,
    signing: Signing,
) -> Result<(SigningSecret, Sealed), WebhooksError> {
    let secret = SigningSecret::generate(signing).map_err(|_| WebhooksError::Secret)?;
    let sealed = context.keys()?.seal(&owner(tenant, id), secret.bytes())?;
    Ok((secret, sealed))
}

/// The secrets of an endpoint that sign now, newest first. Those that are sealed with an old key are sealed anew.
pub(super) async fn open(
    context: &WebhooksContext,
    connection: &mut Connection,
    tenant: TenantId,
    endpoint: &Endpoint,
) -> Result<Vec<SigningSecret>, WebhooksError> {
    let keys = context.keys()?;
    let owner = owner(tenant, endpoint.id);
    let mut opened = Vec::new();
    for stored in secrets::find(connection, tenant, endpoint.id, context.now()).await? {
        let bytes = keys.open(&owner, &stored.sealed)?;
        if keys.is_outdated(&stored.sealed) {
            let sealed = keys.seal(&owner, &bytes)?;
            secrets::reseal(connection, tenant, endpoint.id, stored.number, &sealed).await?;
        }
        let secret = SigningSecret::from_bytes(endpoint.signing, &bytes);
        opened.push(secret.map_err(|_| WebhooksError::Secret)?);
    }
    match opened.is_empty() {
        true => Err(WebhooksError::Secret),
        false => Ok(opened),
    }
}

/// A sealed secret opens only for the endpoint that it was made for.
fn owner(tenant: TenantId, id: EndpointId) -> String {
    format!("{tenant}/{id}")
}
