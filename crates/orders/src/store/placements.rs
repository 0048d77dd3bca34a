//! Inserting new orders.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{
    Array, BigInt, Binary, Double, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use oms_database::{CachedStatement, Engine, Statement, cached_sql, in_transaction_sql};
use oms_events::{APPENDED, append_sql};
use oms_inventory::PriceListCode;
use oms_validation::{IdempotencyKey, OrderId, TenantId};
use uuid::Uuid;

use crate::domain::bounds::{DeclineLimit, Standing};
use crate::domain::clock::Now;
use crate::domain::external_reference::ExternalReference;
use crate::domain::id::CustomerId;
use crate::domain::order::NewOrder;
use crate::store::standings::{self, Figures, at_most, select_standings};

/// An order, and the idempotency key that will stand for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placement<'a> {
    pub(crate) key: &'a IdempotencyKey,
    pub(crate) order: &'a NewOrder,
    /// The actor that places it.
    pub(crate) actor: &'a str,
}

/// One statement for everything that an order begins with: the order itself, which claims the key, its lines, its first
/// event with its place in the feed, and its work-list entry, which a paid order does not have.
///
/// The standings don't include the new orders: a statement doesn't see what it inserts.
const INSERT_ALL: &str = concat!(
    "-- plain PostgreSQL: five statements take 0.08 ms more per order
WITH placed AS (
    INSERT INTO orders.orders
        (tenant_id, id, idempotency_key, fingerprint, customer_id, status, version, warehouse_id, currency,
         total_minor, shipping_address, routing, external_reference, metadata, price_list, created_at, updated_at)
    SELECT $1, id, idempotency_key, fingerprint, customer_id, status, 1, warehouse_id, currency,
           total_minor, shipping_address::jsonb, routing::jsonb, external_reference, metadata::jsonb,
           price_list, greatest($3, now()), greatest($3, now())
    FROM unnest($7::uuid[], $8::text[], $9::bytea[], $10::uuid[], $11::uuid[], $12::text[], $13::bigint[],
                $14::text[], $15::text[], $16::text[], $17::text[], $2::text[], $28::text[])
        AS new (id, idempotency_key, fingerprint, customer_id, warehouse_id, currency, total_minor,
                shipping_address, routing, external_reference, metadata, status, price_list)
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
appended AS (",
    append_sql!("$29", tenant "$1", subject "placed.id", number "1", from "placed"),
    "),
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

/// The orders alone. The other statements insert what belongs to those of the orders that were inserted.
const INSERT_ORDERS: &str = concat!(
    "INSERT INTO orders.orders AS placed
        (tenant_id, id, idempotency_key, fingerprint, customer_id, status, version, warehouse_id, currency,
         total_minor, shipping_address, routing, external_reference, metadata, price_list, created_at, updated_at)
     SELECT t.tenant_id, new.id, new.idempotency_key, new.fingerprint, new.customer_id, new.status, 1, new.warehouse_id,
            new.currency, new.total_minor, new.shipping_address::jsonb, new.routing::jsonb, new.external_reference,
            new.metadata::jsonb, new.price_list, greatest($3, now()), greatest($3, now())
     FROM tenancy.tenants t
     CROSS JOIN unnest($4::uuid[], $5::text[], $6::bytea[], $7::uuid[], $8::uuid[], $9::text[], $10::bigint[],
                       $11::text[], $12::text[], $13::text[], $14::text[], $2::text[], $15::text[])
         AS new (id, idempotency_key, fingerprint, customer_id, warehouse_id, currency, total_minor,
                 shipping_address, routing, external_reference, metadata, status, price_list)
     WHERE t.tenant_id = $1 AND ",
    in_transaction_sql!(),
    "
     ORDER BY new.idempotency_key
     ON CONFLICT (tenant_id, idempotency_key) DO NOTHING
     RETURNING placed.id, placed.created_at"
);

const INSERT_LINES: &str = "
INSERT INTO orders.lines (tenant_id, order_id, number, product_id, quantity, unit_price_minor, payable_minor)
SELECT placed.tenant_id, placed.id, line.number, line.product_id, line.quantity, line.unit_price_minor,
       line.payable_minor
FROM unnest($2::uuid[], $3::integer[], $4::uuid[], $5::integer[], $6::bigint[], $7::bigint[])
    AS line (order_id, number, product_id, quantity, unit_price_minor, payable_minor)
JOIN orders.orders AS placed ON placed.tenant_id = $1 AND placed.id = line.order_id";

const INSERT_EVENTS: &str = "
INSERT INTO orders.events (tenant_id, order_id, sequence, from_status, to_status, actor, reason, occurred_at)
SELECT placed.tenant_id, placed.id, 1, NULL, placed.status, deed.actor, $4, placed.created_at
FROM unnest($2::uuid[], $3::text[]) AS deed (order_id, actor)
JOIN orders.orders AS placed ON placed.tenant_id = $1 AND placed.id = deed.order_id";

const APPEND_EVENTS: &str = append_sql!(
    "$2", tenant "placed.tenant_id", subject "placed.id", number "placed.version",
    from "orders.orders AS placed WHERE placed.tenant_id = $1 AND placed.id = ANY ($3) GROUP BY placed.tenant_id"
);

/// A claim begins with the time in microseconds, as the default of its column does: a distributed engine can't send a
/// row with that default to its node.
const INSERT_ENTRIES: &str = "
INSERT INTO orders.reconciliations (tenant_id, order_id, due_at, customer_id, units, claim)
SELECT placed.tenant_id, placed.id, placed.created_at + make_interval(secs => $4), placed.customer_id, new.units,
       (extract(epoch FROM placed.created_at) * 1000000)::bigint
FROM unnest($2::uuid[], $3::bigint[]) AS new (id, units)
JOIN orders.orders AS placed ON placed.tenant_id = $1 AND placed.id = new.id AND placed.status = 'PENDING_PAYMENT'";

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
/// already taken. Waits for other transactions that are claiming one of the keys. Every transaction claims keys in key
/// order, so that no two wait for each other.
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
    let (window, most) = match standings {
        Standings::Ignored => (Duration::ZERO, 0),
        Standings::Limited(limit) => (limit.window, limit.per_customer),
    };
    let orders = Orders::of(placements);
    let new = New {
        tenant,
        now,
        delay,
        reason,
        looked_at: match standings {
            Standings::Ignored => Vec::new(),
            Standings::Limited(_) => orders.customers.clone(),
        },
        window,
        most,
        lines: Lines::of(placements),
        orders,
    };
    Statement::for_engine(move |engine| match engine {
        Engine::Plain => insert_all(new),
        Engine::Distributed => insert_by_table(new),
    })
}

/// New orders, and the standings to return with them.
struct New<'q> {
    tenant: TenantId,
    now: Now,
    delay: Duration,
    reason: &'q str,
    looked_at: Vec<Uuid>,
    window: Duration,
    most: u64,
    lines: Lines,
    orders: Orders<'q>,
}

fn insert_all(new: New<'_>) -> Statement<'_, HashMap<OrderId, Inserted>> {
    #[derive(QueryableByName)]
    struct Placed {
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
        #[diesel(sql_type = Timestamptz)]
        created_at: DateTime<Utc>,
        #[diesel(embed)]
        figures: Figures,
    }

    let (orders, lines) = (new.orders, new.lines);
    cached_sql(INSERT_ALL)
        .bind::<SqlUuid, _>(new.tenant.as_uuid())
        .bind::<Array<Text>, _>(orders.statuses)
        .bind::<Nullable<Timestamptz>, _>(new.now)
        .bind::<Double, _>(new.delay.as_secs_f64())
        .bind::<Array<Text>, _>(orders.actors)
        .bind::<Text, _>(new.reason)
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
        .bind::<Array<SqlUuid>, _>(new.looked_at)
        .bind::<Double, _>(new.window.as_secs_f64())
        .bind::<BigInt, _>(at_most(new.most))
        .bind::<Array<BigInt>, _>(lines.payable)
        .bind::<Array<Nullable<Text>>, _>(orders.price_lists)
        .bind::<SqlUuid, _>(Uuid::now_v7())
        .rows::<Placed>()
        .signalling(&APPENDED)
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

/// Reads the standings before it inserts the orders.
fn insert_by_table(new: New<'_>) -> Statement<'_, HashMap<OrderId, Inserted>> {
    #[derive(QueryableByName)]
    struct Placed {
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
        #[diesel(sql_type = Timestamptz)]
        created_at: DateTime<Utc>,
    }

    let (orders, lines, tenant) = (new.orders, new.lines, new.tenant.as_uuid());
    let customers: HashMap<Uuid, CustomerId> = orders
        .ids
        .iter()
        .copied()
        .zip(orders.customers.iter().map(|id| (*id).into()))
        .collect();
    let standings = standings::select(new.tenant, new.now, new.looked_at, new.window, new.most);
    let insert = cached_sql(INSERT_ORDERS)
        .bind::<SqlUuid, _>(tenant)
        .bind::<Array<Text>, _>(orders.statuses)
        .bind::<Nullable<Timestamptz>, _>(new.now)
        .bind::<Array<SqlUuid>, _>(orders.ids.clone())
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
        .bind::<Array<Nullable<Text>>, _>(orders.price_lists)
        .rows::<Placed>();
    let insert_lines = cached_sql(INSERT_LINES)
        .bind::<SqlUuid, _>(tenant)
        .bind::<Array<SqlUuid>, _>(lines.orders)
        .bind::<Array<Integer>, _>(lines.numbers)
        .bind::<Array<SqlUuid>, _>(lines.products)
        .bind::<Array<Integer>, _>(lines.quantities)
        .bind::<Array<BigInt>, _>(lines.prices)
        .bind::<Array<BigInt>, _>(lines.payable)
        .affected();
    let insert_events = cached_sql(INSERT_EVENTS)
        .bind::<SqlUuid, _>(tenant)
        .bind::<Array<SqlUuid>, _>(orders.ids.clone())
        .bind::<Array<Text>, _>(orders.actors)
        .bind::<Text, _>(new.reason)
        .affected();
    let append = cached_sql(APPEND_EVENTS)
        .bind::<SqlUuid, _>(tenant)
        .bind::<SqlUuid, _>(Uuid::now_v7())
        .bind::<Array<SqlUuid>, _>(orders.ids.clone())
        .affected()
        .signalling(&APPENDED);
    let insert_entries = cached_sql(INSERT_ENTRIES)
        .bind::<SqlUuid, _>(tenant)
        .bind::<Array<SqlUuid>, _>(orders.ids)
        .bind::<Array<BigInt>, _>(orders.units)
        .bind::<Double, _>(new.delay.as_secs_f64())
        .affected();
    let insert = insert.then(insert_lines).then(insert_events).then(append);
    let insert = standings.and(insert.then(insert_entries));
    insert.map(move |(standings, placed)| {
        let inserted = |row: Placed| {
            let standing = standings.get(&customers[&row.id]).copied();
            let inserted = Inserted {
                created_at: row.created_at,
                standing: standing.unwrap_or_default(),
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
    price_lists: Vec<Option<&'a str>>,
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
            let price_list = order.price_list.as_ref();
            columns
                .price_lists
                .push(price_list.map(PriceListCode::as_str));
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
