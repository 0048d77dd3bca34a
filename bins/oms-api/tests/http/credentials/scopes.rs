//! The operations and the data that the scopes of a credential allow.

use oms_validation::Scope;
use oms_web::Access;
use reqwest::Method;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::documents::every_route::{Things, send};
use crate::keys::keys;
use crate::request::{WIDGET_A, new_key, small_order, with};
use crate::routes::{ROUTES, Route};
use crate::shop::Shop;
use crate::stock::ATLANTA_WAREHOUSE;

/// Facts about the order that only `orders:read` shows.
const OF_THE_ORDER: [&str; 4] = [
    "cacacaca-caca-4aca-8aca-cacacacacaca",
    "7 Canary Wharf",
    "canary-reference",
    "canary-metadata",
];

/// Facts about the inventory that only `inventory:read` shows.
const OF_THE_INVENTORY: [&str; 4] = [
    "Canary Dock",
    "Canary Widget",
    "\"onHand\":",
    "\"removable\":",
];

/// Members of an order that are hidden from callers who did not place it.
const MEMBERS: [&str; 5] = [
    "customerId",
    "shippingAddress",
    "externalReference",
    "metadata",
    "routing",
];

/// Routes that refuse the request because of the state of their resource.
const REFUSED: [(&str, &str); 13] = [
    ("POST", "/fulfilment-orders/{id}/move"),
    ("POST", "/fulfilment-orders/{id}/reject"),
    ("POST", "/fulfilment-orders/{id}/shipments"),
    ("POST", "/fulfilment-orders/{id}/stop"),
    ("POST", "/shipments/{id}/deliver"),
    ("POST", "/orders/{id}/returns"),
    ("POST", "/returns/{id}/decline"),
    ("POST", "/returns/{id}/refund"),
    ("POST", "/operations/dead-letters"),
    ("POST", "/operations/dead-letters/{id}/resolve"),
    ("POST", "/routing/preview"),
    ("POST", "/stock-levels/transfer"),
    // The endpoint may have reached nothing yet.
    ("POST", "/webhook-endpoints/{id}/replays"),
];

fn telling_order() -> Value {
    let order = with(small_order(), "customerId", json!(OF_THE_ORDER[0]));
    let address = json!({
        "line1": OF_THE_ORDER[1],
        "city": "Atlanta",
        "location": { "lat": 33.75, "lng": -84.38 },
    });
    let order = with(order, "shippingAddress", address);
    let order = with(order, "externalReference", json!(OF_THE_ORDER[2]));
    with(order, "metadata", json!({ "note": OF_THE_ORDER[3] }))
}

async fn telling_shop() -> Shop {
    let shop = Shop::open().await;
    let tell = format!(
        "UPDATE inventory.warehouses SET address = '{}' WHERE id = '{ATLANTA_WAREHOUSE}';
         UPDATE inventory.products SET name = '{}' WHERE id = '{WIDGET_A}';
         -- Each route has an order of its own.
         UPDATE inventory.stock_levels SET on_hand = on_hand + 1000",
        OF_THE_INVENTORY[0], OF_THE_INVENTORY[1],
    );
    shop.database.execute(&tell).await;
    shop
}

impl Shop {
    async fn send_as(&self, key: &str, method: Method, path: &str, body: &Value) -> Answer {
        let request = self.customer().request(method, path).bearer_auth(key);
        let request = request
            .header("idempotency-key", new_key())
            .header("if-match", "*");
        Answer::of(request.json(body).send().await.unwrap()).await
    }

    pub async fn post_as(&self, key: &str, path: &str, body: &Value) -> Answer {
        self.send_as(key, Method::POST, path, body).await
    }
}

fn assert_shows_no_more_than(scope: Scope, route: &Route, answer: &Answer) {
    let hidden = |facts: &[&str]| {
        let shown = facts.iter().find(|fact| answer.text.contains(**fact));
        assert_eq!(shown, None, "{scope} at {route:?}: {answer:?}");
    };
    // A warehouse may read where its shipments go, and nothing else about the order.
    if scope == Scope::FulfilmentRead {
        hidden(&[OF_THE_ORDER[0], OF_THE_ORDER[2], OF_THE_ORDER[3]]);
    } else if scope != Scope::OrdersRead {
        hidden(&OF_THE_ORDER);
    }
    if scope != Scope::InventoryRead {
        hidden(&OF_THE_INVENTORY);
    }
    // The answer to placing an order shows the order.
    if scope != Scope::OrdersRead && route.path != "/orders" {
        for member in MEMBERS {
            let member = format!("\"{member}\":");
            assert!(!answer.text.contains(&member), "{route:?}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn no_route_shows_data_that_only_another_scope_may_read() {
    let shop = telling_shop().await;
    let mut credentials = Vec::new();
    for scope in Scope::ALL {
        let name = format!("only-{scope}");
        credentials.push((scope, shop.key(&name, scope.as_str()).await));
    }
    let mut failed = Vec::new();
    for route in ROUTES.iter() {
        let Access::Scope(needed) = route.access else {
            continue;
        };
        let things = Things::of_order(&shop, &telling_order()).await;
        for (scope, key) in &credentials {
            let answer = send(&shop, &things, route, Some(key)).await;
            if *scope != needed {
                answer.assert_problem(403, "access.forbidden");
                assert_eq!(answer.body["scope"], needed.as_str(), "{route:?}");
                continue;
            }
            assert_shows_no_more_than(*scope, route, &answer);
            let is_refused = REFUSED.contains(&(route.method, route.path));
            let is_done = (200..300).contains(&answer.status);
            if !is_refused && !is_done {
                failed.push(format!(
                    "{} {}: {}",
                    route.method, route.path, answer.body["code"]
                ));
            }
        }
    }
    assert_eq!(failed, Vec::<String>::new());
}

#[tokio::test]
async fn a_key_that_places_orders_can_neither_cancel_nor_refund_them() {
    let shop = Shop::open().await;
    let till = shop.key("till", "orders:write orders:read").await;
    let placed = shop.place_as(&till).await;
    let path = format!("/orders/{}", placed.order_id());
    for (action, scope) in [("cancel", "orders:cancel"), ("refunds", "orders:refund")] {
        let refused = shop
            .post_as(&till, &format!("{path}/{action}"), &json!({}))
            .await;
        refused.assert_problem(403, "access.forbidden");
        assert_eq!(refused.body["scope"], scope);
    }
    assert_eq!(shop.order(&placed.order_id()).await["status"], "PAID");
}

#[tokio::test]
async fn a_storefront_s_key_can_neither_pass_the_window_nor_give_units_away() {
    let shop = Shop::open().await;
    let store = shop.key("store", "returns:write").await;
    let desk = shop.key("desk", "returns:write orders:refund").await;
    let (order_id, _) = shop.delivered(2).await;
    let path = format!("/orders/{order_id}/returns");
    let line = json!([{ "line": 1, "quantity": 1, "reason": "unwanted" }]);
    let late = json!({ "lines": line, "requestedBy": "operator", "overrideReason": "a regular" });
    let id = shop.approved_return(&order_id, 1).await;
    let close = format!("/returns/{id}/close");
    let kept = json!({ "refundWithoutReceipt": true });
    for (path, body, done) in [(path, late, 201), (close, kept, 200)] {
        let refused = shop.post_as(&store, &path, &body).await;
        refused.assert_problem(403, "access.forbidden");
        assert_eq!(refused.body["scope"], "orders:refund");
        let allowed = shop.post_as(&desk, &path, &body).await;
        assert_eq!(allowed.status, done, "{allowed:?}");
    }
    assert_eq!(shop.sandbox.money(&order_id).await, (2000, 1000));
    shop.assert_consistent().await;
}

#[tokio::test]
async fn cancelling_without_read_scope_shows_only_the_status_and_the_refunds() {
    let shop = telling_shop().await;
    let desk = shop.key("desk", "orders:cancel").await;
    let order_id = shop.place_new(&telling_order()).await.order_id();
    let path = format!("/orders/{order_id}/cancel");
    let cancelled = shop
        .post_as(&desk, &path, &json!({ "reason": "lost" }))
        .await;
    assert_eq!(cancelled.status, 200, "{cancelled:?}");
    let refund_id = &cancelled.body["refunds"][0]["refundId"];
    assert_eq!(
        cancelled.body,
        json!({
            "orderId": order_id,
            "status": "CANCELLED",
            "refunds": [{
                "refundId": refund_id,
                "status": "refunded",
                "amount": { "amountMinor": 1000, "currency": "USD" },
            }],
        })
    );
    assert_eq!(
        cancelled.header("location"),
        Some(format!("/orders/{order_id}").as_str())
    );
    let again = shop.post_as(&desk, &path, &json!({})).await;
    assert_eq!(again.body, cancelled.body);

    let reader = shop.key("reader", "orders:cancel orders:read").await;
    let read = shop.post_as(&reader, &path, &json!({})).await;
    assert_eq!(read.body, shop.order(&order_id).await);
    assert_eq!(read.body["customerId"], OF_THE_ORDER[0]);
}

#[tokio::test]
async fn a_refund_needs_its_own_scope_and_shows_only_the_refund() {
    let shop = telling_shop().await;
    let desk = shop.key("desk", "orders:refund").await;
    let order_id = shop.place_new(&telling_order()).await.order_id();
    let path = format!("/orders/{order_id}");
    let refund = json!({ "amount": { "amountMinor": 300, "currency": "USD" } });
    let refunded = shop
        .post_as(&desk, &format!("{path}/refunds"), &refund)
        .await;
    assert_eq!(refunded.status, 201, "{refunded:?}");
    assert_eq!(refunded.body["orderStatus"], "PAID");
    assert_eq!(refunded.body["amount"]["amountMinor"], 300);
    shop.post_as(&desk, &format!("{path}/cancel"), &json!({}))
        .await
        .assert_problem(403, "access.forbidden");
    shop.read_as(&desk, &path)
        .await
        .assert_problem(403, "access.forbidden");
}

#[tokio::test]
async fn paying_for_an_order_without_read_scope_shows_the_amount_but_not_the_customer() {
    let shop = telling_shop().await;
    let till = shop.key("till", "orders:write").await;
    let order_id = shop.place_new(&telling_order()).await.order_id();
    let path = format!("/orders/{order_id}/payment");
    let paid = shop.post_as(&till, &path, &json!({})).await;
    assert_eq!(paid.status, 200, "{paid:?}");
    assert_eq!(
        paid.body,
        json!({
            "orderId": order_id,
            "status": "PAID",
            "total": { "amountMinor": 1000, "currency": "USD" },
        })
    );
    let reader = shop.key("reader", "orders:write orders:read").await;
    let read = shop.post_as(&reader, &path, &json!({})).await;
    assert_eq!(read.body["customerId"], OF_THE_ORDER[0]);
}

#[tokio::test]
async fn a_dead_letter_shows_its_order_only_with_orders_read() {
    let shop = telling_shop().await;
    let things = Things::of_order(&shop, &telling_order()).await;
    let route = ROUTES
        .iter()
        .find(|it| it.path == "/operations/dead-letters/{id}");
    let path = things.path(route.unwrap());
    let ann = shop.key("ann", "operations").await;
    let brief = shop.read_as(&ann, &path).await;
    assert_eq!(brief.status, 200, "{brief:?}");
    let order = &brief.body["order"];
    assert_eq!(order["status"], "PAID", "{brief:?}");
    assert_eq!(order["total"]["amountMinor"], 1000, "{brief:?}");
    assert!(brief.body["timeline"].is_array() && brief.body["attempts"].is_array());
    let bob = shop.key("bob", "operations orders:read").await;
    let full = shop.read_as(&bob, &path).await;
    assert_eq!(full.body["order"]["customerId"], OF_THE_ORDER[0]);
}

#[tokio::test]
async fn changing_the_inventory_without_read_scope_shows_only_ids_and_versions() {
    let shop = telling_shop().await;
    let writer = shop.key("writer", "inventory:write").await;
    let both = shop.key("both", "inventory:write inventory:read").await;
    for (path, change) in [
        (
            format!("/warehouses/{ATLANTA_WAREHOUSE}"),
            json!({ "active": true }),
        ),
        (
            format!("/products/{WIDGET_A}"),
            json!({ "sku": "WIDGET-A" }),
        ),
    ] {
        let brief = shop.send_as(&writer, Method::PATCH, &path, &change).await;
        assert_eq!(brief.status, 200, "{brief:?}");
        let mut members: Vec<&String> = brief.body.as_object().unwrap().keys().collect();
        members.sort();
        assert_eq!(members, ["createdAt", "id", "updatedAt", "version"]);
        let full = shop.send_as(&both, Method::PATCH, &path, &change).await;
        assert!(full.text.contains("Canary"), "{full:?}");
    }
    let take = json!({
        "warehouseId": ATLANTA_WAREHOUSE,
        "lines": [{ "productId": WIDGET_A, "quantity": -1_000_000 }],
        "reason": "lost",
    });
    let refused = shop.post_as(&writer, "/stock-levels/adjust", &take).await;
    refused.assert_problem(422, "inventory.insufficient_stock");
    assert_eq!(refused.body["shortfalls"][0]["wanted"], 1_000_000);
    assert_eq!(refused.body["shortfalls"][0].get("removable"), None);
    let refused = shop.post_as(&both, "/stock-levels/adjust", &take).await;
    assert!(
        refused.body["shortfalls"][0]["removable"].is_number(),
        "{refused:?}"
    );
}

#[tokio::test]
async fn old_keys_keep_their_rights_and_new_keys_get_only_their_scopes() {
    let shop = Shop::open().await;
    let old = shop.key("old", "orders:write orders:read").await;
    let reader = shop.key("reader", "orders:read").await;
    let migration =
        include_str!("../../../../../migrations/20261128100100_access_order_scopes/up.sql");
    for _ in 0..2 {
        shop.database.execute(migration).await;
    }
    let rotated = keys(&shop.database, "rotate --name old --overlap-hours 1").await;
    assert!(rotated.status.success(), "{rotated:?}");
    let new = shop.key("new", "orders:write orders:read").await;
    for (key, refunding) in [
        (old.as_str(), 201),
        (rotated.stdout.trim(), 201),
        (&new, 403),
        (&reader, 403),
    ] {
        let order_id = shop.place_new(&small_order()).await.order_id();
        let path = format!("/orders/{order_id}/refunds");
        let refund = json!({ "amount": { "amountMinor": 1, "currency": "USD" } });
        let answer = shop.post_as(key, &path, &refund).await;
        assert_eq!(answer.status, refunding, "{answer:?}");
        let path = format!("/orders/{order_id}/cancel");
        let answer = shop.post_as(key, &path, &json!({})).await;
        let cancelling = if refunding == 403 { 403 } else { 200 };
        assert_eq!(answer.status, cancelling, "{answer:?}");
    }
    let listed = keys(&shop.database, "list").await.stdout;
    let rows: Vec<&str> = listed
        .lines()
        .filter(|row| row.contains("  old  "))
        .collect();
    assert_eq!(rows.len(), 2, "{listed}");
    for row in rows {
        assert_eq!(row.matches("orders:cancel").count(), 1, "{listed}");
        assert_eq!(row.matches("orders:refund").count(), 1, "{listed}");
    }
}
