//! Data that the program deletes after its configured retention period.

use crate::api::Settings;
use crate::eventually::until;
use crate::request::small_order;
use crate::shop::Shop;

/// Purges continuously.
const RETAINING: Settings<'_> = &[
    ("OMS_RETENTION_INTERVAL_MS", "50"),
    ("OMS_RETENTION_GEOCODING_DAYS", "3"),
    ("OMS_RETENTION_KEYS_DAYS", "3"),
    ("OMS_RETENTION_ADDRESSES_DAYS", "3"),
    ("OMS_ERASE_PAID_AFTER_DAYS", "3"),
];

/// Inserts an old and a recent row of registered tenants into each purged table, and an old order.
const ROWS: &str = "
    INSERT INTO geocoding.cached_locations (tenant_id, address_hash, location, cached_at)
    SELECT gen_random_uuid(), sha256(age::text::bytea), 'POINT(1 2)', now() - age * interval '1 day'
    FROM unnest(ARRAY[2, 4]) age;
    INSERT INTO orders.idempotency_keys (tenant_id, idempotency_key, fingerprint, created_at)
    SELECT gen_random_uuid(), age::text, sha256('a'), now() - age * interval '1 day' FROM unnest(ARRAY[2, 4]) age;
    INSERT INTO inventory.idempotency_keys (tenant_id, idempotency_key, fingerprint, result_id, created_at)
    SELECT gen_random_uuid(), age::text, sha256('a'), gen_random_uuid(), now() - age * interval '1 day'
    FROM unnest(ARRAY[2, 4]) age;
    INSERT INTO payments.gateway_events (tenant_id, gateway, event_id, type, gateway_created_at, applied_at, outcome)
    SELECT gen_random_uuid(), 'stripe', age::text, 't', now(), now() - age * interval '1 day', 'ignored'
    FROM unnest(ARRAY[29, 31]) age;
    INSERT INTO orders.declines (tenant_id, declined_at, attempt_id, customer_id, actor)
    SELECT gen_random_uuid(), now() - hours * interval '1 hour', gen_random_uuid(), gen_random_uuid(), 'api'
    FROM unnest(ARRAY[23, 25]) hours;
    INSERT INTO tenancy.tenants (tenant_id)
    SELECT tenant_id FROM geocoding.cached_locations UNION SELECT tenant_id FROM orders.idempotency_keys
    UNION SELECT tenant_id FROM inventory.idempotency_keys UNION SELECT tenant_id FROM payments.gateway_events
    UNION SELECT tenant_id FROM orders.declines
    ON CONFLICT DO NOTHING";

const LEFT: &str = "
    SELECT (SELECT count(*) FROM geocoding.cached_locations), (SELECT count(*) FROM orders.idempotency_keys),
        (SELECT count(*) FROM inventory.idempotency_keys), (SELECT count(*) FROM payments.gateway_events),
        (SELECT count(*) FROM orders.declines),
        (SELECT count(*) FROM orders.orders WHERE erased_at IS NULL)";

/// Copies each order as if it had been placed four days ago. IDs begin with the time.
const OLD_ORDERS: &str = "
    INSERT INTO orders.orders (tenant_id, id, fingerprint, customer_id, status, version, warehouse_id, currency, total_minor,
        shipping_address, routing, created_at)
    SELECT tenant_id, (lpad(to_hex((extract(epoch FROM created_at - interval '4 days') * 1000)::bigint), 12, '0')
            || right(replace(id::text, '-', ''), 20))::uuid,
        fingerprint, customer_id, status, 1, warehouse_id, currency, total_minor, shipping_address, routing,
        created_at - interval '4 days'
    FROM orders.orders";

#[tokio::test]
async fn old_data_is_deleted_and_the_rest_is_kept() {
    let mut shop = Shop::open().await;
    let young = shop.place_new(&small_order()).await;
    shop.database.execute(OLD_ORDERS).await;
    // What is left to send keeps its address.
    shop.database
        .execute("UPDATE orders.orders SET status = 'CANCELLED' WHERE created_at < now() - interval '3 days'")
        .await;
    shop.database.execute(ROWS).await;
    shop.api.process.kill();
    shop.restart(RETAINING).await;
    until("old data is deleted", async || {
        let left = shop.database.rows(LEFT).await;
        left[0] == ["1"; 6]
    })
    .await;
    for kind in [
        "gateway_events",
        "geocoding_cache",
        "order_keys",
        "inventory_keys",
        "declines",
        "order_addresses",
    ] {
        let series = format!("oms_retention_removed_total{{kind=\"{kind}\"}}");
        until("it is counted", async || {
            shop.metric(&series).await.as_deref() == Some("1")
        })
        .await;
    }
    let order = shop.order(&young.order_id()).await;
    assert!(order["shippingAddress"].is_string());
}

#[tokio::test]
async fn addresses_of_paid_orders_are_kept_until_they_must_have_been_delivered() {
    let mut shop = Shop::open().await;
    for _ in 0..2 {
        shop.place_new(&small_order()).await.assert_created();
    }
    shop.database.execute(OLD_ORDERS).await;
    shop.database
        .execute("UPDATE orders.orders SET status = 'CANCELLED' WHERE id = (SELECT min(id::text)::uuid FROM orders.orders)")
        .await;
    shop.api.process.kill();
    shop.restart(&[
        ("OMS_RETENTION_INTERVAL_MS", "50"),
        ("OMS_RETENTION_ADDRESSES_DAYS", "3"),
    ])
    .await;
    let left = "SELECT count(*) FROM orders.orders WHERE erased_at IS NULL AND status";
    until("old cancelled orders are erased", async || {
        let cancelled = format!("{left} = 'CANCELLED'");
        shop.database.number(&cancelled).await == 0
    })
    .await;
    assert_eq!(shop.database.number(&format!("{left} = 'PAID'")).await, 3);
}

#[tokio::test]
async fn data_without_a_default_retention_period_is_kept() {
    let mut shop = Shop::open().await;
    shop.database.execute(ROWS).await;
    shop.api.process.kill();
    shop.restart(&[("OMS_RETENTION_INTERVAL_MS", "50")]).await;
    until("old gateway events are deleted", async || {
        shop.database.rows(LEFT).await[0][3] == "1"
    })
    .await;
    assert_eq!(shop.database.rows(LEFT).await[0][..3], ["2", "2", "2"]);
}
