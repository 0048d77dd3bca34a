//! Orders whose goods are about to be sent.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{Connection, DbError, cached_sql};
use oms_validation::{OrderId, TenantId};
use serde_json::Value;
use uuid::Uuid;

use crate::domain::status::OrderStatus;

/// A locked order whose goods are about to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Shippable {
    pub(crate) status: OrderStatus,
    /// `None` after erasure.
    pub(crate) shipping_address: Option<Value>,
}

impl Shippable {
    /// Whether its personal data is erased. Then no text about its customer may be stored.
    pub(crate) const fn is_erased(&self) -> bool {
        self.shipping_address.is_none()
    }
}

/// Locks orders until the transaction ends, in key order, and returns their status and address.
pub(crate) async fn lock_shippable(
    connection: &mut Connection,
    tenant: TenantId,
    ids: &[OrderId],
) -> Result<HashMap<OrderId, Shippable>, DbError> {
    #[derive(QueryableByName)]
    struct Locked {
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
        #[diesel(sql_type = Text)]
        status: String,
        #[diesel(sql_type = Jsonb)]
        shipping_address: Value,
        #[diesel(sql_type = Nullable<Timestamptz>)]
        erased_at: Option<DateTime<Utc>>,
    }

    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let locked: Vec<Locked> = cached_sql(
        "SELECT id, status, shipping_address, erased_at FROM orders.orders
         WHERE tenant_id = $1 AND id = ANY ($2) ORDER BY id FOR NO KEY UPDATE",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .load(connection)
    .await?;
    let shippable = |row: Locked| {
        let order = Shippable {
            status: OrderStatus::stored(&row.status),
            shipping_address: row.erased_at.is_none().then_some(row.shipping_address),
        };
        (row.id.into(), order)
    };
    Ok(locked.into_iter().map(shippable).collect())
}
