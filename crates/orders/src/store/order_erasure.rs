//! Erases personal data from orders. Lines, money, status, timeline and idempotency key stay.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{
    Array, BigInt, Bool, Double, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use oms_database::{CachedStatement, Connection, DbError, cached_sql, send_in_transaction};
use oms_events::{EventKey, append};
use oms_validation::{OrderId, TenantId};
use serde_json::Value;
use uuid::Uuid;

use crate::domain::address::ShippingAddress;
use crate::domain::authorship::Authorship;
use crate::domain::clock::Now;
use crate::domain::erasure::{
    Eligibility, ErasureScope, LookedAt, WaitingOrder, undecided_disputes,
};
use crate::domain::id::CustomerId;
use crate::domain::status::OrderStatus;
use crate::store::unreadable;

/// Whether an order `o` may be erased: its payment is settled and its address is no longer needed. `$1` is the tenant,
/// `$2` the time, `$3` how long a paid order is kept, in seconds, and `$4` the states of undecided disputes. The
/// statuses are listed, so that an order with a status that only a newer version knows is kept.
///
/// An order is `PAID` again after a failed refund; that event does not count as its time of payment.
macro_rules! may_be_erased {
    () => {
        "(o.status IN ('PAID', 'FAILED', 'CANCELLED', 'REFUNDED')
          AND (o.status <> 'PAID' OR $3 <= 0 OR (o.created_at <= greatest($2, now()) - make_interval(secs => $3)
              AND NOT EXISTS (SELECT FROM orders.events e
                  WHERE e.tenant_id = $1 AND e.order_id = o.id AND e.to_status = 'PAID'
                      AND coalesce(e.from_status, '') NOT IN ('PAID', 'REFUNDING')
                      AND e.occurred_at > greatest($2, now()) - make_interval(secs => $3))))
          AND NOT EXISTS (SELECT FROM orders.disputes d
              WHERE d.tenant_id = $1 AND d.order_id = o.id AND d.state = ANY ($4)))"
    };
}

/// Up to `limit` of a customer's orders placed until the given time, in ID order, after the given one.
pub(crate) async fn page_of_customer(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    eligibility: Eligibility,
    of: (CustomerId, DateTime<Utc>),
    after: Option<OrderId>,
    limit: i64,
) -> Result<Vec<LookedAt>, DbError> {
    let (customer, until) = of;
    let rows: Vec<Row> = cached_sql(concat!(
        "SELECT o.id, o.shipping_address, o.erased_at, ",
        may_be_erased!(),
        " AS is_erasable
         FROM orders.orders o
         WHERE o.tenant_id = $1 AND o.customer_id = $5 AND o.id > $6 AND o.created_at <= $7
         ORDER BY o.id LIMIT $8"
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(now)
    .bind::<Double, _>(eligibility.paid_for.as_secs_f64())
    .bind::<Array<Text>, _>(undecided_disputes())
    .bind::<SqlUuid, _>(customer.as_uuid())
    .bind::<SqlUuid, _>(after.map_or(Uuid::nil(), OrderId::as_uuid))
    .bind::<Timestamptz, _>(until)
    .bind::<BigInt, _>(limit)
    .load(connection)
    .await?;
    rows.into_iter().map(Row::looked_at).collect()
}

/// Up to `limit` orders placed longer ago than `older_than`, in ID order, after the given one. IDs begin with the time
/// of the machine's clock, so a range of IDs that is ten seconds wider finds them; `created_at` is compared too.
pub(crate) async fn page_of_age(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    eligibility: Eligibility,
    older_than: Duration,
    after: Option<OrderId>,
    limit: i64,
) -> Result<Vec<LookedAt>, DbError> {
    let rows: Vec<Row> = cached_sql(concat!(
        "SELECT o.id, o.shipping_address, o.erased_at,
             o.erased_at IS NULL AND o.created_at <= greatest($2, now()) - make_interval(secs => $7) AND ",
        may_be_erased!(),
        " AS is_erasable
         FROM orders.orders o
         WHERE o.tenant_id = $1 AND o.id > $5
             AND o.id < rpad(lpad(to_hex(greatest(0,
                 (extract(epoch FROM greatest($2, now())) - $7 + 10) * 1000)::bigint), 12, '0'), 32, '0')::uuid
         ORDER BY o.id LIMIT $6"
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(now)
    .bind::<Double, _>(eligibility.paid_for.as_secs_f64())
    .bind::<Array<Text>, _>(undecided_disputes())
    .bind::<SqlUuid, _>(after.map_or(Uuid::nil(), OrderId::as_uuid))
    .bind::<BigInt, _>(limit)
    .bind::<Double, _>(older_than.as_secs_f64())
    .load(connection)
    .await?;
    rows.into_iter().map(Row::looked_at).collect()
}

/// Locks those of the given orders that nobody else has locked until the transaction ends, and returns them.
pub(crate) async fn lock(
    connection: &mut Connection,
    tenant: TenantId,
    ids: &[OrderId],
) -> Result<Vec<OrderId>, DbError> {
    #[derive(QueryableByName)]
    struct Locked {
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
    }

    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let rows: Vec<Locked> = cached_sql(
        "SELECT id FROM orders.orders WHERE tenant_id = $1 AND id = ANY ($2)
         ORDER BY id FOR NO KEY UPDATE SKIP LOCKED",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .load(connection)
    .await?;
    Ok(rows.into_iter().map(|row| row.id.into()).collect())
}

/// Erases the given orders that may be erased, adds a note to the timeline of each, and returns their number. Run it in
/// a transaction. Skips orders that are locked or that were erased since the page was read.
///
/// Of the routing trace only the chosen warehouse stays, without its distance: distances to several warehouses would
/// reveal the address. The address becomes a text and the destination a point in the sea, so that versions of the
/// program without erasure can still read the order.
pub(crate) async fn erase(
    connection: &mut Connection,
    tenant: TenantId,
    now: Now,
    eligibility: Eligibility,
    ids: &[OrderId],
    scope: ErasureScope,
    authorship: Authorship<'_>,
) -> Result<i32, DbError> {
    #[derive(QueryableByName)]
    struct Erased {
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
        #[diesel(sql_type = Integer)]
        version: i32,
    }

    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    // At most one candidate is the chosen one. This only edits existing JSON, because functions that build JSON are
    // STABLE, and a distributed engine rejects these on columns in an UPDATE.
    let erased: Vec<Erased> = cached_sql(concat!(
        "WITH locked AS MATERIALIZED (
             SELECT o.id FROM orders.orders o
             WHERE o.tenant_id = $1 AND o.id = ANY ($5) AND ",
        may_be_erased!(),
        "        AND CASE WHEN $7 IS NULL THEN o.erased_at IS NULL ELSE o.customer_id = $7 END
             ORDER BY o.id FOR NO KEY UPDATE OF o SKIP LOCKED
         )
         UPDATE orders.orders o
         SET customer_id = coalesce($6, o.customer_id),
             external_reference = CASE WHEN $6 IS NULL THEN o.external_reference END,
             metadata = NULL, shipping_address = '\"erased\"',
             routing = jsonb_set(
                 jsonb_set('{\"version\": 1, \"destination\": {\"lat\": 0, \"lng\": 0}, \"candidates\": []}',
                     '{version}', coalesce(o.routing->'version', '1')),
                 '{candidates}', coalesce(jsonb_insert('[]', '{0}',
                     jsonb_path_query_first(o.routing, '$.candidates[*] ? (@.outcome == \"chosen\")')
                     || '{\"distanceM\": 0}'), '[]')),
             erased_at = least(o.erased_at, greatest($2, now())),
             version = o.version + 1, updated_at = greatest($2, now())
         FROM locked WHERE o.tenant_id = $1 AND o.id = locked.id
         RETURNING o.id, o.version"
    ))
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Nullable<Timestamptz>, _>(now)
    .bind::<Double, _>(eligibility.paid_for.as_secs_f64())
    .bind::<Array<Text>, _>(undecided_disputes())
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Nullable<SqlUuid>, _>(scope.pseudonym().map(CustomerId::as_uuid))
    .bind::<Nullable<SqlUuid>, _>(scope.customer().map(CustomerId::as_uuid))
    .load(connection)
    .await?;
    if erased.is_empty() {
        return Ok(0);
    }
    let key = |row: &Erased| EventKey::of_order(row.id, row.version);
    let keys: Vec<EventKey> = erased.iter().map(key).collect();
    let ids: Vec<Uuid> = erased.into_iter().map(|row| row.id).collect();
    let note = cached_sql(
        "INSERT INTO orders.events
             (tenant_id, order_id, sequence, from_status, to_status, actor, reason, occurred_at)
         SELECT o.tenant_id, o.id, o.version, o.status, o.status, $3, $4, greatest($5, now())
         FROM orders.orders o WHERE o.tenant_id = $1 AND o.id = ANY ($2)",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Text, _>(authorship.actor)
    .bind::<Text, _>(authorship.reason)
    .bind::<Nullable<Timestamptz>, _>(now)
    .affected();
    let (noted, _) = send_in_transaction(connection, (note, append(tenant, &keys))).await?;
    Ok(i32::try_from(noted).unwrap_or(i32::MAX))
}

/// Up to `limit` of a customer's orders placed until the given time, oldest first. Erased orders no longer belong to
/// the customer.
pub(crate) async fn waiting(
    connection: &mut Connection,
    tenant: TenantId,
    customer: CustomerId,
    until: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<WaitingOrder>, DbError> {
    #[derive(QueryableByName)]
    struct Waiting {
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
        #[diesel(sql_type = Text)]
        status: String,
    }

    let rows: Vec<Waiting> = cached_sql(
        "SELECT id, status FROM orders.orders WHERE tenant_id = $1 AND customer_id = $2 AND created_at <= $3
         ORDER BY id LIMIT $4",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(customer.as_uuid())
    .bind::<Timestamptz, _>(until)
    .bind::<BigInt, _>(limit)
    .load(connection)
    .await?;
    let waiting = |row: Waiting| WaitingOrder {
        id: row.id.into(),
        status: OrderStatus::stored(&row.status),
    };
    Ok(rows.into_iter().map(waiting).collect())
}

/// Whether a customer has orders that are not erased.
pub(crate) async fn has_any(
    connection: &mut Connection,
    tenant: TenantId,
    customer: CustomerId,
) -> Result<bool, DbError> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = Bool)]
        any: bool,
    }

    let found: Found = cached_sql(
        "SELECT EXISTS (SELECT FROM orders.orders WHERE tenant_id = $1 AND customer_id = $2) AS any",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<SqlUuid, _>(customer.as_uuid())
    .get_result(connection)
    .await?;
    Ok(found.any)
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Jsonb)]
    shipping_address: Value,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    erased_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Bool)]
    is_erasable: bool,
}

impl Row {
    fn looked_at(self) -> Result<LookedAt, DbError> {
        let address = match self.erased_at {
            Some(_) => None,
            None => Some(ShippingAddress::stored(self.shipping_address).map_err(unreadable)?),
        };
        Ok(LookedAt {
            id: self.id.into(),
            address,
            is_erasable: self.is_erasable,
        })
    }
}

/// Returns those of the given orders whose personal data is erased.
pub(crate) async fn find_erased(
    connection: &mut Connection,
    tenant: TenantId,
    ids: &[OrderId],
) -> Result<Vec<OrderId>, DbError> {
    #[derive(QueryableByName)]
    struct Erased {
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
    }

    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let rows: Vec<Erased> = cached_sql(
        "SELECT id FROM orders.orders WHERE tenant_id = $1 AND id = ANY ($2) AND erased_at IS NOT NULL",
    )
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .bind::<Array<SqlUuid>, _>(ids)
    .load(connection)
    .await?;
    Ok(rows.into_iter().map(|row| row.id.into()).collect())
}
