//! How large the pages of long lists are.

use serde_json::json;

use super::desk::Desk;
use crate::eventually::until;
use crate::receiver::{Manner, Receiver};
use crate::request::{GADGET_C, WIDGET_A, new_key, order, with};
use crate::shop::Shop;
use crate::stock::ATLANTA_WAREHOUSE;

const SCOPES: &str = "orders:read operations inventory:read inventory:write fulfilment:read fulfilment:write returns:read returns:write webhooks:read webhooks:write events:read";

/// The most bytes of HTML that a page may have.
const LIMIT: usize = 60_000;

/// Texts as long as they usually are.
const NAME: &str = "Distribution centre of the north-west";
const PLACE: &str = "1400 Industrial Park Road, Building 7, Springfield, IL 62701";

#[tokio::test]
async fn a_page_of_a_long_list_is_small() {
    let shop = Shop::open_with(&[("OMS_EVENTS_INTERVAL_MS", "50")]).await;
    let desk = Desk::of(&shop, "ann", SCOPES).await;
    let receiver = Receiver::start(Manner::Answers(400)).await;
    let endpoint = json!({ "url": receiver.url, "ordering": "none", "description": NAME });
    let endpoint = shop
        .post_once("/webhook-endpoints", &new_key(), &endpoint)
        .await;
    let endpoint = format!(
        "/console/webhooks/{}",
        endpoint.body["id"].as_str().unwrap()
    );
    for _ in 0..26 {
        shop.database.stock_up(1000).await;
    }
    let (delivered, _) = shop.delivered(26).await;
    for number in 0..26 {
        let returned = shop.request_return(&delivered, 1).await;
        assert_eq!(returned.status, 201, "{returned:?}");
        let two = order(crate::request::ATLANTA, &[(WIDGET_A, 2), (GADGET_C, 1)]);
        let two = with(two, "externalReference", json!(format!("#{number}")));
        shop.place_new(&two).await.assert_created();
    }
    let (mut products, mut levels, mut rejected) = (
        "sku,name,amountMinor,currency\n".to_owned(),
        "sku,warehouseId,quantity\n".to_owned(),
        "sku,warehouseId,quantity\n".to_owned(),
    );
    for number in 0..101 {
        let place = f64::from(number);
        let warehouse = json!({
            "name": format!("{NAME} {number}"),
            "address": PLACE,
            "location": { "lat": place * 1.2 - 55.0, "lng": (place * 47.0) % 360.0 - 180.0 },
        });
        let made = shop.post_once("/warehouses", &new_key(), &warehouse).await;
        assert_eq!(made.status, 201, "{made:?}");
        products += &format!("A-{number},{NAME} {number},1999,EUR\n");
        levels += &format!("A-{number},{ATLANTA_WAREHOUSE},{number}\n");
        rejected += &format!("B-{number},{ATLANTA_WAREHOUSE},{number}\n");
    }
    let mut import = String::new();
    for (kind, rows) in [
        ("products", products),
        ("stock", levels),
        ("stock", rejected),
    ] {
        let key = new_key();
        let form = [
            ("key", key.as_str()),
            ("kind", kind),
            ("mode", "set"),
            ("reason", "counted"),
            ("rows", &rows),
        ];
        let imported = desk.post("/console/imports", &form).await;
        import = imported.header("location").unwrap().to_owned();
    }
    let answers = "UPDATE events.attempts SET answer_start = repeat('x', 1024)";
    until("26 events were rejected", async || {
        shop.database
            .number("SELECT count(*) FROM events.deliveries WHERE tries > 0")
            .await
            >= 26
    })
    .await;
    shop.database.execute(answers).await;

    let level = format!("/console/stock/{ATLANTA_WAREHOUSE}/{WIDGET_A}");
    let picking = format!("/console/picking?warehouse={ATLANTA_WAREHOUSE}");
    let mut sizes = Vec::new();
    for (path, sign) in [
        ("/console/orders", "Next page"),
        ("/console/stock", "Next page"),
        (&level, "Older movements"),
        (&picking, "Next page"),
        ("/console/returns", "Next page"),
        ("/console/warehouses", "Next page"),
        ("/console/products", "Next page"),
        (&import, "the first 100"),
        (&endpoint, "Older attempts"),
        ("/console/events?after=earliest", "Next page"),
    ] {
        let page = desk.page(path).await;
        assert!(page.contains(sign), "{path}: {page}");
        sizes.push((page.len(), path));
    }
    assert!(sizes.iter().all(|(bytes, _)| *bytes <= LIMIT), "{sizes:?}");
}
