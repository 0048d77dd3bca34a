//! Fulfilment orders.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use oms_database::{
    CachedStatement, Connection, DbError, Statement, cached_sql, in_transaction_sql,
    send_in_transaction, send_together,
};
use oms_validation::{OrderId, TenantId};
use uuid::Uuid;

use crate::domain::fulfilment_order::{FulfilmentOrder, FulfilmentOrderStatus, NewFulfilmentOrder};
use crate::domain::hold::Hold;
use crate::domain::id::FulfilmentOrderId;
use crate::domain::line::Line;
use crate::store::{Now, holds, lines};

/// Selects [`Row`]s. A macro, because the text of a cached statement must be a constant. `$2` is the present.
macro_rules! select_fulfilment_orders {
    ($condition:literal) => {
        concat!(
            "SELECT id, order_id, number, warehouse_id, status, version, ship_by, not_before,
                    coalesce(not_before > greatest($2, now()), false) AS is_scheduled,
                    created_at, updated_at, closed_at
             FROM fulfilment.fulfilment_orders WHERE tenant_id = $1 AND ",
            $condition
        )
    };
}
pub(super) use select_fulfilment_orders;

/// Inserts fulfilment orders, each the first of its order. The IDs are those of `ids`. Send it before
/// [`lines::insert`].
///
/// It may be sent together with the BEGIN of its transaction.
pub(crate) fn insert<'q>(
    tenant: TenantId,
    now: Now,
    ids: &[FulfilmentOrderId],
    new: &[NewFulfilmentOrder],
) -> Statement<'q, ()> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let orders: Vec<Uuid> = new.iter().map(|it| it.order_id.as_uuid()).collect();
    let warehouses: Vec<Uuid> = new.iter().map(|it| it.warehouse_id.as_uuid()).collect();
    cached_sql(concat!(
        "INSERT INTO fulfilment.fulfilment_orders
             (tenant_id, id, order_id, number, warehouse_id, status, created_at, updated_at)
         SELECT t.tenant_id, n.id, n.order_id, 1, n.warehouse_id, 'OPEN', greatest($5, now()), greatest($5, now())
         FROM tenancy.tenants t
         CROSS JOIN unnest($2::uuid[], $3::uuid[], $4::uuid[]) AS n (id, order_id, warehouse_id)
         WHERE t.tenant_id = $1 AND ",
        in_transaction_sql!()
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<SqlUuid>, _>(orders)
    .bind::<Array<SqlUuid>, _>(warehouses)
    .bind::<Nullable<Timestamptz>, _>(now)
    .affected()
    .map(|_| ())
}

/// Returns those of the given fulfilment orders that exist, unordered.
pub(crate) async fn find(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    ids: &[FulfilmentOrderId],
) -> Result<Vec<FulfilmentOrder>, DbError> {
    let text = select_fulfilment_orders!("id = ANY ($3)");
    let rows = select(tenant, now, text, ids).run(connection).await?;
    with_parts(connection, tenant, rows).await
}

/// Like [`find`], but locks them until the transaction ends, in key order. The lock does not block shipments from
/// being inserted.
pub(crate) async fn lock(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    ids: &[FulfilmentOrderId],
) -> Result<Vec<FulfilmentOrder>, DbError> {
    let rows = lock_rows(tenant, now, ids).run(connection).await?;
    with_parts(connection, tenant, rows).await
}

/// Like [`lock`], without their lines and holds, which must be read after it.
pub(crate) fn lock_rows<'q>(
    tenant: TenantId,
    now: Now,
    ids: &[FulfilmentOrderId],
) -> Statement<'q, Vec<Row>> {
    let text = select_fulfilment_orders!("id = ANY ($3) ORDER BY id FOR NO KEY UPDATE");
    select(tenant, now, text, ids)
}

fn select<'q>(
    tenant: TenantId,
    now: Now,
    text: &'static str,
    ids: &[FulfilmentOrderId],
) -> Statement<'q, Vec<Row>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    cached_sql(text)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<Nullable<Timestamptz>, _>(now)
        .bind::<Array<SqlUuid>, _>(ids)
        .rows()
}

/// Returns the fulfilment orders of orders, ordered by order and number, without their lines and holds.
pub(crate) fn find_rows<'q>(
    tenant: TenantId,
    now: Now,
    order_ids: &[OrderId],
) -> Statement<'q, Vec<Row>> {
    let ids: Vec<Uuid> = order_ids.iter().map(|id| id.as_uuid()).collect();
    cached_sql(select_fulfilment_orders!(
        "order_id = ANY ($3) ORDER BY order_id, number"
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(now)
    .bind::<Array<SqlUuid>, _>(ids)
    .rows()
}

/// Locks the fulfilment orders of an order that have something left to send, in key order. Returns `false` if there
/// are none.
pub(crate) async fn lock_open_of_order(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<bool, DbError> {
    let locked = cached_sql(
        "SELECT id FROM fulfilment.fulfilment_orders
         WHERE tenant_id = $1 AND order_id = $2 AND closed_at IS NULL ORDER BY id FOR NO KEY UPDATE",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .execute(connection)
    .await?;
    Ok(locked > 0)
}

/// Like [`lock_open_of_order`], but returns them.
pub(crate) async fn lock_and_find_open(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    order_id: OrderId,
) -> Result<Vec<FulfilmentOrder>, DbError> {
    let rows = cached_sql(select_fulfilment_orders!(
        "order_id = $3 AND closed_at IS NULL ORDER BY id FOR NO KEY UPDATE"
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(now)
    .bind::<SqlUuid, _>(order_id.as_uuid())
    .rows()
    .run(connection)
    .await?;
    with_parts(connection, tenant, rows).await
}

/// Returns the orders of the given fulfilment orders that exist.
pub(crate) fn find_orders<'q>(
    tenant: TenantId,
    ids: &[FulfilmentOrderId],
) -> Statement<'q, HashMap<FulfilmentOrderId, OrderId>> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
        #[diesel(sql_type = SqlUuid)]
        order_id: Uuid,
    }

    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let found = |row: Found| (row.id.into(), row.order_id.into());
    cached_sql(
        "SELECT id, order_id FROM fulfilment.fulfilment_orders WHERE tenant_id = $1 AND id = ANY ($2)",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .rows::<Found>()
    .map(move |rows| rows.into_iter().map(found).collect())
}

/// Returns those of the given orders that have a fulfilment order.
pub(crate) async fn find_opened(
    connection: &mut Connection,
    tenant: TenantId,
    order_ids: &[OrderId],
) -> Result<BTreeSet<OrderId>, DbError> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = SqlUuid)]
        order_id: Uuid,
    }

    let order_ids: Vec<Uuid> = order_ids.iter().map(|id| id.as_uuid()).collect();
    let rows: Vec<Found> = cached_sql(
        "SELECT order_id FROM fulfilment.fulfilment_orders
         WHERE tenant_id = $1 AND order_id = ANY ($2) AND number = 1",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(order_ids)
    .load(connection)
    .await?;
    Ok(rows.into_iter().map(|row| row.order_id.into()).collect())
}

/// Sets the status and the version. A macro, because the text of a cached statement must be a constant, and
/// because a distributed engine accepts no time in a `CASE`.
macro_rules! update_status {
    ($closed_at:literal) => {
        concat!(
            "UPDATE fulfilment.fulfilment_orders f
             SET status = n.status, version = n.version, updated_at = greatest($4, now()), closed_at = ",
            $closed_at,
            " FROM unnest($2::uuid[], $3::text[], $5::integer[]) AS n (id, status, version)
             WHERE f.tenant_id = $1 AND f.id = n.id"
        )
    };
}

/// Writes locked fulfilment orders that have changed: their version, their status and the units of their lines.
pub(crate) async fn update(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    changed: &[&FulfilmentOrder],
) -> Result<(), DbError> {
    let (open, closed) = update_rows(tenant, now, changed);
    let statements = (open, closed, lines::update(tenant, changed));
    send_in_transaction(connection, statements).await?;
    Ok(())
}

/// The statements that write versions and statuses: those of open fulfilment orders and of closed ones.
pub(crate) fn update_rows<'q>(
    tenant: TenantId,
    now: Now,
    changed: &[&FulfilmentOrder],
) -> (Option<Statement<'q, usize>>, Option<Statement<'q, usize>>) {
    let (open, closed): (Vec<&FulfilmentOrder>, Vec<&FulfilmentOrder>) =
        changed.iter().copied().partition(|order| order.is_open());
    let update = |orders: Vec<&FulfilmentOrder>, text: &'static str| {
        if orders.is_empty() {
            return None;
        }
        let ids: Vec<Uuid> = orders.iter().map(|order| order.id.as_uuid()).collect();
        let statuses: Vec<&'static str> =
            orders.iter().map(|order| order.status.as_str()).collect();
        let versions: Vec<i32> = orders.iter().map(|order| order.version).collect();
        let statement = cached_sql(text)
            .bind::<SqlUuid, _>(tenant.as_uuid())
            .bind::<Array<SqlUuid>, _>(ids)
            .bind::<Array<Text>, _>(statuses)
            .bind::<Nullable<Timestamptz>, _>(now)
            .bind::<Array<Integer>, _>(versions);
        Some(statement.affected())
    };
    (
        update(open, update_status!("NULL")),
        update(closed, update_status!("greatest($4, now())")),
    )
}

/// A fulfilment order without its lines and holds.
#[derive(QueryableByName)]
pub(crate) struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    order_id: Uuid,
    #[diesel(sql_type = Integer)]
    number: i32,
    #[diesel(sql_type = SqlUuid)]
    warehouse_id: Uuid,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = Integer)]
    version: i32,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    ship_by: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    not_before: Option<DateTime<Utc>>,
    #[diesel(sql_type = Bool)]
    is_scheduled: bool,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    updated_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    closed_at: Option<DateTime<Utc>>,
}

impl Row {
    pub(super) fn id(&self) -> FulfilmentOrderId {
        self.id.into()
    }
}

/// Adds lines and holds to rows, and keeps their order.
pub(super) async fn with_parts(
    connection: &mut Connection,
    tenant: TenantId,
    rows: Vec<Row>,
) -> Result<Vec<FulfilmentOrder>, DbError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids = ids_of(&rows);
    let parts = (lines::find(tenant, &ids), holds::find(tenant, &ids));
    let (lines, holds) = send_together(connection, parts).await?;
    Ok(fulfilment_orders_of(rows, lines, holds))
}

/// The IDs of rows.
pub(crate) fn ids_of(rows: &[Row]) -> Vec<Uuid> {
    rows.iter().map(|row| row.id).collect()
}

/// The orders of rows. An order may be there twice.
pub(crate) fn order_ids_of(rows: &[Row]) -> Vec<OrderId> {
    rows.iter().map(|row| row.order_id.into()).collect()
}

/// Puts fulfilment orders together, in the order of their rows.
pub(crate) fn fulfilment_orders_of(
    rows: Vec<Row>,
    mut lines: HashMap<Uuid, Vec<Line>>,
    mut holds: HashMap<Uuid, Vec<Hold>>,
) -> Vec<FulfilmentOrder> {
    let order = |row: Row| FulfilmentOrder {
        id: row.id.into(),
        order_id: row.order_id.into(),
        number: row.number,
        warehouse_id: row.warehouse_id.into(),
        status: FulfilmentOrderStatus::stored(&row.status),
        version: row.version,
        ship_by: row.ship_by,
        not_before: row.not_before,
        is_scheduled: row.is_scheduled,
        created_at: row.created_at,
        updated_at: row.updated_at,
        closed_at: row.closed_at,
        lines: lines.remove(&row.id).unwrap_or_default(),
        holds: holds.remove(&row.id).unwrap_or_default(),
    };
    rows.into_iter().map(order).collect()
}
