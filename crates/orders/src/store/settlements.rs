//! What the gateway reported when operators settled orders.

use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::{OrderId, TenantId};

use crate::domain::clock::Now;
use crate::domain::id::DeadLetterId;
use crate::domain::settlement::Settlement;

/// Stores what the gateway reported, in the commit that resolves the dead letter.
pub(crate) async fn insert(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    dead_letter_id: DeadLetterId,
    order_id: OrderId,
    settlement: &Settlement,
) -> Result<(), DbError> {
    let left = settlement.left;
    cached_sql(
        "INSERT INTO orders.settlements
             (tenant_id, dead_letter_id, order_id, gateway_said, detail, left_minor, currency, settled_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, greatest($8, now()))",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(dead_letter_id.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .bind::<Text, _>(settlement.gateway_said.as_str())
    .bind::<Text, _>(settlement.detail.as_str())
    .bind::<Nullable<BigInt>, _>(left.map(|left| left.amount_minor))
    .bind::<Nullable<Text>, _>(left.as_ref().map(|left| left.currency.as_str()))
    .bind::<Nullable<Timestamptz>, _>(now)
    .execute(connection)
    .await?;
    Ok(())
}
