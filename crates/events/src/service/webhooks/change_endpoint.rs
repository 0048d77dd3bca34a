//! Changes an endpoint.

use oms_database::{Connection, transaction};
use oms_validation::{ExpectedVersion, TenantId};

use crate::context::webhooks::WebhooksContext;
use crate::domain::webhooks::endpoint::{Endpoint, EndpointChange, EndpointId};
use crate::error::WebhooksError;
use crate::service::webhooks::create_endpoint::check_types;
use crate::store::webhooks::endpoints;

/// Changes an endpoint if it has the expected version, and returns it. Tries go to the new URL from now on, also those
/// of events that happened before.
///
/// # Errors
/// `EndpointNotFound`; `Changed`; `UnknownType`; `UrlNotAllowed`; or the database's error.
pub async fn change_endpoint(
    context: &WebhooksContext,
    tenant: TenantId,
    id: EndpointId,
    expected: &ExpectedVersion,
    change: EndpointChange,
) -> Result<Endpoint, WebhooksError> {
    check_types(context, change.types.as_deref().unwrap_or_default())?;
    if let Some(url) = &change.url {
        let allowed = context.sender.check(url).await;
        allowed.map_err(WebhooksError::UrlNotAllowed)?;
    }
    let mut connection = context.database.acquire().await?;
    transaction(&mut connection, async |connection| {
        let endpoint = lock_expected(connection, tenant, id, expected).await?;
        let changed = endpoint.changed(change);
        Ok(endpoints::update(connection, tenant, context.now(), &changed).await?)
    })
    .await
}

/// Locks an endpoint that has the expected version.
///
/// # Errors
/// `EndpointNotFound`; `Changed`; or the database's error.
pub(super) async fn lock_expected(
    connection: &mut Connection,
    tenant: TenantId,
    id: EndpointId,
    expected: &ExpectedVersion,
) -> Result<Endpoint, WebhooksError> {
    let endpoint = endpoints::lock(connection, tenant, id).await?;
    let endpoint = endpoint.ok_or(WebhooksError::EndpointNotFound)?;
    match expected.allows(endpoint.version) {
        true => Ok(endpoint),
        false => Err(WebhooksError::Changed {
            version: endpoint.version,
        }),
    }
}
