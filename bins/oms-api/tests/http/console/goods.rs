//! The pages of goods: stock, picking, returns and warehouses.

use serde_json::json;

use super::desk::Desk;
use crate::request::{GADGET_C, WIDGET_A, new_key, small_order};
use crate::shop::Shop;
use crate::stock::{ATLANTA_WAREHOUSE, CHICAGO_WAREHOUSE};

const GOODS: &str = "inventory:read inventory:write fulfilment:read fulfilment:write returns:read returns:write returns:receive orders:read";

fn level() -> String {
    format!("/console/stock/{ATLANTA_WAREHOUSE}/{WIDGET_A}")
}

#[tokio::test]
async fn stock_is_listed_by_sku_warehouse_and_what_is_available() {
    let shop = Shop::open().await;
    let desk = Desk::of(&shop, "ann", GOODS).await;
    let all = desk.page("/console/stock").await;
    assert!(all.contains(&level()), "{all}");
    assert!(all.contains("<svg class=\"stock\""), "{all}");
    let chicago = desk
        .page(&format!("/console/stock?warehouse={CHICAGO_WAREHOUSE}"))
        .await;
    assert!(!chicago.contains(&level()), "{chicago}");
    let nothing = desk.page("/console/stock?sku=NO-SUCH-SKU").await;
    assert!(nothing.contains("No stock levels"), "{nothing}");
    let refused = desk.get("/console/stock?below=many").await;
    assert_eq!(refused.status, 400, "{refused:?}");
}

#[tokio::test]
async fn a_change_of_stock_is_proposed_first_and_made_once() {
    let shop = Shop::open().await;
    let desk = Desk::of(&shop, "ann", GOODS).await;
    let before = shop
        .database
        .stock(ATLANTA_WAREHOUSE, WIDGET_A)
        .await
        .on_hand;
    let form = [
        ("kind", "receive"),
        ("units", "20"),
        ("reason", "truck <7>"),
    ];
    let proposed = desk.post(&level(), &form).await;
    assert_eq!(proposed.status, 200, "{proposed:?}");
    let change = format!("<del>{before}</del>");
    for text in [
        "Receive 20 units?",
        &change,
        &format!(">{}</ins>", before + 20),
    ] {
        assert!(proposed.text.contains(text), "{text}: {}", proposed.text);
    }
    let now = shop
        .database
        .stock(ATLANTA_WAREHOUSE, WIDGET_A)
        .await
        .on_hand;
    assert_eq!(now, before);

    let confirmed = [&form[..], &[("confirmed", "yes"), ("key", "once")]].concat();
    for _ in 0..2 {
        let done = desk.post(&level(), &confirmed).await;
        let back = format!("{}?done=receive", level());
        assert_eq!(
            (done.status, done.header("location")),
            (303, Some(back.as_str()))
        );
    }
    let now = shop
        .database
        .stock(ATLANTA_WAREHOUSE, WIDGET_A)
        .await
        .on_hand;
    assert_eq!(now, before + 20);
    let page = desk.page(&format!("{}?done=receive", level())).await;
    for text in [
        "The units were received.",
        "operator:ann",
        "truck &#60;7&#62;",
        "+20",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    shop.assert_consistent().await;
}

#[tokio::test]
async fn units_that_orders_hold_are_not_removed_and_the_page_says_how_many_are_free() {
    let shop = Shop::open().await;
    let desk = Desk::of(&shop, "ann", GOODS).await;
    shop.place_new(&small_order()).await.assert_created();
    let stock = shop.database.stock(ATLANTA_WAREHOUSE, WIDGET_A).await;
    assert!(stock.reserved > 0, "{stock:?}");
    let too_many = (-stock.on_hand).to_string();
    let form = [
        ("kind", "adjust"),
        ("units", too_many.as_str()),
        ("reason", "counted"),
        ("confirmed", "yes"),
        ("key", "k"),
    ];
    let refused = desk.post(&level(), &form).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    let free = format!("Only {} units are free", stock.on_hand - stock.reserved);
    for text in ["Not enough unreserved stock", &free, "value=\"counted\""] {
        assert!(refused.text.contains(text), "{text}: {}", refused.text);
    }
    assert_eq!(
        shop.database.stock(ATLANTA_WAREHOUSE, WIDGET_A).await,
        stock
    );

    for (units, field) in [("0", "Units:"), ("x", "Units:"), ("", "Units:")] {
        let form = [("kind", "adjust"), ("units", units), ("reason", "counted")];
        let refused = desk.post(&level(), &form).await;
        assert_eq!(refused.status, 400, "{units}: {refused:?}");
        assert!(refused.text.contains(field), "{units}: {}", refused.text);
    }
}

#[tokio::test]
async fn a_transfer_and_a_safety_stock_are_made_for_what_was_seen() {
    let shop = Shop::open().await;
    let desk = Desk::of(&shop, "ann", GOODS).await;
    let transfer = [
        ("kind", "transfer"),
        ("units", "3"),
        ("to", CHICAGO_WAREHOUSE),
        ("reason", "balance"),
        ("confirmed", "yes"),
        ("key", "k1"),
    ];
    let chicago = async || {
        let sql = format!(
            "SELECT coalesce(sum(on_hand), 0) FROM inventory.stock_levels WHERE warehouse_id = '{CHICAGO_WAREHOUSE}' AND product_id = '{WIDGET_A}'"
        );
        shop.database.number(&sql).await
    };
    let before = chicago().await;
    assert_eq!(desk.post(&level(), &transfer).await.status, 303);
    assert_eq!(chicago().await, before + 3);

    let safety = |units, seen| {
        [
            ("kind", "safety"),
            ("units", units),
            ("seen", seen),
            ("confirmed", "yes"),
        ]
    };
    // The button was pressed twice.
    for _ in 0..2 {
        assert_eq!(desk.post(&level(), &safety("4", "0")).await.status, 303);
    }
    let stale = desk.post(&level(), &safety("9", "0")).await;
    assert_eq!(stale.status, 412, "{stale:?}");
    for text in [
        "Somebody has changed the safety stock.",
        "It is 4 now",
        "value=\"9\"",
    ] {
        assert!(stale.text.contains(text), "{text}: {}", stale.text);
    }
}

#[tokio::test]
async fn a_product_that_was_never_in_a_warehouse_can_be_received_there() {
    let shop = Shop::open().await;
    let desk = Desk::of(&shop, "ann", GOODS).await;
    let sql = format!(
        "DELETE FROM inventory.stock_movements WHERE warehouse_id = '{CHICAGO_WAREHOUSE}' AND product_id = '{GADGET_C}';
         DELETE FROM inventory.stock_levels WHERE warehouse_id = '{CHICAGO_WAREHOUSE}' AND product_id = '{GADGET_C}'"
    );
    shop.database.execute(&sql).await;
    let path = format!("/console/stock/{CHICAGO_WAREHOUSE}/{GADGET_C}");
    assert!(desk.page(&path).await.contains("Nothing came or left"));
    let form = [
        ("kind", "receive"),
        ("units", "1"),
        ("reason", "first"),
        ("confirmed", "yes"),
        ("key", "k"),
    ];
    assert_eq!(desk.post(&path, &form).await.status, 303);
    assert_eq!(
        shop.database
            .stock(CHICAGO_WAREHOUSE, GADGET_C)
            .await
            .on_hand,
        1
    );
}

#[tokio::test]
async fn what_is_due_is_picked_packed_and_sent() {
    let shop = Shop::open().await;
    let desk = Desk::of(&shop, "ann", GOODS).await;
    let order = shop.place_new(&small_order()).await.order_id();
    let work = shop.fulfilment_order_of(&order).await;
    let list = format!("/console/picking?warehouse={ATLANTA_WAREHOUSE}");
    let page = desk.page(&list).await;
    for text in [order.as_str(), "Open", "Send"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    let start = [
        ("key", "k1"),
        ("version", "1"),
        ("warehouse", ATLANTA_WAREHOUSE),
        ("work", "start"),
    ];
    let started = desk
        .post(&format!("/console/picking/{work}/work"), &start)
        .await;
    assert_eq!(started.status, 303, "{started:?}");
    assert!(desk.page(&list).await.contains("In progress"));

    let units = small_order()["items"][0]["quantity"].to_string();
    let send = |version, key| {
        [
            ("key", key),
            ("version", version),
            ("warehouse", ATLANTA_WAREHOUSE),
            ("units.1", units.as_str()),
            ("carrier", "DHL"),
            ("tracking_number", "JD0001"),
            ("step", "ship"),
        ]
    };
    let path = format!("/console/picking/{work}/shipments");
    let stale = desk.post(&path, &send("1", "k2")).await;
    assert_eq!(stale.status, 412, "{stale:?}");
    assert!(
        stale.text.contains("class=\"notice bad\""),
        "{}",
        stale.text
    );
    for _ in 0..2 {
        let sent = desk.post(&path, &send("2", "k3")).await;
        assert_eq!(sent.status, 303, "{sent:?}");
    }
    let page = desk.page(&list).await;
    assert!(!page.contains(&order), "{page}");
    let parcels = "SELECT count(*) FROM fulfilment.shipments";
    assert_eq!(shop.database.number(parcels).await, 1);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_return_is_approved_and_received_with_its_dispositions() {
    let shop = Shop::open().await;
    let desk = Desk::of(&shop, "ann", GOODS).await;
    let (order, _) = shop.delivered(3).await;
    let requested = shop.request_return(&order, 3).await;
    let id = requested.body["id"].as_str().unwrap().to_owned();
    let list = desk.page("/console/returns?status=REQUESTED").await;
    assert!(list.contains(&id), "{list}");
    let needs = async || {
        let orders = desk.page("/console/orders").await;
        orders.contains("Needs you: return requested")
    };
    assert!(needs().await);
    assert!(
        !desk
            .page("/console/returns?status=APPROVED")
            .await
            .contains(&id)
    );

    let decide = format!("/console/returns/{id}/decision");
    let no_reason = [("key", "k0"), ("version", "1"), ("decision", "decline")];
    let refused = desk.post(&decide, &no_reason).await;
    assert_eq!(refused.status, 400, "{refused:?}");
    let approve = [("key", "k1"), ("version", "1"), ("decision", "approve")];
    assert_eq!(desk.post(&decide, &approve).await.status, 303);
    assert!(!needs().await);

    let page = desk
        .page(&format!("/console/returns/{id}?done=approve"))
        .await;
    for text in ["The return was approved.", "3 still expected", "restock.1"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    let receive = format!("/console/returns/{id}/receipts");
    let units = |restock, key| {
        [
            ("key", key),
            ("version", "2"),
            ("warehouse", ATLANTA_WAREHOUSE),
            ("restock.1", restock),
            ("quarantine.1", "1"),
            ("missing.1", ""),
        ]
    };
    let too_many = desk.post(&receive, &units("9", "k2")).await;
    assert!((400..500).contains(&too_many.status), "{too_many:?}");
    for _ in 0..2 {
        let received = desk.post(&receive, &units("2", "k3")).await;
        assert_eq!(received.status, 303, "{received:?}");
    }
    let page = desk.page(&format!("/console/returns/{id}")).await;
    for text in ["2 restocked, 1 set aside", "operator:ann", "Closed"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_change_of_a_warehouse_overwrites_nobody_s() {
    let shop = Shop::open().await;
    let desk = Desk::of(&shop, "ann", GOODS).await;
    let list = desk.page("/console/warehouses").await;
    let path = format!("/console/warehouses/{ATLANTA_WAREHOUSE}");
    assert!(
        list.contains("<svg class=\"map\"") && list.contains(&path),
        "{list}"
    );
    let page = desk.page(&path).await;
    assert!(page.contains("name=\"version\" value=\"1\""), "{page}");
    let form = |name, version| {
        [
            ("version", version),
            ("name", name),
            ("address", "1 Main St, Atlanta"),
            ("place", "33.7500, -84.3900"),
            ("active", "on"),
        ]
    };
    // The button was pressed twice.
    for _ in 0..2 {
        let changed = desk.post(&path, &form("Atlanta <1>", "1")).await;
        assert_eq!(changed.status, 303, "{changed:?}");
    }
    let stale = desk.post(&path, &form("Atlanta 2", "1")).await;
    assert_eq!(stale.status, 412, "{stale:?}");
    for text in [
        "Somebody else has changed this warehouse.",
        "Atlanta &#60;1&#62;",
        "value=\"Atlanta 2\"",
        "name=\"version\" value=\"2\"",
    ] {
        assert!(stale.text.contains(text), "{text}: {}", stale.text);
    }
    let again = desk.post(&path, &form("Atlanta 2", "2")).await;
    assert_eq!(again.status, 303, "{again:?}");
    assert!(desk.page("/console/warehouses").await.contains("Atlanta 2"));
    let nowhere = desk
        .post(&path, &[("version", "3"), ("name", "A"), ("place", "99")])
        .await;
    assert_eq!(nowhere.status, 400, "{nowhere:?}");
}

#[tokio::test]
async fn products_are_listed_with_their_prices() {
    let shop = Shop::open().await;
    let desk = Desk::of(&shop, "ann", GOODS).await;
    let body = json!({ "sku": "X-1", "name": "<b>Mug</b>", "prices": [{ "amountMinor": 1250, "currency": "EUR" }] });
    let made = shop.post_once("/products", &new_key(), &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    let found = desk.page("/console/products?sku=X-1").await;
    for text in ["&#60;b&#62;Mug", "12.50 EUR"] {
        assert!(found.contains(text), "{text}: {found}");
    }
    assert!(
        desk.page("/console/products?sku=X-2")
            .await
            .contains("No products")
    );
}

#[tokio::test]
async fn pasted_rows_are_imported_once_and_the_rejected_ones_are_a_file() {
    let shop = Shop::open().await;
    let desk = Desk::of(&shop, "ann", GOODS).await;
    let rows = "sku,name,amountMinor,currency\nX-1,\"<i>Mug</i>\",1000,USD\nX-2,Cup,-1,USD\n";
    let form = [("key", "once"), ("kind", "products"), ("rows", rows)];
    let first = desk.post("/console/imports", &form).await;
    let again = desk.post("/console/imports", &form).await;
    assert_eq!((first.status, again.status), (303, 303), "{first:?}");
    let path = first.header("location").unwrap();
    assert_eq!(again.header("location"), Some(path));
    let page = desk.page(path).await;
    for text in ["Finished", "Rejected rows as CSV", "invalid_price"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    let file = desk.get(&format!("{path}/rejected.csv")).await;
    assert_eq!(file.header("content-type"), Some("text/csv; charset=utf-8"));
    assert!(
        file.text
            .starts_with("line,code,reason\r\n3,row.invalid_price,\""),
        "{}",
        file.text
    );

    let all = [&form[1..], &[("key", "all"), ("all_or_nothing", "on")]].concat();
    let refused = desk.post("/console/imports", &all).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    assert!(
        refused.text.contains("X-2,Cup,-1,USD"),
        "what was typed is kept"
    );
    let no_header = [
        ("key", "none"),
        ("kind", "products"),
        ("rows", "X-1,Mug,1,USD"),
    ];
    let refused = desk.post("/console/imports", &no_header).await;
    assert!((400..500).contains(&refused.status), "{refused:?}");
}
