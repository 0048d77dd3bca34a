//! Every route of the console: without a session, with one that lacks the scope, and with one of another tenant.

use oms_console::{ConsoleRoute, PageAccess, ROUTES};
use oms_validation::Scope;
use reqwest::Method;
use serde_json::json;

use super::desk::Desk;
use crate::answer::Answer;
use crate::keys::{STRANGERS, make_key};
use crate::receiver::{Manner, Receiver};
use crate::request::{WIDGET_A, new_key, small_order, with};
use crate::shop::Shop;
use crate::stock::ATLANTA_WAREHOUSE;

const REFERENCE: &str = "A-17-of-the-first-tenant";
const VIEW: &str = "What the first tenant sends";

/// Rows of the shop's tenant.
struct Things {
    order: String,
    fulfilment_order: String,
    dead_letter: String,
    requested_return: String,
    endpoint: String,
    import: String,
    view: String,
    receiver: Receiver,
}

impl Things {
    async fn of(shop: &Shop) -> Self {
        let order = with(small_order(), "externalReference", json!(REFERENCE));
        let order = shop.place_new(&order).await.order_id();
        let silent = json!({ "type": "error_before", "status": 500 });
        shop.sandbox.once("confirm", silent).await;
        let pending = shop.place_new(&small_order()).await;
        pending.assert_pending();
        let ann = Desk::of(shop, "ann", "operations orders:read inventory:write").await;
        let path = format!("/console/orders/{}/take", pending.order_id());
        let taken = ann
            .post(&path, &[("key", "k"), ("reason", "by hand")])
            .await;
        assert_eq!(taken.status, 303, "{taken:?}");
        let dead_letter = "SELECT id::text FROM orders.dead_letters";
        let (delivered, _) = shop.delivered(1).await;
        let requested = shop.request_return(&delivered, 1).await;
        let receiver = Receiver::start(Manner::Answers(204)).await;
        let endpoint = json!({ "url": receiver.url });
        let endpoint = shop
            .post_once("/webhook-endpoints", &new_key(), &endpoint)
            .await;
        let rows = "sku,name,amountMinor,currency\nX-1,Mug,-1,USD\n";
        let import = [("key", "i"), ("kind", "products"), ("rows", rows)];
        let import = ann.post("/console/imports", &import).await;
        let import = import.header("location").unwrap();
        let saved = [("name", VIEW), ("status", "PAID")];
        let saved = ann.post("/console/orders/views", &saved).await;
        assert_eq!(saved.status, 303, "{saved:?}");
        let view = "SELECT id::text FROM access.console_views";
        Self {
            requested_return: requested.body["id"].as_str().unwrap().to_owned(),
            endpoint: endpoint.body["id"].as_str().unwrap().to_owned(),
            import: import.rsplit('/').next().unwrap().to_owned(),
            view: shop.database.rows(view).await.concat().concat(),
            receiver,
            fulfilment_order: shop.fulfilment_order_of(&order).await,
            order,
            dead_letter: shop.database.rows(dead_letter).await.concat().concat(),
        }
    }

    /// Checks that a page says nothing of these things.
    fn assert_absent(&self, answer: &Answer, place: &str) {
        let secrets = [
            REFERENCE,
            "Atlanta",
            &self.order,
            &self.dead_letter,
            &self.fulfilment_order,
            &self.requested_return,
            &self.endpoint,
            &self.import,
            &self.view,
            VIEW,
            &self.receiver.url,
        ];
        for secret in secrets {
            let text = &answer.text;
            assert!(!text.contains(secret), "{place}: {secret}: {text}");
        }
    }

    fn path(&self, route: &ConsoleRoute) -> String {
        let id = match route.path {
            path if path.starts_with("/console/orders/views/") => self.view.clone(),
            path if path.starts_with("/console/orders/") => self.order.clone(),
            path if path.starts_with("/console/fulfilment-orders/") => {
                self.fulfilment_order.clone()
            }
            path if path.starts_with("/console/picking/") => self.fulfilment_order.clone(),
            path if path.starts_with("/console/warehouses/") => ATLANTA_WAREHOUSE.to_owned(),
            path if path.starts_with("/console/dead-letters/") => self.dead_letter.clone(),
            path if path.starts_with("/console/returns/") => self.requested_return.clone(),
            path if path.starts_with("/console/webhooks/") => self.endpoint.clone(),
            path if path.starts_with("/console/imports/") => self.import.clone(),
            _ => new_key(),
        };
        route
            .path
            .replace("{id}", &id)
            .replace("{file}", "nothing.css")
            .replace("{warehouse}", ATLANTA_WAREHOUSE)
            .replace("{product}", WIDGET_A)
    }
}

/// What the forms of the console change.
async fn state(shop: &Shop) -> Vec<Vec<String>> {
    let sql = "
        SELECT (SELECT string_agg(format('%s %s %s', name, version, active), ',' ORDER BY id) FROM inventory.warehouses)
            || (SELECT format(' %s %s', sum(on_hand), sum(safety_stock)) FROM inventory.stock_levels)
            || (SELECT string_agg(format(' %s %s', status, version), ',' ORDER BY id) FROM fulfilment.returns)
            || (SELECT string_agg(format(' %s %s', status, version), ',' ORDER BY id) FROM fulfilment.fulfilment_orders)
            || (SELECT format(' %s', count(*)) FROM fulfilment.shipments)
            || (SELECT string_agg(format(' %s', status), ',' ORDER BY id) FROM events.endpoints)
            || (SELECT string_agg(format(' %s %s', name, version), ',' ORDER BY id) FROM access.console_views)";
    shop.database.rows(sql).await
}

async fn send(desk: &Desk, things: &Things, route: &ConsoleRoute) -> Answer {
    let path = things.path(route);
    let method: Method = route.method.parse().unwrap();
    let request = desk
        .request(method, &path)
        .header("sec-fetch-site", "same-origin");
    let key = new_key();
    let what = match route.path {
        "/console/webhooks/{id}/deliveries" => "skip",
        "/console/orders/views/{id}" => "delete",
        _ => "rest",
    };
    let event = format!("evt_{}_1", things.order.replace('-', ""));
    let form = [
        ("key", key.as_str()),
        ("reason", "a test"),
        ("as", "failed"),
        ("what", what),
        ("currency", "USD"),
        ("version", "1"),
        ("units.1", "1"),
        ("handle", "a"),
        ("endpoint", things.endpoint.as_str()),
        ("event", event.as_str()),
        ("work", "start"),
        ("step", "ship"),
        ("status", "paused"),
        ("decision", "approve"),
        ("warehouse", ATLANTA_WAREHOUSE),
        ("restock.1", "1"),
        ("kind", "receive"),
        ("units", "1"),
        ("confirmed", "1"),
        ("name", "Mine"),
        ("place", "1, 1"),
    ];
    let request = match route.method {
        "GET" => request,
        _ => request.form(&form),
    };
    Answer::of(request.send().await.unwrap()).await
}

#[tokio::test]
async fn every_page_needs_a_session_and_the_scope_of_its_row() {
    let shop = Shop::open().await;
    let things = Things::of(&shop).await;
    let nobody = Desk::nobody(&shop);
    for route in ROUTES {
        let refused = send(&nobody, &things, route).await;
        match route.access {
            PageAccess::Public => assert_ne!(refused.status, 303, "{route:?}"),
            PageAccess::SignedIn | PageAccess::Scope(_) => {
                assert_eq!(refused.status, 303, "{route:?}: {refused:?}");
                let door = refused.header("location").unwrap();
                assert!(door.starts_with("/console/sign-in"), "{route:?}");
            }
        }
    }
    let reader = Desk::of(&shop, "reader", "orders:read").await;
    let writer = Desk::of(&shop, "writer", "orders:write").await;
    for route in ROUTES {
        let PageAccess::Scope(needed) = route.access else {
            continue;
        };
        let without = if needed == Scope::OrdersRead {
            &writer
        } else {
            &reader
        };
        let refused = send(without, &things, route).await;
        assert_eq!(refused.status, 403, "{route:?}: {refused:?}");
        let text = format!("The scope {needed} is missing");
        assert!(refused.text.contains(&text), "{route:?}: {}", refused.text);
    }
    assert_eq!(shop.database.status(&things.order).await, "PAID");
}

#[tokio::test]
async fn a_word_that_no_form_has_is_named_and_changes_nothing() {
    let shop = Shop::open().await;
    let things = Things::of(&shop).await;
    let every: Vec<&str> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
    let bob = Desk::of(&shop, "bob", &every.join(" ")).await;
    let before = state(&shop).await;
    let event = format!("evt_{}_1", things.order.replace('-', ""));
    for (path, field, others) in [
        ("/console/picking/{id}/work", "Work", "version=1"),
        (
            "/console/picking/{id}/shipments",
            "Step",
            "version=1&units.1=1",
        ),
        ("/console/returns/{id}/decision", "Decision", "version=1"),
        ("/console/webhooks/{id}/status", "Status", "version=1"),
        (
            "/console/webhooks/{id}/deliveries",
            "What",
            &format!("event={event}"),
        ),
        (
            "/console/stock/{warehouse}/{product}",
            "Kind",
            "units=1&confirmed=yes&reason=x",
        ),
        ("/console/imports", "Kind", "rows=x"),
        ("/console/imports", "Mode", "rows=x&kind=stock&reason=x"),
    ] {
        let route = ROUTES
            .iter()
            .find(|route| route.path == path && route.method == "POST");
        let name = field.to_lowercase();
        for word in ["", "dance", "PAUSED", "start,stop"] {
            let form = format!("key=k&warehouse={ATLANTA_WAREHOUSE}&{others}&{name}={word}");
            let fields: Vec<(&str, &str)> = form
                .split('&')
                .map(|field| field.split_once('=').unwrap())
                .collect();
            let refused = bob.post(&things.path(route.unwrap()), &fields).await;
            assert_eq!(refused.status, 400, "{path}, {word}: {refused:?}");
            let says = format!("{field}: ");
            assert!(
                refused.text.contains(&says),
                "{path}, {word}: {}",
                refused.text
            );
        }
    }
    assert_eq!(state(&shop).await, before);
}

#[tokio::test]
async fn no_page_shows_or_changes_what_belongs_to_another_tenant() {
    let shop = Shop::open().await;
    let things = Things::of(&shop).await;
    let every: Vec<&str> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
    let key = make_key(&shop.database, STRANGERS, "eve", &every.join(" ")).await;
    let mut eve = Desk::with_key(&shop, &key).await;
    let before = state(&shop).await;
    for route in ROUTES {
        if route.path.starts_with("/console/sign-") || route.path.starts_with("/console/assets") {
            continue;
        }
        let answer = send(&eve, &things, route).await;
        if route.path.contains('{') {
            assert_eq!(answer.status, 404, "{route:?}: {answer:?}");
        } else {
            // An empty search leads to the list, and a form without its fields is refused.
            let expected = match (route.method, route.path) {
                ("GET", "/console/search") => 303,
                ("GET", _) => 200,
                _ => 400,
            };
            assert_eq!(answer.status, expected, "{route:?}: {answer:?}");
        }
        things.assert_absent(&answer, route.path);
    }
    // A filter by a warehouse of another tenant finds nothing, and picking is of one warehouse.
    for (list, status) in [
        ("stock", 200),
        ("returns", 200),
        ("orders", 200),
        ("picking", 404),
    ] {
        let path = format!("/console/{list}?warehouse={ATLANTA_WAREHOUSE}");
        let answer = eve.get(&path).await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        things.assert_absent(&answer, &path);
    }
    for text in [things.order.as_str(), REFERENCE] {
        let found = eve.page(&format!("/console/search?q={text}")).await;
        assert!(found.contains("Nothing matches"), "{found}");
    }
    assert_eq!(shop.database.status(&things.order).await, "PAID");
    assert_eq!(state(&shop).await, before);
    let received = things.receiver.received();
    let is_test = |body: &[u8]| String::from_utf8_lossy(body).contains("webhook.test");
    assert!(!received.iter().any(|it| is_test(&it.body)), "{received:?}");
    // A cookie whose text names another tenant is the cookie of no session.
    let (name, secret) = eve.cookie.split_once('=').unwrap();
    let mut bytes = base64(secret);
    bytes[..16].copy_from_slice(&[0, 0, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 1]);
    eve.cookie = format!("{name}={}", text_of(&bytes));
    assert_eq!(eve.get("/console").await.status, 303);
}

fn base64(text: &str) -> Vec<u8> {
    use base64::Engine;
    base64::prelude::BASE64_URL_SAFE_NO_PAD
        .decode(text)
        .unwrap()
}

fn text_of(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
