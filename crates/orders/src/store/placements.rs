//! Inserting new orders.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{
    Array, BigInt, Binary, Double, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use oms_database::{CachedStatement, Statement, cached_sql, in_transaction_sql};
use oms_validation::{IdempotencyKey, OrderId, TenantId};
use uuid::Uuid;

use crate::domain::bounds::{DeclineLimit, Standing};
use crate::domain::clock::Now;
use crate::domain::external_reference::ExternalReference;
use crate::domain::order::NewOrder;
use crate::store::standings::{Figures, at_most, select_standings};

/// An order, and the idempotency key that will stand for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placement<'a> {
    pub(crate) key: &'a IdempotencyKey,
    pub(crate) order: &'a NewOrder,
    /// The actor that places it.
    pub(crate) actor: &'a str,
}

/// One statement for everything that an order begins with: the order itself, which claims the key, its lines, its first
/// event, and its work-list entry, which a paid order does not have.
///
/// Every transaction claims keys in key order, so that no two wait for each other.
///
/// The standings don't include the new orders: a statement doesn't see what it inserts.
const INSERT: &str = concat!(
    "
WITH placed AS (
    INSERT INTO orders.orders
        (tenant_id, id, idempotency_key, fingerprint, customer_id, status, version, warehouse_id, currency,
         total_minor, shipping_address, routing, external_reference, metadata, created_at, updated_at)
    SELECT $1, id, idempotency_key, fingerprint, customer_id, status, 1, warehouse_id, currency,
           total_minor, shipping_address::jsonb, routing::jsonb, external_reference, metadata::jsonb,
           greatest($3, now()), greatest($3, now())
    FROM unnest($7::uuid[], $8::text[], $9::bytea[], $10::uuid[], $11::uuid[], $12::text[], $13::bigint[],
                $14::text[], $15::text[], $16::text[], $17::text[], $2::text[])
        AS new (id, idempotency_key, fingerprint, customer_id, warehouse_id, currency, total_minor,
                shipping_address, routing, external_reference, metadata, status)
    WHERE ",
    in_transaction_sql!(),
    "
    ORDER BY idempotency_key
    ON CONFLICT (tenant_id, idempotency_key) DO NOTHING
    RETURNING id, created_at
),
lined AS (
    INSERT INTO orders.lines (tenant_id, order_id, number, product_id, quantity, unit_price_minor, payable_minor)
    SELECT $1, placed.id, line.number, line.product_id, line.quantity, line.unit_price_minor, line.payable_minor
    FROM unnest($18::uuid[], $19::integer[], $20::uuid[], $21::integer[], $22::bigint[], $27::bigint[])
        AS line (order_id, number, product_id, quantity, unit_price_minor, payable_minor)
    JOIN placed ON placed.id = line.order_id
),
told AS (
    INSERT INTO orders.events (tenant_id, order_id, sequence, from_status, to_status, actor, reason, occurred_at)
    SELECT $1, placed.id, 1, NULL, deed.status, deed.actor, $6, placed.created_at
    FROM unnest($7::uuid[], $5::text[], $2::text[]) AS deed (order_id, actor, status)
    JOIN placed ON placed.id = deed.order_id
),
listed AS (
    INSERT INTO orders.reconciliations (tenant_id, order_id, due_at, customer_id, units)
    SELECT $1, placed.id, placed.created_at + make_interval(secs => $4), new.customer_id, new.units
    FROM unnest($7::uuid[], $10::uuid[], $23::bigint[], $2::text[]) AS new (id, customer_id, units, status)
    JOIN placed ON placed.id = new.id
    WHERE new.status <> 'PAID'
),
standing AS (",
    select_standings!("$24", "$3", "$25", "$26"),
    ")
SELECT placed.id, placed.created_at, standing.unpaid_orders, standing.unpaid_units, standing.oldest_s,
       standing.declines, standing.first_s
FROM placed
JOIN unnest($7::uuid[], $10::uuid[]) AS new (id, customer_id) ON new.id = placed.id
LEFT JOIN standing ON standing.customer_id = new.customer_id"
);

/// An inserted order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inserted {
    pub(crate) created_at: DateTime<Utc>,
    /// The customer's standing before this order, if requested.
    pub(crate) standing: Standing,
}

/// Which standings to return with the orders.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Standings {
    /// None.
    Ignored,
    /// The standings of all customers, with declines counted up to this limit.
    Limited(DeclineLimit),
}

/// Places orders, and returns when each was placed. An order missing from the result was not placed, because its key is
/// already taken. Waits for other transactions that are claiming one of the keys.
///
/// The sweeper does not claim the orders before `delay` has passed.
pub(crate) fn insert<'q>(
    tenant: TenantId,
    now: Now,
    delay: Duration,
    reason: &'q str,
    placements: &'q [Placement<'q>],
    standings: Standings,
) -> Statement<'q, HashMap<OrderId, Inserted>> {
    #[derive(QueryableByName)]
    struct Placed {
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
        #[diesel(sql_type = Timestamptz)]
        created_at: DateTime<Utc>,
        #[diesel(embed)]
        figures: Figures,
    }

    let (orders, lines) = (Orders::of(placements), Lines::of(placements));
    let (looked_at, window, most) = match standings {
        Standings::Ignored => (Vec::new(), Duration::ZERO, 0),
        Standings::Limited(limit) => (orders.customers.clone(), limit.window, limit.per_customer),
    };
    cached_sql(INSERT)
        .bind::<SqlUuid, _>(tenant.as_uuid())
        .bind::<Array<Text>, _>(orders.statuses)
        .bind::<Nullable<Timestamptz>, _>(now)
        .bind::<Double, _>(delay.as_secs_f64())
        .bind::<Array<Text>, _>(orders.actors)
        .bind::<Text, _>(reason)
        .bind::<Array<SqlUuid>, _>(orders.ids)
        .bind::<Array<Text>, _>(orders.keys)
        .bind::<Array<Binary>, _>(orders.fingerprints)
        .bind::<Array<SqlUuid>, _>(orders.customers)
        .bind::<Array<SqlUuid>, _>(orders.warehouses)
        .bind::<Array<Text>, _>(orders.currencies)
        .bind::<Array<BigInt>, _>(orders.totals)
        .bind::<Array<Text>, _>(orders.addresses)
        .bind::<Array<Text>, _>(orders.routings)
        .bind::<Array<Nullable<Text>>, _>(orders.references)
        .bind::<Array<Nullable<Text>>, _>(orders.metadata)
        .bind::<Array<SqlUuid>, _>(lines.orders)
        .bind::<Array<Integer>, _>(lines.numbers)
        .bind::<Array<SqlUuid>, _>(lines.products)
        .bind::<Array<Integer>, _>(lines.quantities)
        .bind::<Array<BigInt>, _>(lines.prices)
        .bind::<Array<BigInt>, _>(orders.units)
        .bind::<Array<SqlUuid>, _>(looked_at)
        .bind::<Double, _>(window.as_secs_f64())
        .bind::<BigInt, _>(at_most(most))
        .bind::<Array<BigInt>, _>(lines.payable)
        .rows::<Placed>()
        .map(|placed| {
            let inserted = |row: Placed| {
                let inserted = Inserted {
                    created_at: row.created_at,
                    standing: row.figures.into(),
                };
                (row.id.into(), inserted)
            };
            placed.into_iter().map(inserted).collect()
        })
}

/// Orders, column by column.
#[derive(Default)]
struct Orders<'a> {
    ids: Vec<Uuid>,
    keys: Vec<&'a str>,
    fingerprints: Vec<&'a [u8]>,
    customers: Vec<Uuid>,
    warehouses: Vec<Uuid>,
    currencies: Vec<&'a str>,
    totals: Vec<i64>,
    addresses: Vec<String>,
    routings: Vec<String>,
    references: Vec<Option<&'a str>>,
    metadata: Vec<Option<String>>,
    actors: Vec<&'a str>,
    units: Vec<i64>,
    statuses: Vec<&'static str>,
}

impl<'a> Orders<'a> {
    fn of(placements: &'a [Placement<'a>]) -> Self {
        let mut columns = Self::default();
        for Placement { key, order, actor } in placements {
            columns.actors.push(actor);
            columns.ids.push(order.id.as_uuid());
            columns.keys.push(key.as_str());
            columns.fingerprints.push(&order.fingerprint.0);
            columns.customers.push(order.customer_id.as_uuid());
            columns.units.push(order.units());
            columns.statuses.push(order.first_status().as_str());
            columns.warehouses.push(order.warehouse_id.as_uuid());
            columns.currencies.push(order.total.currency.as_str());
            columns.totals.push(order.total.amount_minor);
            columns.addresses.push(json(&order.shipping_address));
            columns.routings.push(json(&order.routing));
            let reference = order.external_reference.as_ref();
            columns
                .references
                .push(reference.map(ExternalReference::as_str));
            let metadata = Some(&order.metadata).filter(|it| !it.is_empty());
            columns.metadata.push(metadata.map(json));
        }
        columns
    }
}

/// The lines of orders, column by column, numbered from 1 within each order.
#[derive(Default)]
struct Lines {
    orders: Vec<Uuid>,
    numbers: Vec<i32>,
    products: Vec<Uuid>,
    quantities: Vec<i32>,
    prices: Vec<i64>,
    payable: Vec<i64>,
}

impl Lines {
    fn of(placements: &[Placement<'_>]) -> Self {
        let mut columns = Self::default();
        for Placement { order, .. } in placements {
            for (number, line) in (1..).zip(&order.lines) {
                columns.orders.push(order.id.as_uuid());
                columns.numbers.push(number);
                columns.products.push(line.product_id.as_uuid());
                columns.quantities.push(line.quantity);
                columns.prices.push(line.unit_price.amount_minor);
                columns.payable.push(line.payable.amount_minor);
            }
        }
        columns
    }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("strings and finite numbers always serialize to JSON")
}
