//! How the pages of goods and integration look, in a browser: light and dark, wide and narrow, with axe.

use serde_json::json;

use super::desk::Desk;
use super::stuck::assert_accessible;
use crate::browser::Page;
use crate::receiver::{Manner, Receiver};
use crate::request::{WIDGET_A, new_key, small_order};
use crate::shop::Shop;
use crate::stock::ATLANTA_WAREHOUSE;

const SCOPES: &str = "orders:read inventory:read inventory:write fulfilment:read fulfilment:write returns:read returns:write returns:receive webhooks:read webhooks:write events:read operations";

/// A shop with something on every page, and the addresses of the pages.
async fn pages() -> (Shop, Receiver, Vec<(&'static str, String)>) {
    let shop = Shop::open().await;
    let (order, _) = shop.delivered(3).await;
    let returned = shop.request_return(&order, 2).await;
    let returned = returned.body["id"].as_str().unwrap().to_owned();
    let approved = shop.approved_return(&order, 1).await;
    shop.place_new(&small_order()).await.assert_created();
    let receiver = Receiver::start(Manner::Answers(204)).await;
    let request = shop.customer().post("/webhook-endpoints");
    let request = request.header("idempotency-key", new_key());
    let made = request
        .json(&json!({ "url": receiver.url }))
        .send()
        .await
        .unwrap();
    let made = crate::answer::Answer::of(made).await;
    let endpoint = made.body["id"].as_str().unwrap().to_owned();

    let desk = Desk::of(&shop, "bob", SCOPES).await;
    let rows = "sku,warehouseId,quantity\nNO-SUCH-SKU,x,1\n";
    let form = [
        ("key", "k"),
        ("kind", "stock"),
        ("mode", "set"),
        ("rows", rows),
        ("reason", "counted"),
    ];
    let imported = desk.post("/console/imports", &form).await;
    assert_eq!(imported.status, 303, "{imported:?}");
    let import = imported.header("location").unwrap().to_owned();
    let level = format!("/console/stock/{ATLANTA_WAREHOUSE}/{WIDGET_A}");
    let pages = vec![
        ("stock", "/console/stock".to_owned()),
        ("level", level),
        (
            "picking",
            format!("/console/picking?warehouse={ATLANTA_WAREHOUSE}"),
        ),
        ("returns", "/console/returns".to_owned()),
        ("return-to-decide", format!("/console/returns/{returned}")),
        ("return-to-receive", format!("/console/returns/{approved}")),
        ("warehouses", "/console/warehouses".to_owned()),
        (
            "warehouse",
            format!("/console/warehouses/{ATLANTA_WAREHOUSE}"),
        ),
        ("products", "/console/products".to_owned()),
        ("imports", "/console/imports".to_owned()),
        ("import", import),
        ("webhooks", "/console/webhooks".to_owned()),
        ("webhook", format!("/console/webhooks/{endpoint}")),
        ("events", "/console/events".to_owned()),
        ("live", "/console/live".to_owned()),
    ];
    (shop, receiver, pages)
}

#[tokio::test]
async fn the_pages_of_goods_are_accessible_small_and_fit_every_screen() {
    let (shop, _receiver, pages) = pages().await;
    let page = Page::blank().await;
    page.go_to(&format!("{}/console/sign-in", shop.api.url))
        .await;
    page.fill("#api_key", &shop.key("ann", SCOPES).await).await;
    page.press("Sign in").await;
    page.shows("Newest orders").await;
    for (width, theme) in [(320, "light"), (1280, "dark"), (1280, "light")] {
        page.set_viewport(width, 800).await;
        page.prefer(theme).await;
        for (name, path) in &pages {
            page.go_to(&format!("{}{path}", shop.api.url)).await;
            let told = format!("{name}, {width}, {theme}");
            page.screenshot(&format!("console-page-{name}-{width}-{theme}"))
                .await;
            let wide = page.evaluate("document.documentElement.scrollWidth").await;
            assert!(wide.as_u64().unwrap() <= u64::from(width), "{told}: {wide}");
            let bytes = page
                .evaluate("document.documentElement.outerHTML.length")
                .await;
            assert!(bytes.as_u64().unwrap() <= 60_000, "{told}: {bytes}");
            assert_accessible(&page, &told).await;
        }
    }
    page.assert_flawless().await;
}
