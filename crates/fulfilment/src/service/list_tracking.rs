//! Lists what carriers reported about the parcels of an order.

use chrono::{DateTime, Utc};
use oms_database::{Connection, DbError};
use oms_validation::{OrderId, TenantId};
use uuid::Uuid;

use crate::domain::tracking::TrackingEvent;
use crate::store::tracking_events;

/// Returns up to `limit` reports in the order of their arrival, starting with a given one, if any.
///
/// # Errors
/// When the database fails.
pub async fn list_tracking_from(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    from: Option<(DateTime<Utc>, Uuid)>,
    limit: usize,
) -> Result<Vec<TrackingEvent>, DbError> {
    tracking_events::find_from(connection, tenant, order_id, from, limit).await
}
