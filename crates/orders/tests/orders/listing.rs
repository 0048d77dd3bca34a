//! Listing orders: every filter, page by page, each from its index.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::QueryableByName;
use diesel::sql_types::BigInt;
use oms_database::Database;
use oms_geocoding::adapters::AddressBook;
use oms_orders::{
    ExternalReference, Order, OrderContext, OrderCursor, OrderError, OrderFilter, OrderListing,
    OrderSort, OrderStatus, list_orders,
};
use oms_testing::gateway::Confirm;
use oms_validation::{Page, PageSize, TenantId};
use uuid::Uuid;

use crate::shop::{Shop, other_tenant, settings, tenant};

/// Orders one second apart, with every combination of status, five customers and three warehouses, as the program would
/// have written them.
const MANY_ORDERS: &str = "
    CREATE TEMPORARY TABLE made AS
    SELECT n, at, lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0')::text AS hex_ms,
           (ARRAY['PAID', 'FAILED', 'PENDING_PAYMENT', 'CANCELLING', 'CANCELLED', 'REFUNDING', 'REFUNDED'])[1 + n % 7]
               AS status
    FROM (SELECT n, timestamptz '2026-03-01 00:00:00Z' + n * interval '1 second' AS at
          FROM generate_series(0, {orders} - 1) n) made;
    ALTER TABLE made ADD COLUMN id uuid;
    UPDATE made SET id = (hex_ms || '70008000' || lpad(to_hex(n), 12, '0'))::uuid;
    INSERT INTO orders.orders (tenant_id, id, idempotency_key, fingerprint, customer_id, status, failure_code, version,
        warehouse_id, currency, total_minor, shipping_address, routing, created_at, external_reference)
    SELECT '00000000-0000-0000-0000-000000000001', id, 'key ' || n, sha256('x'), lpad(to_hex(n % 5), 32, '0')::uuid,
        status, CASE status WHEN 'FAILED' THEN 'payment_voided' END, 2, lpad(to_hex(n % 3), 32, '0')::uuid, 'USD', 200,
        '\"somewhere\"', '{\"destination\": {\"lat\": 1, \"lng\": 2}, \"candidates\": []}', at,
        CASE WHEN n % 2 = 0 THEN '#' || n / 2 % 5 END
    FROM made ORDER BY n;
    INSERT INTO orders.lines (tenant_id, order_id, number, product_id, quantity, unit_price_minor)
    SELECT '00000000-0000-0000-0000-000000000001', id, 1, id, 2, 100 FROM made ORDER BY n;
    INSERT INTO orders.events (tenant_id, order_id, sequence, from_status, to_status, actor, reason)
    SELECT '00000000-0000-0000-0000-000000000001', id, 1, NULL, 'PENDING_PAYMENT', 'api', 'placed' FROM made ORDER BY n;
    INSERT INTO orders.events (tenant_id, order_id, sequence, from_status, to_status, actor, reason)
    SELECT '00000000-0000-0000-0000-000000000001', id, s, CASE s WHEN 2 THEN 'PENDING_PAYMENT' ELSE status END, status,
        'api', 'a change and a note'
    FROM made CROSS JOIN generate_series(2, 3) s WHERE status <> 'PENDING_PAYMENT' ORDER BY n, s;
    INSERT INTO orders.reconciliations (tenant_id, order_id, due_at)
    SELECT '00000000-0000-0000-0000-000000000001', id, at FROM made WHERE status IN ('PENDING_PAYMENT', 'REFUNDING');
    INSERT INTO orders.dead_letters (tenant_id, id, order_id, reason, tries)
    SELECT '00000000-0000-0000-0000-000000000001', id, id, 'no answer', 20 FROM made WHERE status = 'CANCELLING';
    ANALYZE";

async fn list(
    context: &OrderContext,
    tenant: TenantId,
    listing: &OrderListing,
    after: Option<OrderCursor>,
    size: PageSize,
) -> Result<Page<Order, OrderCursor>, OrderError> {
    let listed = list_orders(context, tenant, listing, after, size).await?;
    Ok(listed.page)
}

async fn shop_with(orders: usize) -> Shop {
    let shop = Shop::open(Confirm::Pays).await;
    let sql = MANY_ORDERS.replace("{orders}", &orders.to_string());
    shop.execute(&sql).await;
    shop
}

fn newest(filter: OrderFilter) -> OrderListing {
    OrderListing {
        filter,
        sort: OrderSort::NewestFirst,
    }
}

fn size(entries: u32) -> PageSize {
    PageSize::new(entries).unwrap()
}

/// All orders of a list, read page by page.
async fn read_through(shop: &Shop, listing: &OrderListing, size: PageSize) -> Vec<Uuid> {
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let page = list(&shop.context, tenant(), listing, after, size)
            .await
            .unwrap();
        ids.extend(page.items.iter().map(|order| order.id.as_uuid()));
        after = page.next;
        if after.is_none() {
            return ids;
        }
    }
}

/// The same list, by the simplest query.
async fn selected(shop: &Shop, listing: &OrderListing) -> Vec<Uuid> {
    let OrderListing { filter, sort } = listing;
    let mut conditions = vec!["tenant_id = '00000000-0000-0000-0000-000000000001'".to_owned()];
    conditions.extend(filter.status.map(|it| format!("status = '{it}'")));
    conditions.extend(filter.customer_id.map(|it| format!("customer_id = '{it}'")));
    conditions.extend(
        filter
            .warehouse_id
            .map(|it| format!("warehouse_id = '{it}'")),
    );
    conditions.extend(
        filter
            .created_from
            .map(|it| format!("created_at >= '{it}'")),
    );
    conditions.extend(filter.created_to.map(|it| format!("created_at < '{it}'")));
    let reference = filter.external_reference.as_ref();
    conditions.extend(reference.map(|it| format!("external_reference = '{it}'")));
    let direction = match sort {
        OrderSort::NewestFirst => "DESC",
        OrderSort::OldestFirst => "ASC",
    };
    let sql = format!(
        "SELECT coalesce(string_agg(id::text, ' ' ORDER BY created_at {direction}), '') FROM orders.orders WHERE {}",
        conditions.join(" AND ")
    );
    let text = shop.text(&sql).await;
    text.split_whitespace()
        .map(|id| id.parse().unwrap())
        .collect()
}

fn second(n: i64) -> DateTime<Utc> {
    let start: DateTime<Utc> = "2026-03-01T00:00:00Z".parse().unwrap();
    start + TimeDelta::seconds(n)
}

/// Every combination of the filters.
fn filters() -> Vec<OrderFilter> {
    let mut filters = Vec::new();
    for status in OrderStatus::ALL.map(Some).into_iter().chain([None]) {
        for customer in [None, Some(3), Some(9)] {
            for warehouse in [None, Some(1)] {
                for (from, to) in [
                    (None, None),
                    (Some(100), None),
                    (None, Some(200)),
                    (Some(90), Some(150)),
                ] {
                    filters.push(OrderFilter {
                        status,
                        customer_id: customer.map(|it| Uuid::from_u128(it).into()),
                        warehouse_id: warehouse.map(|it| Uuid::from_u128(it).into()),
                        created_from: from.map(second),
                        created_to: to.map(second),
                        external_reference: None,
                        disputed: None,
                    });
                }
            }
        }
    }
    let called = |reference: &str| OrderFilter {
        external_reference: ExternalReference::parse(reference).ok(),
        ..OrderFilter::default()
    };
    filters.extend([
        called("#1"),
        called("#9"),
        OrderFilter {
            status: Some(OrderStatus::Paid),
            created_from: Some(second(90)),
            ..called("#1")
        },
    ]);
    filters
}

#[tokio::test]
async fn the_pages_of_every_combination_of_filters_add_up_to_the_whole_list() {
    let shop = shop_with(420).await;
    let mut found = 0;
    for filter in filters() {
        for sort in [OrderSort::NewestFirst, OrderSort::OldestFirst] {
            let filter = filter.clone();
            let listing = OrderListing { filter, sort };
            let expected = selected(&shop, &listing).await;
            assert_eq!(
                read_through(&shop, &listing, size(17)).await,
                expected,
                "{listing:?}"
            );
            found += expected.len();
        }
    }
    assert!(found > 2 * 420);
}

#[tokio::test]
async fn orders_are_listed_with_their_lines_and_only_for_their_tenant() {
    let shop = shop_with(3).await;
    let listing = newest(OrderFilter::default());
    let page = list(&shop.context, tenant(), &listing, None, size(2))
        .await
        .unwrap();
    assert_eq!(page.items.len(), 2);
    for order in &page.items {
        assert_eq!(order.lines.len(), 1);
        assert_eq!(order.lines[0].product_id.as_uuid(), order.id.as_uuid());
    }
    let theirs = list(&shop.context, other_tenant(), &listing, None, size(2))
        .await
        .unwrap();
    assert_eq!((theirs.items.len(), theirs.next), (0, None));
    // The cursor of another tenant's list reveals nothing.
    let theirs = list(&shop.context, other_tenant(), &listing, page.next, size(2))
        .await
        .unwrap();
    assert_eq!((theirs.items.len(), theirs.next), (0, None));
}

#[tokio::test]
async fn orders_placed_between_pages_neither_shift_nor_repeat_others() {
    let shop = shop_with(10).await;
    let listing = newest(OrderFilter::default());
    let before = selected(&shop, &listing).await;
    let first = list(&shop.context, tenant(), &listing, None, size(5))
        .await
        .unwrap();
    shop.paid("placed meanwhile").await;
    let second = list(&shop.context, tenant(), &listing, first.next, size(5))
        .await
        .unwrap();
    let ids = first
        .items
        .iter()
        .chain(&second.items)
        .map(|order| order.id.as_uuid());
    assert_eq!(ids.collect::<Vec<_>>(), before);
}

#[tokio::test]
async fn a_page_looks_at_1000_orders_at_most_and_names_the_next_page() {
    let shop = shop_with(2001).await;
    // Only the customer's oldest order is paid and comes from this warehouse.
    let odd = Uuid::from_u128(0xDD);
    shop.execute(&format!("UPDATE orders.orders SET warehouse_id = '{odd}' WHERE id = (SELECT min(id::text)::uuid FROM orders.orders);
        UPDATE orders.orders SET customer_id = '{odd}'")).await;
    let listing = newest(OrderFilter {
        customer_id: Some(odd.into()),
        warehouse_id: Some(odd.into()),
        ..OrderFilter::default()
    });
    let (mut after, mut found) = (None, Vec::new());
    loop {
        let page = list(&shop.context, tenant(), &listing, after, size(20))
            .await
            .unwrap();
        found.push(page.items.len());
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, [0, 0, 1]);
}

/// A context with one connection, whose statistics can be read.
struct Reader {
    context: OrderContext,
    database: Database,
}

impl Reader {
    fn of(shop: &Shop) -> Self {
        let database = shop.database.pool(1);
        let geocoder = Arc::new(AddressBook::development());
        let context =
            OrderContext::new(database.clone(), shop.gateway.clone(), geocoder, settings());
        Self { context, database }
    }

    /// Scans so far of an index of the schema, and sequential scans of the orders.
    async fn scans(&self, index: &str) -> (i64, i64) {
        // Imported here only, because it gives every type a method `execute`.
        use diesel_async::RunQueryDsl;

        #[derive(QueryableByName)]
        struct Scans {
            #[diesel(sql_type = BigInt)]
            of_index: i64,
            #[diesel(sql_type = BigInt)]
            of_table: i64,
        }

        let mut connection = self.database.acquire().await.unwrap();
        for statement in [
            "SELECT pg_stat_force_next_flush()",
            "SELECT pg_stat_clear_snapshot()",
        ] {
            diesel::sql_query(statement)
                .execute(&mut connection)
                .await
                .unwrap();
        }
        let scans: Scans = diesel::sql_query(format!(
            "SELECT pg_stat_get_numscans('orders.{index}'::regclass) AS of_index,
                    pg_stat_get_numscans('orders.orders'::regclass) AS of_table"
        ))
        .get_result(&mut connection)
        .await
        .unwrap();
        (scans.of_index, scans.of_table)
    }

    async fn assert_reads_from(&self, index: &str, filter: OrderFilter) {
        for sort in [OrderSort::NewestFirst, OrderSort::OldestFirst] {
            let filter = filter.clone();
            let listing = OrderListing { filter, sort };
            // From the sixth execution on PostgreSQL may switch to a generic plan.
            for _ in 0..8 {
                let before = self.scans(index).await;
                list(&self.context, tenant(), &listing, None, size(20))
                    .await
                    .unwrap();
                let after = self.scans(index).await;
                assert!(after.0 > before.0, "{index} was not used for {listing:?}");
                assert_eq!(
                    after.1, before.1,
                    "the orders were read sequentially for {listing:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn each_filter_is_read_from_its_index() {
    let shop = shop_with(20_000).await;
    // As in a real shop: nearly all orders are paid, and each customer has a few.
    shop.execute("
        UPDATE orders.orders SET status = 'PAID', failure_code = NULL WHERE created_at > '2026-03-01 00:10:00Z';
        DELETE FROM orders.events e USING orders.orders o WHERE o.id = e.order_id AND o.status = 'PAID';
        DELETE FROM orders.reconciliations r USING orders.orders o WHERE o.id = r.order_id AND o.status = 'PAID';
        DELETE FROM orders.dead_letters d USING orders.orders o WHERE o.id = d.order_id AND o.status = 'PAID';
        UPDATE orders.orders SET external_reference = '#' || right(id::text, 4);
        UPDATE orders.orders SET customer_id = lpad(to_hex(('x' || right(id::text, 8))::bit(32)::int % 5000), 32, '0')::uuid,
            warehouse_id = lpad(to_hex(('x' || right(id::text, 8))::bit(32)::int % 50), 32, '0')::uuid;
        ANALYZE orders.orders; ANALYZE orders.events;
        ANALYZE orders.reconciliations; ANALYZE orders.dead_letters").await;
    let reader = Reader::of(&shop);
    let any = OrderFilter::default();
    let of_status = |status| OrderFilter {
        status: Some(status),
        ..any.clone()
    };
    let one = Uuid::from_u128(1);
    let customer = OrderFilter {
        customer_id: Some(one.into()),
        ..any.clone()
    };
    let warehouse = OrderFilter {
        warehouse_id: Some(one.into()),
        ..any.clone()
    };
    let times = OrderFilter {
        created_from: Some(second(5000)),
        created_to: Some(second(6000)),
        ..any.clone()
    };
    let called = OrderFilter {
        external_reference: ExternalReference::parse("#0007").ok(),
        ..any.clone()
    };
    reader.assert_reads_from("orders_pkey", any.clone()).await;
    reader.assert_reads_from("orders_pkey", times).await;
    reader
        .assert_reads_from("orders_pkey", of_status(OrderStatus::Paid))
        .await;
    reader
        .assert_reads_from("orders_of_a_customer", customer)
        .await;
    reader
        .assert_reads_from("orders_of_a_warehouse", warehouse)
        .await;
    reader
        .assert_reads_from("orders_by_external_reference", called)
        .await;
    for status in [
        OrderStatus::Failed,
        OrderStatus::Cancelled,
        OrderStatus::Refunded,
    ] {
        reader
            .assert_reads_from("events_of_ends", of_status(status))
            .await;
    }
}

#[tokio::test]
async fn no_index_prevents_paying_an_order_by_a_heap_only_update() {
    let shop = Shop::open(Confirm::Pays).await;
    // All columns of each index: those of the key, of expressions, and of the predicate.
    let indexes = shop
        .text(
            "SELECT coalesce(string_agg(DISTINCT i.indexrelid::regclass::text, ' '), 'none')
               FROM pg_index i
               JOIN pg_depend d ON d.objid = i.indexrelid AND d.refobjid = i.indrelid
               JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = d.refobjsubid
               WHERE i.indrelid = 'orders.orders'::regclass
                 AND a.attname IN ('status', 'failure_code', 'version', 'updated_at')",
        )
        .await;
    assert_eq!(indexes, "none");
}
