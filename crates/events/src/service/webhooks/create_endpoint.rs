//! Creates an endpoint, once per idempotency key.

use oms_database::{Connection, transaction};
use oms_validation::{IdempotencyKey, Keyed, Once, TenantId};
use uuid::Uuid;

use crate::context::webhooks::WebhooksContext;
use crate::domain::feed::{FeedStart, type_of};
use crate::domain::webhooks::endpoint::{Endpoint, EndpointId, MAX_ENDPOINTS, NewEndpoint};
use crate::error::WebhooksError;
use crate::service::webhooks::claim_key::{claim_key, find_result};
use crate::service::webhooks::secrets as secrets_of;
use crate::store::segments;
use crate::store::webhooks::{endpoints, secrets};

/// An endpoint, and what its receiver verifies webhooks with: a secret, or a public key.
#[derive(Clone, PartialEq, Eq)]
pub struct CreatedEndpoint {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// `whsec_…` or `whpk_…`.
    pub verification_key: String,
}

/// Creates an endpoint that begins at `start`. For a known key, returns the endpoint of the earlier request with its
/// newest secret.
///
/// # Errors
/// `UnknownType`; `UrlNotAllowed`; `NoSecretKeys`; `TooManyEndpoints`; `PositionExpired`; `KeyReused`; `EndpointNotFound`
/// if it was deleted since; or the database's error.
pub async fn create_endpoint(
    context: &WebhooksContext,
    tenant: TenantId,
    key: &IdempotencyKey,
    new: &NewEndpoint,
    start: FeedStart,
) -> Result<Once<CreatedEndpoint>, WebhooksError> {
    let keyed = Keyed::new(
        key,
        "create webhook endpoint v1",
        &(new.facts(), start.text()),
    );
    let mut connection = context.database.acquire().await?;
    if let Some(id) = find_result(&mut connection, tenant, &keyed).await? {
        return created_before(context, &mut connection, tenant, id).await;
    }
    drop(connection);
    check_types(context, &new.types)?;
    let allowed = context.sender.check(&new.url).await;
    allowed.map_err(WebhooksError::UrlNotAllowed)?;
    let id = EndpointId::generate();
    let (secret, sealed) = secrets_of::make(context, tenant, id, new.signing)?;
    let mut connection = context.database.acquire().await?;
    transaction(&mut connection, async |connection| {
        if let Some(id) = claim_key(connection, tenant, &keyed, id.as_uuid()).await? {
            return created_before(context, connection, tenant, id).await;
        }
        if endpoints::count(connection, tenant).await? >= MAX_ENDPOINTS {
            return Err(WebhooksError::TooManyEndpoints);
        }
        let position = position_of(connection, tenant, start).await?;
        let now = context.now();
        let endpoint = endpoints::insert(connection, tenant, now, id, new, position).await?;
        secrets::insert(connection, tenant, id, 1, &sealed).await?;
        Ok(Once::Now(CreatedEndpoint {
            endpoint,
            verification_key: secret.verification_key(),
        }))
    })
    .await
}

/// The endpoint of an earlier request with the same key, with its newest secret.
pub(super) async fn created_before(
    context: &WebhooksContext,
    connection: &mut Connection,
    tenant: TenantId,
    id: Uuid,
) -> Result<Once<CreatedEndpoint>, WebhooksError> {
    let found = endpoints::find(connection, tenant, id.into()).await?;
    let endpoint = found.ok_or(WebhooksError::EndpointNotFound)?;
    let secrets = secrets_of::open(context, connection, tenant, &endpoint).await?;
    let newest = secrets.first().ok_or(WebhooksError::Secret)?;
    Ok(Once::Before(CreatedEndpoint {
        verification_key: newest.verification_key(),
        endpoint,
    }))
}

/// The position after which an endpoint begins.
///
/// # Errors
/// `PositionExpired` if events after it were deleted, or the database's error.
pub(super) async fn position_of(
    connection: &mut Connection,
    tenant: TenantId,
    start: FeedStart,
) -> Result<i64, WebhooksError> {
    let feed = segments::read(connection, tenant, None, 0).await?;
    match start {
        FeedStart::Earliest => Ok(feed.purged_to),
        FeedStart::Latest => Ok(feed.position),
        FeedStart::After(position) if position.0 < feed.purged_to => {
            Err(WebhooksError::PositionExpired)
        }
        // After a restore, the end of the feed may be before a cursor that was given.
        FeedStart::After(position) => Ok(position.0.min(feed.position)),
    }
}

/// Checks that types are names or areas of known types.
pub(super) fn check_types(
    context: &WebhooksContext,
    types: &[String],
) -> Result<(), WebhooksError> {
    let known = context.events.types.iter().map(|it| it.name);
    let unknown = types.iter().find(|it| type_of(it, &known).is_none());
    unknown.map_or(Ok(()), |name| Err(WebhooksError::UnknownType(name.clone())))
}
