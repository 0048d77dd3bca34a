//! Setting stock aside, and releasing it or writing it off.

use serde_json::{Value, json};

use crate::request::{ATLANTA, WIDGET_A, WIDGET_B, new_key, order};
use crate::shop::Shop;
use crate::stock::ATLANTA_WAREHOUSE;

const QUARANTINE: &str = "/stock-levels/quarantine";
const RELEASE: &str = "/stock-levels/quarantine/release";
const WRITE_OFF: &str = "/stock-levels/quarantine/write-off";

fn at_atlanta(lines: &[(&str, i64)]) -> Value {
    let line =
        |(product, quantity): &(&str, i64)| json!({ "productId": product, "quantity": quantity });
    let lines: Vec<Value> = lines.iter().map(line).collect();
    json!({ "warehouseId": ATLANTA_WAREHOUSE, "lines": lines, "reason": "the box is wet" })
}

/// The units of a product in Atlanta: on hand, reserved, quarantined, available.
async fn level(shop: &Shop, product: &str) -> [i64; 4] {
    let path = format!("/stock-levels?warehouseId={ATLANTA_WAREHOUSE}&productId={product}");
    let levels = shop.pages(&path, 1).await;
    ["onHand", "reserved", "quarantined", "available"]
        .map(|member| levels[0][member].as_i64().unwrap())
}

#[tokio::test]
async fn units_in_quarantine_are_not_for_sale_until_they_are_released() {
    let shop = Shop::open().await;
    let [on_hand, ..] = level(&shop, WIDGET_A).await;
    shop.place_new(&order(ATLANTA, &[(WIDGET_A, 3)]))
        .await
        .assert_created();
    let all = at_atlanta(&[(WIDGET_A, on_hand - 3)]);
    let set_aside = shop.post_once(QUARANTINE, &new_key(), &all).await;
    assert_eq!(set_aside.status, 201, "{set_aside:?}");
    let movement = &set_aside.body["movements"][0];
    assert_eq!(
        [
            &movement["kind"],
            &movement["quantity"],
            &movement["quarantined"]
        ],
        [&json!("quarantine"), &json!(0), &json!(on_hand - 3)]
    );
    assert_eq!(level(&shop, WIDGET_A).await, [on_hand, 3, on_hand - 3, 0]);
    let elsewhere = shop.place_new(&order(ATLANTA, &[(WIDGET_A, 1)])).await;
    assert_ne!(elsewhere.body["warehouseId"], ATLANTA_WAREHOUSE);

    let released = shop
        .post_once(RELEASE, &new_key(), &at_atlanta(&[(WIDGET_A, 2)]))
        .await;
    assert_eq!(released.status, 201, "{released:?}");
    let written_off = shop
        .post_once(WRITE_OFF, &new_key(), &at_atlanta(&[(WIDGET_A, 4)]))
        .await;
    assert_eq!(written_off.status, 201, "{written_off:?}");
    assert_eq!(
        level(&shop, WIDGET_A).await,
        [on_hand - 4, 3, on_hand - 9, 2]
    );
    let nearby = shop.place_new(&order(ATLANTA, &[(WIDGET_A, 1)])).await;
    assert_eq!(nearby.body["warehouseId"], ATLANTA_WAREHOUSE);

    let trail = format!("/stock-movements?warehouseId={ATLANTA_WAREHOUSE}&productId={WIDGET_A}");
    let trail = shop.pages(&trail, 100).await;
    let told = |movement: &Value| {
        let [kind, quantity, quarantined] =
            ["kind", "quantity", "quarantined"].map(|member| movement[member].clone());
        json!([kind, quantity, quarantined, movement["reason"]])
    };
    let told: Vec<Value> = trail.iter().take(3).map(told).collect();
    assert_eq!(
        told,
        [
            json!(["write_off", -4, -4, "the box is wet"]),
            json!(["quarantine_release", 0, -2, "the box is wet"]),
            json!(["quarantine", 0, on_hand - 3, "the box is wet"]),
        ]
    );
    shop.assert_consistent().await;
}

#[tokio::test]
async fn only_free_units_enter_quarantine_and_only_units_in_it_leave_it() {
    let shop = Shop::open().await;
    shop.place_new(&order(ATLANTA, &[(WIDGET_A, 3)]))
        .await
        .assert_created();
    let [on_hand, ..] = level(&shop, WIDGET_A).await;
    let some = at_atlanta(&[(WIDGET_A, 2)]);
    shop.post_once(QUARANTINE, &new_key(), &some).await;
    let before = shop.pages("/stock-levels", 100).await;
    for (path, quantity, code, removable) in [
        (
            QUARANTINE,
            on_hand - 4,
            "inventory.insufficient_stock",
            on_hand - 5,
        ),
        (
            "/stock-levels/adjust",
            4 - on_hand,
            "inventory.insufficient_stock",
            on_hand - 5,
        ),
        (RELEASE, 3, "inventory.insufficient_quarantine", 2),
        (WRITE_OFF, 3, "inventory.insufficient_quarantine", 2),
    ] {
        // The other product could be changed.
        let body = match path {
            RELEASE | WRITE_OFF => at_atlanta(&[(WIDGET_A, quantity)]),
            _ => at_atlanta(&[(WIDGET_A, quantity), (WIDGET_B, 1)]),
        };
        let key = new_key();
        let refused = shop.post_once(path, &key, &body).await;
        refused.assert_problem(422, code);
        let shortfall = &refused.body["shortfalls"][0];
        assert_eq!(shortfall["removable"], removable, "{path}");
        assert_eq!(shortfall["wanted"], quantity.abs(), "{path}");
    }
    let nothing = at_atlanta(&[(WIDGET_B, 1)]);
    for path in [RELEASE, WRITE_OFF] {
        let refused = shop.post_once(path, &new_key(), &nothing).await;
        refused.assert_problem(422, "inventory.insufficient_quarantine");
    }
    assert_eq!(shop.pages("/stock-levels", 100).await, before);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_credential_that_may_not_read_the_inventory_is_not_told_how_much_is_in_quarantine() {
    let shop = Shop::open().await;
    let writer = shop.key("writer", "inventory:write").await;
    let refused = shop
        .post_as(&writer, RELEASE, &at_atlanta(&[(WIDGET_A, 1)]))
        .await;
    refused.assert_problem(422, "inventory.insufficient_quarantine");
    let shortfall = &refused.body["shortfalls"][0];
    assert_eq!(shortfall["wanted"], 1);
    assert_eq!(shortfall.get("removable"), None);
}
