//! Moving, rejecting and evacuating over HTTP.

use reqwest::Method;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::api::SWEEPING;
use crate::eventually::until;
use crate::request::{WIDGET_A, new_key, small_order};
use crate::shop::Shop;
use crate::stock::{ATLANTA_WAREHOUSE, CHICAGO_WAREHOUSE};

impl Shop {
    /// The ID of a paid order of this many units, and of its fulfilment order.
    async fn ordered(&self, units: i64) -> (String, String) {
        let mut order = small_order();
        order["items"][0]["quantity"] = json!(units);
        let placed = self.place_new(&order).await;
        placed.assert_created();
        let order_id = placed.order_id();
        let work = self.fulfilment_order_of(&order_id).await;
        (order_id, work)
    }

    async fn reroute(&self, work: &str, action: &str, body: &Value) -> Answer {
        let path = format!("/fulfilment-orders/{work}/{action}");
        self.post_once(&path, &new_key(), body).await
    }

    async fn evacuate(&self, warehouse: &str) -> Answer {
        let path = format!("/warehouses/{warehouse}/evacuate");
        let reason = json!({ "reason": "a flood" });
        self.post_once(&path, &new_key(), &reason).await
    }

    async fn change_warehouse(&self, id: &str, body: &Value) -> Answer {
        let path = format!("/warehouses/{id}");
        let request = self.customer().request(Method::PATCH, &path);
        let request = request.header("if-match", "*").json(body);
        Answer::of(request.send().await.unwrap()).await
    }
}

#[tokio::test]
async fn a_part_of_an_order_moves_and_the_rest_is_rejected() {
    let shop = Shop::open().await;
    let (order_id, work) = shop.ordered(3).await;
    let part = json!({
        "toWarehouseId": CHICAGO_WAREHOUSE, "lines": [{ "line": 1, "quantity": 1 }], "reason": "it is nearer",
    });
    let moved = shop.reroute(&work, "move", &part).await;
    assert_eq!(
        (moved.status, &moved.body["outcome"]),
        (200, &json!("moved"))
    );
    assert_eq!(moved.header("etag"), Some("\"2\""));
    assert_eq!(moved.body["fulfilmentOrder"]["lines"][0]["quantity"], 2);
    assert_eq!(moved.body["movedTo"]["warehouseId"], CHICAGO_WAREHOUSE);
    assert_eq!(
        moved.body["move"]["lines"],
        json!([{ "line": 1, "quantity": 1 }])
    );
    assert!(moved.body["move"].get("routing").is_none());
    let gone = json!({ "reason": "not_found", "note": "the bin is empty", "stock": "write_off" });
    let rejected = shop.reroute(&work, "reject", &gone).await;
    let routing = &rejected.body["move"]["routing"];
    assert_eq!(
        routing["candidates"][0]["outcome"], "excluded",
        "{rejected:?}"
    );
    let atlanta = shop.database.stock(ATLANTA_WAREHOUSE, WIDGET_A).await;
    assert_eq!((atlanta.on_hand, atlanta.reserved), (48, 0));
    let moves = shop.get(&format!("/orders/{order_id}/moves")).await;
    let causes: Vec<&Value> = moves.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["cause"])
        .collect();
    assert_eq!(causes, ["operator", "rejected"]);
    let timeline = shop.get(&format!("/orders/{order_id}/timeline")).await;
    for event in ["fulfilment_order.moved", "fulfilment_order.rejected"] {
        assert!(timeline.text.contains(event), "{timeline:?}");
    }
    shop.assert_consistent().await;
}

#[tokio::test]
async fn refusals_name_what_is_in_the_way() {
    let shop = Shop::open().await;
    let (_, work) = shop.ordered(3).await;
    let to = |id: &str| json!({ "toWarehouseId": id, "reason": "x" });
    shop.reroute(&work, "move", &to(ATLANTA_WAREHOUSE))
        .await
        .assert_problem(422, "orders.same_warehouse");
    let missing = shop.reroute(&work, "move", &to(&new_key())).await;
    missing.assert_problem(422, "orders.not_available_there");
    let expected = json!([{ "productId": WIDGET_A, "wanted": 3, "available": 0 }]);
    assert_eq!(missing.body["unavailable"], expected);
    for (body, field) in [
        (json!({ "reason": "x", "lines": [] }), "lines"),
        (
            json!({ "reason": "x", "lines": [{ "line": 1, "quantity": 0 }] }),
            "lines[0].quantity",
        ),
    ] {
        let refused = shop.reroute(&work, "move", &body).await;
        assert_eq!(refused.fields(), [field], "{refused:?}");
    }
    let packed = json!({ "status": "PACKED", "lines": [{ "line": 1, "quantity": 1 }] });
    let path = format!("/fulfilment-orders/{work}/shipments");
    let packed = shop.post_once(&path, &new_key(), &packed).await;
    assert_eq!(packed.status, 201, "{packed:?}");
    let why = json!({ "reason": "capacity" });
    shop.reroute(&work, "reject", &why)
        .await
        .assert_problem(409, "fulfilment.packed");
    let stale = shop
        .customer()
        .post(&format!("/fulfilment-orders/{work}/move"));
    let stale = stale.header("idempotency-key", new_key());
    let stale = stale.header("if-match", "\"1\"");
    let stale = stale.json(&json!({ "reason": "x", "lines": [{ "line": 1, "quantity": 1 }] }));
    let stale = Answer::of(stale.send().await.unwrap()).await;
    assert_eq!(stale.status, 412, "{stale:?}");
    shop.database
        .leave_only_in(ATLANTA_WAREHOUSE, WIDGET_A)
        .await;
    let one = json!({ "reason": "x", "lines": [{ "line": 1, "quantity": 1 }] });
    shop.reroute(&work, "move", &one)
        .await
        .assert_problem(422, "orders.no_other_warehouse");
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_warehouse_is_evacuated_and_reopened() {
    let mut shop = Shop::open().await;
    let (_, work) = shop.ordered(1).await;
    shop.api.process.kill();
    shop.restart(&[SWEEPING]).await;
    let started = shop.evacuate(ATLANTA_WAREHOUSE).await;
    assert_eq!(started.status, 202, "{started:?}");
    let path = started.header("location").unwrap().to_owned();
    let again = shop.evacuate(ATLANTA_WAREHOUSE).await;
    again.assert_problem(409, "fulfilment.evacuation_unfinished");
    assert_eq!(again.header("location"), Some(path.as_str()));
    until("the order has moved", async || {
        shop.get(&path).await.body["moved"] == 1
    })
    .await;
    let order = shop.get(&format!("/fulfilment-orders/{work}")).await;
    assert_ne!(order.body["warehouseId"], ATLANTA_WAREHOUSE);
    let report = shop
        .get(&format!("{path}/fulfilment-orders?outcome=moved"))
        .await;
    assert_eq!(report.body["items"][0]["fulfilmentOrderId"], work.as_str());
    let held = shop
        .get(&format!("{path}/fulfilment-orders?outcome=held"))
        .await;
    assert_eq!(held.body["items"], json!([]));
    let list = shop
        .get(&format!("/evacuations?warehouseId={ATLANTA_WAREHOUSE}"))
        .await;
    assert_eq!(list.body["items"].as_array().unwrap().len(), 1);
    // Meanwhile it gets no orders, and can't be activated.
    let (_, elsewhere) = shop.ordered(1).await;
    let order = shop.get(&format!("/fulfilment-orders/{elsewhere}")).await;
    assert_ne!(order.body["warehouseId"], ATLANTA_WAREHOUSE);
    let active = json!({ "active": true });
    let refused = shop.change_warehouse(ATLANTA_WAREHOUSE, &active).await;
    refused.assert_problem(409, "inventory.warehouse_evacuated");
    let renamed = json!({ "name": "Atlanta (flooded)" });
    let renamed = shop.change_warehouse(ATLANTA_WAREHOUSE, &renamed).await;
    assert_eq!(renamed.status, 200, "{renamed:?}");
    let stop = format!("{path}/stop");
    let stopped = shop.post_once(&stop, &new_key(), &json!({})).await;
    assert_eq!(stopped.body["status"], "STOPPED", "{stopped:?}");
    let resumed = shop
        .post_once(&format!("{path}/resume"), &new_key(), &json!({}))
        .await;
    assert_eq!(resumed.body["status"], "IN_PROGRESS", "{resumed:?}");
    // It has been quiet for a minute.
    shop.database
        .execute(
            "UPDATE fulfilment.evacuations
             SET progressed_at = progressed_at - interval '2 minutes', due_at = now()",
        )
        .await;
    until("the evacuation is finished", async || {
        let evacuation = shop.get(&path).await;
        if evacuation.body["status"] == "IN_PROGRESS" {
            let due = "UPDATE fulfilment.evacuations SET due_at = now() WHERE due_at IS NOT NULL";
            shop.database.execute(due).await;
        }
        evacuation.body["status"] == "FINISHED"
    })
    .await;
    let late = shop.post_once(&stop, &new_key(), &json!({})).await;
    late.assert_problem(409, "fulfilment.evacuation_finished");
    let opened = shop.change_warehouse(ATLANTA_WAREHOUSE, &active).await;
    assert_eq!(opened.body["active"], true, "{opened:?}");
    shop.assert_consistent().await;
}
