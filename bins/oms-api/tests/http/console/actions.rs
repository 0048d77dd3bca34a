//! What operators do on the pages: each as the API does it, in their name, once.

use serde_json::json;

use super::desk::Desk;
use crate::payments::three_d_secure::paying;
use crate::receiver::{Manner, Receiver};
use crate::request::{WIDGET_A, new_key, order, small_order, with};
use crate::shop::Shop;
use crate::stock::ATLANTA_WAREHOUSE;

const ALL: &str = "orders:read orders:cancel orders:refund operations fulfilment:read fulfilment:write inventory:read inventory:write returns:read webhooks:read webhooks:write events:read";

/// Texts that customers and importers may write, and that a careless page would run.
pub const CORPUS: [&str; 7] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "</title><svg onload=alert(1)>",
    "</textarea></option></pre><script>alert(1)</script>",
    "javascript:alert(1)",
    "{{ 7 * 7 }}${7*7}",
];

#[tokio::test]
async fn a_refund_is_previewed_and_made_once_in_the_operator_s_name() {
    let shop = Shop::open().await;
    let desk = Desk::of(&shop, "ann", ALL).await;
    let id = shop
        .place_new(&order(crate::request::ATLANTA, &[(WIDGET_A, 2)]))
        .await
        .order_id();
    let path = format!("/console/orders/{id}/refund");
    let form = desk.page(&path).await;
    assert!(form.contains("Up to 20.00 USD can be refunded"), "{form}");

    let what = [
        ("what", "parts"),
        ("units.1", "1"),
        ("reason", "broken <b>"),
    ];
    let preview = desk.post(&format!("{path}/preview"), &what).await;
    assert_eq!(preview.status, 200, "{preview:?}");
    for text in [
        "This refunds 10.00 USD",
        "<del>20.00 USD</del> → <ins>10.00 USD</ins>",
    ] {
        assert!(preview.text.contains(text), "{text}: {}", preview.text);
    }
    assert_eq!(shop.sandbox.money(&id).await, (2000, 0));

    let confirmed = [
        &what[..],
        &[
            ("currency", "USD"),
            ("expected_minor", "1000"),
            ("key", "once"),
        ],
    ];
    let confirmed = confirmed.concat();
    for _ in 0..2 {
        let done = desk.post(&path, &confirmed).await;
        let back = format!("/console/orders/{id}?done=refunded");
        assert_eq!(
            (done.status, done.header("location")),
            (303, Some(back.as_str()))
        );
    }
    assert_eq!(shop.sandbox.money(&id).await, (2000, 1000));
    let page = desk
        .page(&format!("/console/orders/{id}?done=refunded"))
        .await;
    for text in [
        "The refund was requested.",
        "operator:ann",
        "broken &#60;b&#62;",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    let other = [
        &what[..],
        &[
            ("currency", "USD"),
            ("expected_minor", "999"),
            ("key", "other"),
        ],
    ];
    let refused = desk.post(&path, &other.concat()).await;
    assert_eq!(refused.status, 412, "{}", refused.text);
    assert_eq!(shop.sandbox.money(&id).await, (2000, 1000));
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_refused_action_is_explained_on_the_page_and_changes_nothing() {
    let shop = Shop::open().await;
    let desk = Desk::of(&shop, "ann", ALL).await;
    let id = shop.place_new(&small_order()).await.order_id();
    for (path, form, status, text) in [
        ("cancel", vec![("key", "a")], 400, "Reason: is required"),
        ("cancel", vec![("reason", "b")], 400, "Key: is required"),
        ("try", vec![("key", "c")], 409, "<strong>"),
        ("take", vec![("key", "d"), ("reason", "x")], 409, "<strong>"),
    ] {
        let refused = desk
            .post(&format!("/console/orders/{id}/{path}"), &form)
            .await;
        assert_eq!(refused.status, status, "{path}: {refused:?}");
        assert!(refused.text.contains(text), "{path}: {}", refused.text);
        assert!(refused.text.contains("What is going on"), "{path}");
    }
    for amount in ["20.005", "-1", "0", "99999", ""] {
        let form = [("what", "amount"), ("amount", amount), ("reason", "x")];
        let path = format!("/console/orders/{id}/refund/preview");
        let refused = desk.post(&path, &form).await;
        assert!(
            (400..500).contains(&refused.status),
            "{amount}: {refused:?}"
        );
        assert!(refused.text.contains("What to refund"), "{amount}");
    }
    // What may not be read is not shown with a refusal either.
    let blind = Desk::of(&shop, "ben", "orders:cancel").await;
    let refused = blind
        .post(&format!("/console/orders/{id}/cancel"), &[("key", "e")])
        .await;
    assert_eq!(refused.status, 403, "{refused:?}");
    assert!(!refused.text.contains("What is going on"), "{refused:?}");
    assert_eq!(shop.database.status(&id).await, "PAID");
    assert_eq!(shop.sandbox.money(&id).await, (1000, 0));
}

#[tokio::test]
async fn a_decline_is_told_in_words() {
    let shop = Shop::open().await;
    let desk = Desk::of(&shop, "ann", ALL).await;
    let poor = paying("pm_card_visa_chargeDeclinedInsufficientFunds", None);
    let declined = shop.place_new(&poor).await;
    assert_eq!(declined.status, 402, "{declined:?}");
    let list = desk.page("/console/orders").await;
    let why = "The payment was declined: the account has too little money";
    assert!(list.contains(why), "{list}");
    let order = list.split("href=\"/console/orders/").nth(1).unwrap();
    let order = order.split('"').next().unwrap();
    let page = desk.page(&format!("/console/orders/{order}")).await;
    for text in [
        "the account has too little money.",
        "<dt>Declined</dt><dd>The account has too little money</dd>",
        "stripe was asked to collect the payment",
        "Declined: the account has too little money after",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(!page.contains("insufficient_funds"), "{page}");
}

#[tokio::test]
async fn goods_are_moved_and_sent_from_the_page_in_the_version_that_was_seen() {
    let shop = Shop::open().await;
    let desk = Desk::of(&shop, "ann", ALL).await;
    let id = shop
        .place_new(&order(crate::request::ATLANTA, &[(WIDGET_A, 2)]))
        .await
        .order_id();
    let work = shop.fulfilment_order_of(&id).await;
    let path = format!("/console/fulfilment-orders/{work}");
    let moved = [
        ("key", "m"),
        ("version", "1"),
        ("to", "nearest"),
        ("reason", "full"),
    ];
    let done = desk.post(&format!("{path}/move"), &moved).await;
    assert_eq!(done.status, 303, "{}", done.text);
    let page = desk.page(&format!("/console/orders/{id}")).await;
    assert!(
        page.contains("2 units from Atlanta Distribution Center to"),
        "{page}"
    );

    let stale = [("key", "s"), ("version", "1"), ("units.1", "1")];
    let refused = desk.post(&format!("{path}/ship"), &stale).await;
    assert_eq!(refused.status, 412, "{}", refused.text);
    let sql = format!("SELECT version FROM fulfilment.fulfilment_orders WHERE id = '{work}'");
    let version = shop.database.number(&sql).await.to_string();
    let sent = [
        ("key", "t"),
        ("version", version.as_str()),
        ("units.1", "1"),
        ("carrier", "UPS"),
        ("tracking_number", "1Z"),
    ];
    let done = desk.post(&format!("{path}/ship"), &sent).await;
    assert_eq!(done.status, 303, "{}", done.text);
    let page = desk.page(&format!("/console/orders/{id}")).await;
    assert!(
        page.contains("UPS · 1Z") && page.contains("Partially fulfilled"),
        "{page}"
    );
    shop.assert_consistent().await;
}

#[tokio::test]
async fn nothing_that_others_write_becomes_a_part_of_a_page() {
    let shop = Shop::open().await;
    let desk = Desk::of(&shop, "ann", ALL).await;
    for text in CORPUS {
        let order = with(small_order(), "externalReference", json!(text));
        let order = with(
            order,
            "metadata",
            json!({ (text.chars().take(40).collect::<String>()): text }),
        );
        let order = with(
            order,
            "shippingAddress",
            json!({ "name": text, "line1": text, "city": "Atlanta", "location": { "lat": 33.75, "lng": -84.39 } }),
        );
        let placed = shop.place_new(&order).await;
        let id = placed.order_id();
        let cancelled = [("key", text), ("reason", text)];
        let done = desk
            .post(&format!("/console/orders/{id}/cancel"), &cancelled)
            .await;
        assert_eq!(done.status, 303, "{text}: {}", done.text);
        let query: String = url_of(text);
        for path in [
            format!("/console/orders/{id}"),
            "/console/orders".to_owned(),
            "/console".to_owned(),
            format!("/console/orders?reference={query}"),
            format!("/console/search?q={query}x"),
            format!("/console/orders/{id}?done={query}&show=all"),
        ] {
            assert_harmless(&desk.page(&path).await, text, &path);
        }
    }
}

/// Checks that a text is not a part of a page, except as text.
pub fn assert_harmless(page: &str, text: &str, place: &str) {
    let is_raw = page.contains(text) && text.contains(['<', '"', '\'']);
    assert!(!is_raw, "{place}: {page}");
    for trace in ["49$", "href=\"javascript:", "src=\"javascript:"] {
        assert!(!page.contains(trace), "{place}: {trace}: {page}");
    }
}

#[tokio::test]
async fn nothing_that_merchants_write_becomes_a_part_of_a_page() {
    let shop = Shop::open().await;
    let desk = Desk::of(&shop, "ann", ALL).await;
    let receiver = Receiver::start(Manner::Answers(204)).await;
    let warehouse = format!("/console/warehouses/{ATLANTA_WAREHOUSE}");
    let made = |answer: &crate::answer::Answer| {
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.body["id"].as_str().unwrap().to_owned()
    };
    let (order, _) = shop.delivered(i64::try_from(CORPUS.len()).unwrap()).await;
    for (index, text) in CORPUS.iter().enumerate() {
        let product = json!({ "sku": format!("H-{index}"), "name": text, "prices": [{ "amountMinor": 1, "currency": "EUR" }] });
        let product = made(&shop.post_once("/products", &new_key(), &product).await);
        let level = format!("/console/stock/{ATLANTA_WAREHOUSE}/{product}");
        let receive = [("kind", "receive"), ("units", "1"), ("reason", *text)];
        let proposed = desk.post(&level, &receive).await;
        assert!(proposed.text.contains("Receive 1 unit?"), "{proposed:?}");
        assert_harmless(&proposed.text, text, "a proposal");
        let confirmed = [&receive[..], &[("key", text), ("confirmed", "yes")]].concat();
        assert_eq!(desk.post(&level, &confirmed).await.status, 303);

        let version = (index + 1).to_string();
        let form = |version| {
            [
                ("version", version),
                ("name", *text),
                ("address", *text),
                ("place", "33.75, -84.39"),
                ("active", "on"),
            ]
        };
        let changed = desk.post(&warehouse, &form(&version)).await;
        assert_eq!(changed.status, 303, "{changed:?}");
        let other = [&form("999")[..1], &[("name", "x"), ("place", *text)]].concat();
        let refused = desk.post(&warehouse, &other).await;
        assert_eq!(refused.status, 400, "{refused:?}");
        assert_harmless(&refused.text, text, "a refused warehouse");

        let url = format!("{}/{}", receiver.url, url_of(text));
        let endpoint = json!({ "url": url, "description": text });
        let endpoint = shop
            .post_once("/webhook-endpoints", &new_key(), &endpoint)
            .await;
        let returned =
            json!({ "lines": [{ "line": 1, "quantity": 1, "reason": "unwanted" }], "note": text });
        let returned = shop
            .post_once(&format!("/orders/{order}/returns"), &new_key(), &returned)
            .await;
        let rows = format!(
            "sku,warehouseId,quantity\n\"{0}\",\"{0}\",\"{0}\"\n",
            text.replace('"', "\"\"")
        );
        let key = new_key();
        let import = [
            ("key", key.as_str()),
            ("kind", "stock"),
            ("mode", "set"),
            ("reason", text),
            ("rows", &rows),
        ];
        let imported = desk.post("/console/imports", &import).await;
        let imported = imported
            .header("location")
            .unwrap_or_else(|| panic!("{imported:?}"));
        let unknown = [
            ("key", "k"),
            ("kind", *text),
            ("rows", text),
            ("reason", text),
        ];
        let refused = desk.post("/console/imports", &unknown).await;
        assert_eq!(refused.status, 400, "{refused:?}");
        assert_harmless(&refused.text, text, "a refused import");

        let query = url_of(text);
        let pages = [
            "/console/products".to_owned(),
            "/console/stock".to_owned(),
            level,
            warehouse.clone(),
            "/console/warehouses".to_owned(),
            "/console/picking".to_owned(),
            "/console/returns".to_owned(),
            format!("/console/returns/{}", made(&returned)),
            "/console/webhooks".to_owned(),
            format!("/console/webhooks/{}", made(&endpoint)),
            imported.to_owned(),
            "/console/events?after=earliest".to_owned(),
        ];
        for path in pages {
            assert_harmless(&desk.page(&path).await, text, &path);
        }
        for path in [
            format!("/console/products?sku={query}"),
            format!("/console/stock?sku={query}&below=1"),
            format!("/console/stock?warehouse={query}"),
            format!("/console/picking?warehouse={query}"),
            format!("/console/returns?status={query}"),
            format!("/console/events?after={query}"),
        ] {
            assert_harmless(&desk.get(&path).await.text, text, &path);
        }
    }
}

fn url_of(text: &str) -> String {
    let escaped = text.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    escaped.collect()
}

#[tokio::test]
async fn a_search_finds_an_order_by_each_of_its_names() {
    let shop = Shop::open().await;
    let desk = Desk::of(&shop, "ann", ALL).await;
    let order = with(small_order(), "externalReference", json!("#1001"));
    let id = shop.place_new(&order).await.order_id();
    let payment = "SELECT reference FROM payments.attempts";
    let payment = shop.database.rows(payment).await.concat().concat();
    let page = format!("/console/orders/{id}");
    for text in [id.as_str(), "%231001", &payment] {
        let found = desk.get(&format!("/console/search?q={text}")).await;
        assert_eq!(
            found.header("location"),
            Some(page.as_str()),
            "{text}: {found:?}"
        );
    }
    let customer = crate::request::CUSTOMER;
    let found = desk.get(&format!("/console/search?q={customer}")).await;
    let list = format!("/console/orders?customer={customer}");
    assert_eq!(found.header("location"), Some(list.as_str()));
    assert!(desk.page(&list).await.contains("#1001"));
    shop.place_new(&order).await;
    let two = desk.page("/console/search?q=%231001").await;
    assert!(two.contains("2 orders on this page"), "{two}");
    assert!(
        desk.page("/console/search?q=nothing")
            .await
            .contains("Nothing matches")
    );
}
