//! Calls every route of the table without a key, with a key that lacks the scope, and with a key of another tenant.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use oms_validation::Scope;
use oms_web::Access;
use reqwest::Method;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::keys::{PRODUCTION, STRANGERS, TENANT, make_key_with};
use crate::request::{CUSTOMER, WIDGET_A, new_key, small_order, with};
use crate::routes::{ROUTES, Route};
use crate::shop::Shop;
use crate::stock::{ATLANTA_WAREHOUSE, CHICAGO_WAREHOUSE};

/// Rows of one tenant for the `{id}` of each path.
pub struct Things {
    order: String,
    dead_letter: String,
    finding: String,
    import: String,
    fulfilment_order: String,
    shipment: String,
    evacuation: String,
    returned: String,
    price_list: String,
    event: String,
    webhook_endpoint: String,
    replay: String,
}

impl Things {
    pub async fn of(shop: &Shop) -> Self {
        Self::of_order(shop, &small_order()).await
    }

    /// Creates the rows, with an order placed from this body.
    pub async fn of_order(shop: &Shop, order: &Value) -> Self {
        // A warehouse has at most one open evacuation, and the previous things have one.
        let reopening =
            "DELETE FROM fulfilment.evacuated_orders; DELETE FROM fulfilment.evacuations;
             UPDATE inventory.warehouses SET active = true, evacuation_id = NULL";
        shop.database.execute(reopening).await;
        let placed = shop.place_new(order).await;
        placed.assert_created();
        let things = Self {
            order: placed.order_id(),
            dead_letter: new_key(),
            finding: new_key(),
            import: new_key(),
            fulfilment_order: shop.fulfilment_order_of(&placed.order_id()).await,
            shipment: new_key(),
            evacuation: new_key(),
            returned: new_key(),
            price_list: new_key(),
            event: format!("evt_{}_1", placed.order_id().replace('-', "")),
            webhook_endpoint: webhook_endpoint(shop).await,
            replay: new_key(),
        };
        let Self {
            order,
            dead_letter,
            finding,
            import,
            fulfilment_order,
            shipment,
            evacuation,
            returned,
            price_list,
            event: _,
            webhook_endpoint,
            replay,
        } = &things;
        let rows = format!(
            "INSERT INTO orders.dead_letters (tenant_id, id, order_id, tries, reason)
             VALUES ('{TENANT}', '{dead_letter}', '{order}', 1, 'nobody answers');
             INSERT INTO orders.findings (tenant_id, id, kind, gateway, subject, charge_reference, detail, action)
             VALUES ('{TENANT}', '{finding}', 'charge_without_order', 'stripe', 'ch_' || md5('{finding}'), 'ch_' || md5('{finding}'), 'x', 'none');
             INSERT INTO inventory.price_lists (tenant_id, id, code, currency)
             VALUES ('{TENANT}', '{price_list}', '{price_list}', 'USD');
             INSERT INTO inventory.list_prices (tenant_id, price_list_id, product_id, min_quantity, unit_price_minor)
             VALUES ('{TENANT}', '{price_list}', '{WIDGET_A}', 1, 900);
             INSERT INTO events.deliveries
                 (tenant_id, endpoint_id, position, key_id, number, subject_id, state, tries, due_at)
             SELECT '{TENANT}', '{webhook_endpoint}', 1 + count(*), '{order}', 1, '{order}', 'retrying', 1,
                 now() + interval '1 day'
             FROM events.deliveries;
             INSERT INTO events.replays
                 (tenant_id, endpoint_id, id, types, from_position, to_position, events, position, state,
                  requested_by, created_at, ended_at)
             VALUES ('{TENANT}', '{webhook_endpoint}', '{replay}', '{{}}', 0, 1, 1, 1, 'finished', 'x', now(), now());
             INSERT INTO inventory.imports (tenant_id, id, kind) VALUES ('{TENANT}', '{import}', 'stock');
             INSERT INTO fulfilment.shipments
                 (tenant_id, id, order_id, number, fulfilment_order_id, warehouse_id, status, destination)
             SELECT tenant_id, '{shipment}', order_id, 1, id, warehouse_id, 'PACKED', '\"here\"'
             FROM fulfilment.fulfilment_orders WHERE id = '{fulfilment_order}';
             INSERT INTO fulfilment.shipment_lines (tenant_id, shipment_id, line_number, product_id, quantity)
             SELECT tenant_id, '{shipment}', line_number, product_id, quantity
             FROM fulfilment.lines WHERE fulfilment_order_id = '{fulfilment_order}';
             INSERT INTO fulfilment.parcels (tenant_id, shipment_id, number, carrier)
             VALUES ('{TENANT}', '{shipment}', 1, 'UPS');
             INSERT INTO fulfilment.evacuations (tenant_id, id, warehouse_id, reason, actor)
             VALUES ('{TENANT}', '{evacuation}', '{CHICAGO_WAREHOUSE}', 'x', 'x');
             INSERT INTO fulfilment.returns
                 (tenant_id, id, order_id, number, status, warehouse_id, requested_by, terms, expires_at)
             VALUES ('{TENANT}', '{returned}', '{order}', 1, 'APPROVED', '{ATLANTA_WAREHOUSE}', 'customer', '{{}}',
                     now() + interval '1 day');
             INSERT INTO fulfilment.return_lines (tenant_id, return_id, line_number, product_id, quantity, reason)
             SELECT tenant_id, '{returned}', line_number, product_id, quantity, 'late'
             FROM fulfilment.lines WHERE fulfilment_order_id = '{fulfilment_order}'"
        );
        shop.database.execute(&rows).await;
        things
    }

    /// The path of a route with these IDs.
    pub fn path(&self, route: &Route) -> String {
        let id = match route.path {
            path if path.starts_with("/orders/{id}") => &self.order,
            path if path.starts_with("/customers/{id}") => CUSTOMER,
            path if path.starts_with("/operations/dead-letters/{id}") => &self.dead_letter,
            path if path.starts_with("/operations/findings/{id}") => &self.finding,
            path if path.starts_with("/warehouses/{id}") => ATLANTA_WAREHOUSE,
            path if path.starts_with("/products/{id}") => WIDGET_A,
            path if path.starts_with("/price-lists/{id}") => &self.price_list,
            "/docs/{file}" => return "/docs/swagger-ui.css".to_owned(),
            path if path.starts_with("/imports/{id}") => &self.import,
            path if path.starts_with("/fulfilment-orders/{id}") => &self.fulfilment_order,
            path if path.starts_with("/shipments/{id}") => &self.shipment,
            path if path.starts_with("/evacuations/{id}") => &self.evacuation,
            path if path.starts_with("/returns/{id}") => &self.returned,
            "/events/{id}" => &self.event,
            path if path.starts_with("/webhook-endpoints/{id}") => &self.webhook_endpoint,
            "/events" => return "/events?after=earliest".to_owned(),
            "/fulfilment-orders" | "/shipments" => {
                return format!("{}?orderId={}", route.path, self.order);
            }
            path if path.contains("{id}") => panic!("add the ID of {path} here"),
            _ => "",
        };
        route
            .path
            .replace("{id}", id)
            .replace("{warehouse}", ATLANTA_WAREHOUSE)
            .replace("{product}", WIDGET_A)
            .replace("{parcel}", "1")
            .replace("{handle}", "h")
            .replace("{eventId}", &self.event)
            .replace("{replayId}", &self.replay)
    }

    fn are_in(&self, text: &str) -> bool {
        [
            self.order.as_str(),
            &self.dead_letter,
            &self.finding,
            &self.import,
            &self.fulfilment_order,
            &self.shipment,
            &self.evacuation,
            &self.returned,
            &self.price_list,
            &self.event,
            &self.webhook_endpoint,
            &self.replay,
            // Only the inventory's lists contain it.
            CHICAGO_WAREHOUSE,
        ]
        .iter()
        .any(|id| text.contains(id))
    }
}

/// The ID of an endpoint that nobody serves. It is created through the API, because its secret must be sealed, and only
/// once, because a tenant may have few. It is paused, so that nothing is sent while the test compares.
async fn webhook_endpoint(shop: &Shop) -> String {
    let listed = shop.get("/webhook-endpoints").await;
    if let Some(id) = listed.body["items"][0]["id"].as_str() {
        return id.to_owned();
    }
    let body = json!({ "url": NOBODY, "signing": "ed25519" });
    let request = shop.customer().post("/webhook-endpoints");
    let request = request.header("idempotency-key", new_key()).json(&body);
    let created = Answer::of(request.send().await.unwrap()).await;
    assert_eq!(created.status, 201, "{created:?}");
    let id = created.body["id"].as_str().unwrap().to_owned();
    let pausing = shop
        .customer()
        .post(&format!("/webhook-endpoints/{id}/pause"));
    let paused = Answer::of(pausing.send().await.unwrap()).await;
    assert_eq!(paused.status, 200, "{paused:?}");
    id
}

/// Where nobody listens.
const NOBODY: &str = "http://127.0.0.1:1024/hooks";

/// A body that passes validation, so that the endpoint looks for the resource.
fn body_of(route: &Route) -> Value {
    let line = json!({ "productId": WIDGET_A, "quantity": 1 });
    match route.path {
        "/orders" => with(
            with(small_order(), "creditCardNumber", Value::Null),
            "paymentMethod",
            json!("pm_card_visa"),
        ),
        "/operations/dead-letters/{id}/resolve" => json!({ "as": "failed", "reason": "x" }),
        "/operations/findings/{id}/resolve" => json!({ "reason": "x" }),
        "/warehouses" => {
            json!({ "name": "Seattle", "location": { "lat": 47.6, "lng": -122.3 } })
        }
        "/price-lists" => json!({ "code": "wholesale", "currency": "USD" }),
        "/price-lists/{id}" => json!({ "active": false }),
        "/price-lists/{id}/prices" => json!({ "prices": [] }),
        "/products" => json!({ "sku": "LAMP", "name": "Lamp" }),
        "/warehouses/{id}" | "/products/{id}" => json!({ "name": "another" }),
        "/stock-levels/receive" | "/stock-levels/adjust" => {
            json!({ "warehouseId": ATLANTA_WAREHOUSE, "lines": [line], "reason": "x" })
        }
        // The two after it in the table take a unit out again.
        "/stock-levels/quarantine" => json!({
            "warehouseId": ATLANTA_WAREHOUSE,
            "lines": [{ "productId": WIDGET_A, "quantity": 2 }],
            "reason": "x",
        }),
        "/stock-levels/quarantine/release" | "/stock-levels/quarantine/write-off" => json!({
            "warehouseId": ATLANTA_WAREHOUSE,
            "lines": [{ "productId": WIDGET_A, "quantity": 1 }],
            "reason": "x",
        }),
        "/stock-levels/transfer" => json!({
            "fromWarehouseId": ATLANTA_WAREHOUSE,
            "toWarehouseId": CHICAGO_WAREHOUSE,
            "lines": [line],
        }),
        "/settings/orders" => json!({ "currencies": ["USD"] }),
        "/stock-levels/{warehouse}/{product}/safety-stock" => json!({ "quantity": 1 }),
        "/fulfilment-orders/{id}/holds" => json!({ "handle": "h", "reason": "other" }),
        "/fulfilment-orders/{id}/move" | "/warehouses/{id}/evacuate" => json!({ "reason": "x" }),
        "/fulfilment-orders/{id}/reject" => json!({ "reason": "other" }),
        "/shipments/{id}/cancel" | "/returns/{id}/decline" => json!({ "reason": "x" }),
        "/orders/{id}/returns" => {
            json!({ "lines": [{ "line": 1, "quantity": 1, "reason": "late" }] })
        }
        "/returns/{id}/receipts" => json!({
            "warehouseId": ATLANTA_WAREHOUSE, "lines": [{ "line": 1, "restock": 1 }],
        }),
        "/shipments/{id}/tracking" => {
            json!({ "status": "in_transit", "happenedAt": "2026-11-29T12:00:00Z" })
        }
        "/shipments/batch" => json!({ "items": [{
            "action": "ship", "idempotencyKey": "k", "shipmentId": new_key(),
        }] }),
        "/webhook-endpoints" => json!({ "url": NOBODY }),
        "/webhook-endpoints/{id}" => json!({ "maxInFlight": 2 }),
        "/webhook-endpoints/{id}/replays" => json!({ "from": "earliest" }),
        "/shipments/{id}/parcels/{parcel}" => json!({ "carrier": "DHL" }),
        _ => json!({}),
    }
}

/// Sends a valid request to a route.
pub async fn send(shop: &Shop, things: &Things, route: &Route, key: Option<&str>) -> Answer {
    let method = Method::from_bytes(route.method.as_bytes()).unwrap();
    let mut request = shop
        .customer()
        .request(method.clone(), &things.path(route))
        .header("idempotency-key", new_key())
        .header("if-match", "*");
    if let Some(key) = key {
        request = request.bearer_auth(key);
    }
    request = match (&method, route.path) {
        (&Method::GET, _) => request,
        (_, path) if path.starts_with("/imports/") => request
            .header("content-type", "application/jsonl")
            .body("{}"),
        _ => request.json(&body_of(route)),
    };
    Answer::of(request.send().await.unwrap()).await
}

/// Whether a route deletes what others are about.
fn deletes(route: &Route) -> bool {
    route.method == "DELETE" && route.path == "/webhook-endpoints/{id}"
}

/// All routes, and last those that delete what others are about.
fn deleting_last() -> impl Iterator<Item = &'static Route> {
    let others = ROUTES.iter().filter(|route| !deletes(route));
    others.chain(ROUTES.iter().filter(|route| deletes(route)))
}

async fn live_key(shop: &Shop, tenant: &str, name: &str, scopes: &[Scope]) -> String {
    let names: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
    make_key_with(&shop.database, PRODUCTION, tenant, name, &names.join(" ")).await
}

/// All rows of one tenant that a request could have changed.
async fn everything(shop: &Shop) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for table in [
        "orders.orders",
        "orders.events",
        "orders.dead_letters",
        "orders.findings",
        "fulfilment.fulfilment_orders",
        "fulfilment.shipments",
        "fulfilment.parcels",
        "fulfilment.moves",
        "fulfilment.exclusions",
        "fulfilment.evacuations",
        "fulfilment.returns",
        "fulfilment.return_lines",
        "orders.credits",
        "inventory.warehouses",
        "inventory.products",
        "inventory.price_lists",
        "inventory.list_prices",
        "inventory.stock_levels",
        "inventory.stock_movements",
        "inventory.imports",
        "events.endpoints",
        "events.secrets",
        "events.deliveries",
        "events.replays",
    ] {
        rows.extend(
            shop.database
                .rows(&format!(
                    "SELECT * FROM {table} WHERE tenant_id = '{TENANT}' ORDER BY 1, 2, 3"
                ))
                .await,
        );
    }
    rows
}

#[tokio::test]
async fn every_route_accepts_only_a_key_of_the_right_tenant_and_scope() {
    let mut shop = Shop::open().await;
    let things = Things::of(&shop).await;
    shop.api.process.kill();
    shop.restart(PRODUCTION).await;
    let all = live_key(&shop, TENANT, "all", &Scope::ALL).await;
    let stranger = live_key(&shop, STRANGERS, "all", &Scope::ALL).await;
    let mut lacking = Vec::new();
    for scope in Scope::ALL {
        let others: Vec<Scope> = Scope::ALL.into_iter().filter(|it| *it != scope).collect();
        let name = format!("lacks-{scope}");
        lacking.push((scope, live_key(&shop, TENANT, &name, &others).await));
    }

    let before = everything(&shop).await;
    for route in ROUTES.iter() {
        let anonymous = send(&shop, &things, route, None).await;
        let scope = match route.access {
            Access::Open => {
                assert_eq!(anonymous.status, 200, "{route:?}: {anonymous:?}");
                continue;
            }
            Access::Signed => {
                anonymous.assert_problem(400, "payments.invalid_signature");
                continue;
            }
            Access::Scope(scope) => scope,
        };
        anonymous.assert_problem(401, "access.unauthenticated");
        let (_, key) = lacking.iter().find(|(lacks, _)| *lacks == scope).unwrap();
        let forbidden = send(&shop, &things, route, Some(key)).await;
        forbidden.assert_problem(403, "access.forbidden");
        assert_eq!(forbidden.body["scope"], scope.as_str(), "{route:?}");
        let elsewhere = send(&shop, &things, route, Some(&stranger)).await;
        assert!(!things.are_in(&elsewhere.text), "{route:?}: {elsewhere:?}");
        if route.path.contains('{') {
            assert_eq!(elsewhere.status, 404, "{route:?}: {elsewhere:?}");
            assert_ne!(elsewhere.code(), "request.route_not_found", "{route:?}");
        }
    }
    assert_eq!(everything(&shop).await, before);
    assert_eq!(shop.database.reserved(WIDGET_A).await, 1);

    for route in deleting_last() {
        let answer = send(&shop, &things, route, Some(&all)).await;
        let refused = [401, 403, 404, 405].contains(&answer.status);
        assert!(!refused, "{route:?}: {answer:?}");
    }
}

#[tokio::test]
async fn every_post_that_changes_something_reads_an_idempotency_key() {
    /// The first changes nothing, the second uses the IDs of its events.
    const WITHOUT: [&str; 10] = [
        "/routing/preview",
        "/webhooks/stripe",
        // A carrier's report is its own key, and each request of a batch has one.
        "/shipments/{id}/tracking",
        "/shipments/batch",
        // Repeating them leads to the same state, or sends another test.
        "/webhook-endpoints/{id}/test",
        "/webhook-endpoints/{id}/pause",
        "/webhook-endpoints/{id}/enable",
        "/webhook-endpoints/{id}/deliveries/{eventId}/retry",
        "/webhook-endpoints/{id}/deliveries/{eventId}/skip",
        "/webhook-endpoints/{id}/replays/{replayId}/cancel",
    ];
    let shop = Shop::open().await;
    let things = Things::of(&shop).await;
    let before = everything(&shop).await;
    let posts = ROUTES.iter().filter(|route| route.method == "POST");
    for route in posts.filter(|route| !WITHOUT.contains(&route.path)) {
        let request = shop.customer().post(&things.path(route));
        let request = request.header("idempotency-key", "k".repeat(256));
        let refused = Answer::of(request.json(&body_of(route)).send().await.unwrap()).await;
        assert_eq!(refused.code(), "request.invalid_header", "{route:?}");
    }
    assert_eq!(everything(&shop).await, before);
}

#[tokio::test]
async fn every_served_route_is_in_the_table_with_its_methods() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut by_hand = BTreeSet::new();
    for folder in ["crates", "bins/oms-api/src"] {
        registering(&root.join(folder), &mut by_hand);
    }
    // The code that serves the tables, the server of the metrics, which has one route, and the console, which has a table
    // of its own.
    let known = ["http.rs", "metrics.rs", "routes.rs"].map(str::to_owned);
    assert_eq!(by_hand, BTreeSet::from(known), "files that register routes");

    let listed: BTreeSet<&str> = ROUTES.iter().map(|route| route.path).collect();
    let shop = Shop::open().await;
    for path in &listed {
        let request = shop.customer().request(Method::TRACE, path);
        let answer = Answer::of(request.send().await.unwrap()).await;
        answer.assert_problem(405, "request.method_not_allowed");
        let allowed: BTreeSet<&str> = answer.header("allow").unwrap().split(", ").collect();
        let rows = ROUTES.iter().filter(|route| route.path == *path);
        let mut methods: BTreeSet<&str> = rows.map(|route| route.method).collect();
        if methods.contains("GET") {
            methods.insert("HEAD");
        }
        methods.insert("OPTIONS");
        assert_eq!(allowed, methods, "{path}");
    }
}

/// Collects the names of the files that register routes.
fn registering(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        if path.is_dir() {
            registering(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            if ["ServiceConfig", "web::resource(", "web::scope("]
                .iter()
                .any(|it| text.contains(it))
            {
                names.insert(path.file_name().unwrap().to_string_lossy().into_owned());
            }
        }
    }
}
