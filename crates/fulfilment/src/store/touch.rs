//! Increments the version of what a client reads, where a part of it in another table has changed.

use diesel::sql_types::{Nullable, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::TenantId;

use crate::domain::id::{FulfilmentOrderId, ShipmentId};
use crate::store::Now;

/// What was changed, and is locked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Touched {
    /// The holds of a fulfilment order.
    FulfilmentOrder(FulfilmentOrderId),
    /// The parcels of a shipment.
    Shipment(ShipmentId),
}

macro_rules! touch_sql {
    ($table:literal) => {
        concat!(
            "UPDATE ",
            $table,
            " t SET version = t.version + 1, updated_at = greatest($3, now()) WHERE t.tenant_id = $1 AND t.id = $2"
        )
    };
}

/// Increments a version.
pub(crate) async fn touch(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    touched: Touched,
) -> Result<(), DbError> {
    let (text, id) = match touched {
        Touched::FulfilmentOrder(id) => (touch_sql!("fulfilment.fulfilment_orders"), id.as_uuid()),
        Touched::Shipment(id) => (touch_sql!("fulfilment.shipments"), id.as_uuid()),
    };
    cached_sql(text)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<SqlUuid, _>(id)
        .bind::<Nullable<Timestamptz>, _>(now)
        .execute(connection)
        .await?;
    Ok(())
}
