//! Lists what an endpoint has not received.

use std::collections::HashMap;

use oms_database::boxed;
use oms_validation::{Cursor, Page, PageSize, TenantId};

use crate::context::webhooks::WebhooksContext;
use crate::domain::event::Event;
use crate::domain::key::EventKey;
use crate::domain::webhooks::endpoint::EndpointId;
use crate::domain::webhooks::pending::{Delivery, DeliveryCursor, DeliveryState};
use crate::error::WebhooksError;
use crate::service::load_events::load_events;
use crate::store::webhooks::{deliveries, endpoints};

/// A page of the events that an endpoint has not received and that are behind its position, oldest first, and those of
/// the events that are still kept.
///
/// # Errors
/// `EndpointNotFound`, or the database's error.
#[boxed]
pub async fn list_deliveries(
    context: &WebhooksContext,
    tenant: TenantId,
    id: EndpointId,
    state: Option<DeliveryState>,
    after: Option<DeliveryCursor>,
    size: PageSize,
) -> Result<(Page<Delivery, DeliveryCursor>, HashMap<EventKey, Event>), WebhooksError> {
    let connection = &mut *context.database.acquire().await?;
    let endpoint = endpoints::find(connection, tenant, id).await?;
    endpoint.ok_or(WebhooksError::EndpointNotFound)?;
    let after = after.map_or(-1, |Cursor(position)| position.cast_signed());
    // One more than the page, to know whether there is a next page.
    let limit = size.get() + 1;
    let found = deliveries::list(connection, tenant, id, state, after, limit).await?;
    let page = Page::of(found, size, |last| Cursor(last.position.cast_unsigned()));
    let keys: Vec<EventKey> = page.items.iter().map(|it| it.key).collect();
    let events = load_events(&context.events, connection, tenant, &keys).await?;
    Ok((page, events))
}
