//! Shipping over HTTP: what a warehouse sends, and what it is answered.

use reqwest::Method;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::request::{new_key, small_order, with};
use crate::shop::Shop;
use crate::stock::{ATLANTA_WAREHOUSE, CHICAGO_WAREHOUSE};

impl Shop {
    /// The fulfilment order of a new paid order.
    async fn work(&self, units: i64) -> (String, String) {
        let mut order = small_order();
        order["items"][0]["quantity"] = json!(units);
        let placed = self.place_new(&order).await;
        placed.assert_created();
        let order_id = placed.order_id();
        let work = self.fulfilment_order_of(&order_id).await;
        (order_id, work)
    }

    async fn ship(&self, work: &str, body: &Value) -> Answer {
        let path = format!("/fulfilment-orders/{work}/shipments");
        self.post_once(&path, &new_key(), body).await
    }

    async fn delete(&self, path: &str) -> Answer {
        let request = self.customer().request(Method::DELETE, path);
        Answer::of(request.send().await.unwrap()).await
    }
}

#[tokio::test]
async fn a_work_list_pages_through_the_open_work_of_a_warehouse() {
    let shop = Shop::open().await;
    let mut expected = Vec::new();
    for _ in 0..3 {
        expected.push(shop.work(1).await.1);
    }
    let (mut found, mut path) = (
        Vec::new(),
        format!("/fulfilment-orders?warehouseId={ATLANTA_WAREHOUSE}&limit=2"),
    );
    loop {
        let page = shop.get(&path).await;
        assert_eq!(page.status, 200, "{page:?}");
        let items = page.body["items"].as_array().unwrap().iter();
        found.extend(items.map(|it| it["id"].as_str().unwrap().to_owned()));
        match page.body["nextCursor"].as_str() {
            Some(cursor) => {
                path = format!(
                    "/fulfilment-orders?warehouseId={ATLANTA_WAREHOUSE}&limit=2&cursor={cursor}"
                );
            }
            None => break,
        }
    }
    assert_eq!(found, expected);
    for wrong in [
        "/fulfilment-orders".to_owned(),
        format!("/fulfilment-orders?warehouseId={ATLANTA_WAREHOUSE}&status=CLOSED"),
        format!("/fulfilment-orders?warehouseId={ATLANTA_WAREHOUSE}&status=open"),
        "/shipments".to_owned(),
    ] {
        shop.get(&wrong)
            .await
            .assert_problem(400, "request.invalid");
    }
}

#[tokio::test]
async fn bad_input_is_refused_with_the_field_and_changes_nothing() {
    let shop = Shop::open().await;
    let (_, work) = shop.work(2).await;
    let before = shop.get(&format!("/fulfilment-orders/{work}")).await.body;
    for (body, field) in [
        (json!({ "lines": [] }), "lines"),
        (
            json!({ "lines": [{ "line": 1, "quantity": 0 }] }),
            "lines[0].quantity",
        ),
        (
            json!({ "lines": [{ "line": 0, "quantity": 1 }] }),
            "lines[0].line",
        ),
        (
            json!({ "lines": [{ "line": 1, "quantity": 1 }, { "line": 1, "quantity": 1 }] }),
            "lines[1].line",
        ),
        (
            json!({ "parcels": [{ "carrier": "" }] }),
            "parcels[0].carrier",
        ),
        (
            json!({ "parcels": [{ "carrier": "x", "trackingUrl": "ftp://x" }] }),
            "parcels[0].trackingUrl",
        ),
        (
            json!({ "parcels": vec![json!({ "carrier": "x" }); 21] }),
            "parcels",
        ),
        (json!({ "status": "DELIVERED" }), "status"),
        (json!({ "weight": 1 }), "weight"),
    ] {
        let refused = shop.ship(&work, &body).await;
        refused.assert_problem(400, "request.invalid");
        assert_eq!(refused.body["errors"][0]["field"], field, "{refused:?}");
    }
    let line =
        |line: i32, quantity: i32| json!({ "lines": [{ "line": line, "quantity": quantity }] });
    let refused = shop.ship(&work, &line(1, 3)).await;
    refused.assert_problem(422, "fulfilment.more_than_outstanding");
    assert_eq!(
        (&refused.body["line"], &refused.body["ready"]),
        (&json!(1), &json!(2))
    );
    shop.ship(&work, &line(2, 1))
        .await
        .assert_problem(422, "fulfilment.unknown_line");
    let unknown = new_key();
    shop.ship(&unknown, &json!({}))
        .await
        .assert_problem(404, "fulfilment.not_found");
    assert_eq!(
        shop.get(&format!("/fulfilment-orders/{work}")).await.body,
        before
    );
}

#[tokio::test]
async fn a_held_fulfilment_order_is_not_shipped_until_its_hold_is_released() {
    let shop = Shop::open().await;
    let (order_id, work) = shop.work(1).await;
    let path = format!("/fulfilment-orders/{work}/holds");
    let hold = json!({ "handle": "fraud", "reason": "fraud_check" });
    for status in [201, 200] {
        let held = shop.post_once(&path, &new_key(), &hold).await;
        assert_eq!(held.status, status, "{held:?}");
        assert_eq!(held.body["status"], "ON_HOLD");
    }
    assert_eq!(shop.order(&order_id).await["onHold"], true);
    let refused = shop.ship(&work, &json!({})).await;
    refused.assert_problem(409, "fulfilment.on_hold");
    assert_eq!(refused.body["holds"], json!(["fraud"]));
    for handle in ["fraud", "fraud", "Not-A-Handle"] {
        assert_eq!(shop.delete(&format!("{path}/{handle}")).await.status, 204);
    }
    for handle in ["rerouting", "before-fulfilment"] {
        let reserved = json!({ "handle": handle, "reason": "operator" });
        let refused = shop.post_once(&path, &new_key(), &reserved).await;
        refused.assert_problem(422, "fulfilment.reserved_handle");
    }
    let elsewhere = shop
        .ship(&work, &json!({ "warehouseId": CHICAGO_WAREHOUSE }))
        .await;
    elsewhere.assert_problem(409, "fulfilment.other_warehouse");
    assert_eq!(
        elsewhere.body["fulfilmentOrderWarehouseId"],
        ATLANTA_WAREHOUSE
    );
    let here = json!({ "warehouseId": ATLANTA_WAREHOUSE });
    assert_eq!(shop.ship(&work, &here).await.status, 201);
    let timeline = shop
        .get(&format!("/orders/{order_id}/timeline?limit=100"))
        .await;
    let entries = timeline.body["items"].as_array().unwrap().iter();
    let events: Vec<&str> = entries.filter_map(|it| it["event"].as_str()).collect();
    assert_eq!(
        events,
        [
            "fulfilment_order.held",
            "fulfilment_order.released",
            "shipment.shipped",
            "fulfilment_order.closed",
            "order.fulfilled"
        ]
    );
    shop.assert_consistent().await;
}

#[tokio::test]
async fn each_request_of_a_batch_has_its_own_result() {
    let shop = Shop::open().await;
    let (order_id, work) = shop.work(3).await;
    let create = |quantity: i32, key: &str| {
        json!({
            "action": "create", "idempotencyKey": key, "fulfilmentOrderId": work,
            "lines": [{ "line": 1, "quantity": quantity }],
        })
    };
    let batch = json!({ "items": [
        create(1, "a"),
        create(9, "b"),
        create(2, "c"),
        { "action": "ship", "idempotencyKey": "d", "shipmentId": new_key() },
    ] });
    let statuses = |answer: &Answer| -> Vec<u64> {
        let items = answer.body["items"].as_array().unwrap().iter();
        items.map(|it| it["status"].as_u64().unwrap()).collect()
    };
    let done = shop.post_once("/shipments/batch", &new_key(), &batch).await;
    assert_eq!(done.status, 200, "{done:?}");
    assert_eq!(statuses(&done), [201, 422, 201, 404]);
    assert_eq!(
        done.body["items"][1]["problem"]["code"],
        "fulfilment.more_than_outstanding"
    );
    let again = shop.post_once("/shipments/batch", &new_key(), &batch).await;
    assert_eq!(statuses(&again)[0..3], [200, 409, 200]);
    assert_eq!(
        again.body["items"][0]["shipment"],
        done.body["items"][0]["shipment"]
    );
    assert_eq!(shop.order(&order_id).await["fulfilmentStatus"], "FULFILLED");
    let too_many = json!({ "items": vec![create(1, "x"); 101] });
    let refused = shop
        .post_once("/shipments/batch", &new_key(), &too_many)
        .await;
    refused.assert_problem(400, "request.invalid");
    let incomplete = json!({ "items": [{ "action": "ship", "idempotencyKey": "e" }] });
    let refused = shop
        .post_once("/shipments/batch", &new_key(), &incomplete)
        .await;
    assert_eq!(
        refused.body["errors"][0]["field"], "items[0].shipmentId",
        "{refused:?}"
    );
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_stale_version_is_refused_with_412() {
    let shop = Shop::open().await;
    let (_, work) = shop.work(2).await;
    let path = format!("/fulfilment-orders/{work}/start");
    let send = async |tag: &str| {
        let request = shop.customer().post(&path).header("if-match", tag);
        Answer::of(request.send().await.unwrap()).await
    };
    send("\"7\"")
        .await
        .assert_problem(412, "request.precondition_failed");
    let started = send("\"1\"").await;
    assert_eq!(
        (started.status, started.header("etag")),
        (200, Some("\"2\""))
    );
}

#[tokio::test]
async fn the_rest_of_a_partly_shipped_order_is_cancelled_over_http() {
    let shop = Shop::open().await;
    let (order_id, work) = shop.work(3).await;
    shop.ship(&work, &json!({ "lines": [{ "line": 1, "quantity": 1 }] }))
        .await;
    let path = format!("/orders/{order_id}/cancel");
    let whole = shop.post_once(&path, &new_key(), &json!({})).await;
    whole.assert_problem(409, "orders.partly_shipped");
    let rest = with(json!({ "reason": "too late" }), "scope", json!("unshipped"));
    let cancelled = shop.post_once(&path, &new_key(), &rest).await;
    assert_eq!(cancelled.status, 200, "{cancelled:?}");
    assert_eq!(cancelled.body["fulfilmentStatus"], "FULFILLED");
    assert_eq!(cancelled.body["payment"]["refunded"]["amountMinor"], 2000);
    let again = shop.post_once(&path, &new_key(), &rest).await;
    again.assert_problem(409, "orders.nothing_unshipped");
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_time_that_cannot_be_is_refused_with_its_field() {
    let shop = Shop::open().await;
    let (_, work) = shop.work(1).await;
    let body = json!({ "parcels": [{ "carrier": "UPS" }] });
    let shipped = shop.ship(&work, &body).await;
    let id = shipped.body["id"].as_str().unwrap();
    let (track, deliver) = (
        format!("/shipments/{id}/tracking"),
        format!("/shipments/{id}/deliver"),
    );
    for time in [
        "+262142-12-31T23:59:59Z",
        "-262143-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "tomorrow",
    ] {
        for (path, body, field) in [
            (
                &track,
                json!({ "status": "delivered", "happenedAt": time }),
                "happenedAt",
            ),
            (
                &track,
                json!({ "status": "in_transit", "happenedAt": "2026-11-24T14:02:00Z", "estimatedAt": time }),
                "estimatedAt",
            ),
            (&deliver, json!({ "deliveredAt": time }), "deliveredAt"),
        ] {
            let refused = shop.post_once(path, &new_key(), &body).await;
            refused.assert_problem(400, "request.invalid");
            assert_eq!(refused.body["errors"][0]["field"], field, "{refused:?}");
        }
        let time = time.replace('+', "%2B");
        for (path, field) in [
            (
                format!("/fulfilment-orders?warehouseId={ATLANTA_WAREHOUSE}&shipByBefore={time}"),
                "shipByBefore",
            ),
            (format!("/orders?createdFrom={time}"), "createdFrom"),
            (format!("/orders?createdTo={time}"), "createdTo"),
        ] {
            let refused = shop.get(&path).await;
            refused.assert_problem(400, "request.invalid");
            assert_eq!(refused.body["errors"][0]["field"], field, "{refused:?}");
        }
    }
    for time in ["9999-12-31T23:59:59Z", "1970-01-01T00:00:00Z"] {
        let body = json!({ "status": "in_transit", "happenedAt": time });
        let refused = shop.post_once(&track, &new_key(), &body).await;
        refused.assert_problem(422, "fulfilment.implausible_time");
    }
    let early = json!({ "deliveredAt": "1970-01-01T00:00:00Z" });
    let refused = shop.post_once(&deliver, &new_key(), &early).await;
    refused.assert_problem(422, "fulfilment.implausible_time");
    let late = json!({ "deliveredAt": "9999-12-31T23:59:59Z" });
    let delivered = shop.post_once(&deliver, &new_key(), &late).await;
    assert_eq!(delivered.status, 200, "{delivered:?}");
    assert_eq!(
        shop.get(&format!("/shipments/{id}")).await.body,
        delivered.body
    );
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_batch_delivers_many_shipments_on_few_connections() {
    let mut shop = Shop::open().await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        let (_, work) = shop.work(1).await;
        let shipped = shop.ship(&work, &json!({})).await;
        ids.push(shipped.body["id"].as_str().unwrap().to_owned());
    }
    shop.restart(&[("OMS_DATABASE_MAX_CONNECTIONS", "2")]).await;
    let item = |id: &String| json!({ "action": "deliver", "idempotencyKey": format!("d {id}"), "shipmentId": id });
    let batch = json!({ "items": ids.iter().map(item).collect::<Vec<_>>() });
    for _ in 0..2 {
        let done = shop.post_once("/shipments/batch", &new_key(), &batch).await;
        let items = done.body["items"].as_array().unwrap();
        assert_eq!(items.len(), 20);
        for item in items {
            assert_eq!(item["shipment"]["status"], "DELIVERED", "{item}");
        }
    }
    let batches = shop.metric("oms_batch_size_count{kind=\"ship\"}").await;
    let batches: u64 = batches.unwrap().parse().unwrap();
    assert!(batches <= 4, "{batches}");
    shop.assert_consistent().await;
}
