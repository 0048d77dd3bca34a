//! Returns over HTTP: what a returns desk and a warehouse send, and what they are answered.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::api::Settings;
use crate::giving_back::usd;
use crate::request::{WIDGET_A, new_key, with};
use crate::shop::Shop;
use crate::stock::{ATLANTA_WAREHOUSE, CHICAGO_WAREHOUSE};

/// Long enough for every call that is answered at all.
const IMPATIENT: Settings<'_> = &[("OMS_STRIPE_TIMEOUT_MS", "2000")];
/// For faults that cause no wait: no call may time out on a slow machine.
const PATIENT: Settings<'_> = &[];

fn restock(units: i64) -> Value {
    json!({ "line": 1, "restock": units })
}

impl Shop {
    async fn on_return(&self, id: &str, action: &str, body: &Value) -> Answer {
        self.post_once(&format!("/returns/{id}/{action}"), &new_key(), body)
            .await
    }

    async fn on_hand(&self, warehouse: &str) -> i64 {
        let sql = format!(
            "SELECT coalesce(sum(on_hand - quarantined), 0)::bigint FROM inventory.stock_levels
             WHERE product_id = '{WIDGET_A}' AND warehouse_id = '{warehouse}'"
        );
        self.database.number(&sql).await
    }
}

#[tokio::test]
async fn a_return_goes_from_the_request_to_the_refund() {
    let shop = Shop::open().await;
    let (order_id, _) = shop.delivered(3).await;
    let returnable = shop.get(&format!("/orders/{order_id}/returnable")).await;
    let line = &returnable.body["lines"][0];
    assert_eq!((&line["returnable"], &line["open"]), (&json!(3), &json!(3)));
    assert_eq!(line["credit"], usd(3000), "{returnable:?}");
    assert!(line["windowEnds"].is_string(), "{returnable:?}");

    let requested = shop.request_return(&order_id, 2).await;
    assert_eq!(requested.status, 201, "{requested:?}");
    let id = requested.body["id"].as_str().unwrap();
    let location = format!("/returns/{id}");
    assert_eq!(requested.header("location"), Some(location.as_str()));
    assert_eq!(requested.header("etag"), Some("\"1\""));
    let order = shop.order(&order_id).await;
    assert_eq!(order["returnStatus"], "REQUESTED");
    assert_eq!(order["returns"][0]["id"], id);
    let early = shop.receive(id, &restock(1)).await;
    early.assert_problem(409, "returns.wrong_status");
    assert_eq!(early.body["returnStatus"], "REQUESTED");

    let approved = shop.on_return(id, "approve", &json!({})).await;
    assert_eq!(
        approved.body["warehouseId"], ATLANTA_WAREHOUSE,
        "{approved:?}"
    );
    assert!(approved.body["expiresAt"].is_string(), "{approved:?}");
    let before = shop.on_hand(CHICAGO_WAREHOUSE).await;
    let key = new_key();
    let path = format!("/returns/{id}/receipts");
    let body = json!({
        "warehouseId": CHICAGO_WAREHOUSE,
        "lines": [{ "line": 1, "restock": 1, "quarantine": 1 }],
    });
    for (status, replayed) in [(201, None), (200, Some("true"))] {
        let received = shop.post_once(&path, &key, &body).await;
        assert_eq!(received.status, status, "{received:?}");
        assert_eq!(received.header("idempotent-replayed"), replayed);
        assert_eq!(received.body["status"], "CLOSED");
        assert_eq!(received.body["receipts"].as_array().unwrap().len(), 1);
        assert_eq!(received.body["lines"][0]["quarantined"], 1);
    }
    let other = with(body, "lines", json!([restock(1)]));
    let reused = shop.post_once(&path, &key, &other).await;
    reused.assert_problem(422, "orders.idempotency_key_reused");
    assert_eq!(shop.on_hand(CHICAGO_WAREHOUSE).await, before + 1);
    assert_eq!(shop.sandbox.money(&order_id).await, (3000, 2000));

    let order = shop.order(&order_id).await;
    assert_eq!(order["returnStatus"], "PARTIALLY_RETURNED");
    // Wherever a return is read, its receipts are the same.
    let list = shop.get(&format!("/returns?orderId={order_id}")).await;
    let shown = shop.get(&location).await;
    let units = json!([{ "line": 1, "restock": 1, "quarantine": 1, "discard": 0, "missing": 0 }]);
    for it in [&list.body["items"][0], &shown.body] {
        assert_eq!(it["receipts"][0]["lines"], units, "{it}");
        assert_eq!(it["receipts"][0]["warehouseId"], CHICAGO_WAREHOUSE, "{it}");
    }
    assert_eq!(order["credits"][0]["returnId"], id);
    assert_eq!(
        order["credits"][0]["refundId"],
        order["refunds"][0]["refundId"]
    );
    for (member, amount) in [("owed", 1000), ("held", 1000), ("balance", 0)] {
        assert_eq!(order[member], usd(amount), "{member}");
    }
    let nothing = shop.on_return(id, "refund", &json!({})).await;
    nothing.assert_problem(409, "returns.nothing_owed");
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_returns_desk_pages_through_open_returns_oldest_first() {
    let shop = Shop::open().await;
    let (order_id, _) = shop.delivered(4).await;
    let mut expected = Vec::new();
    for _ in 0..3 {
        expected.push(shop.approved_return(&order_id, 1).await);
    }
    let requested = shop.request_return(&order_id, 1).await;
    let waiting = requested.body["id"].as_str().unwrap().to_owned();
    let list = async |query: &str| {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = shop.get(&format!("/returns?limit=2{query}{cursor}")).await;
            assert_eq!(page.status, 200, "{page:?}");
            let items = page.body["items"].as_array().unwrap().iter();
            found.extend(items.map(|it| it["id"].as_str().unwrap().to_owned()));
            match page.body["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return found,
            }
        }
    };
    assert_eq!(list("&status=APPROVED").await, expected);
    let of_atlanta = format!("&warehouseId={ATLANTA_WAREHOUSE}");
    assert_eq!(list(&of_atlanta).await, expected);
    assert!(
        list(&format!("&warehouseId={CHICAGO_WAREHOUSE}"))
            .await
            .is_empty()
    );
    let declined = expected.remove(0);
    let cancelled = shop.on_return(&declined, "cancel", &json!({})).await;
    assert_eq!(cancelled.status, 200, "{cancelled:?}");
    assert_eq!(list(&of_atlanta).await, expected);
    assert_eq!(
        list("&status=REQUESTED").await,
        std::slice::from_ref(&waiting)
    );
    expected.push(waiting);
    assert_eq!(list("").await, expected);
    expected.insert(0, declined.clone());
    let of_order = format!("&orderId={order_id}");
    assert_eq!(list(&of_order).await, expected);
    assert_eq!(
        list(&format!("{of_order}&status=CANCELLED")).await,
        [declined]
    );
    for wrong in [
        "status=CLOSED".to_owned(),
        "status=open".to_owned(),
        format!("orderId={order_id}&warehouseId={ATLANTA_WAREHOUSE}"),
        "limit=0".to_owned(),
    ] {
        let refused = shop.get(&format!("/returns?{wrong}")).await;
        refused.assert_problem(400, "request.invalid");
    }
    let unknown = shop.get(&format!("/returns/{}", new_key())).await;
    unknown.assert_problem(404, "returns.not_found");
    shop.assert_consistent().await;
}

#[tokio::test]
async fn bad_input_is_refused_with_the_field_and_changes_nothing() {
    let shop = Shop::open().await;
    let (order_id, shipment) = shop.delivered(2).await;
    let path = format!("/orders/{order_id}/returns");
    let line = json!({ "line": 1, "quantity": 1, "reason": "unwanted" });
    let with_line =
        |member: &str, value: Value| json!({ "lines": [with(line.clone(), member, value)] });
    for (body, field) in [
        (json!({}), "lines"),
        (json!({ "lines": [] }), "lines"),
        (json!({ "lines": vec![line.clone(); 101] }), "lines"),
        (json!({ "lines": [line, line] }), "lines[1].line"),
        (with_line("line", json!(0)), "lines[0].line"),
        (with_line("quantity", json!(0)), "lines[0].quantity"),
        (with_line("reason", json!("ugly")), "lines[0].reason"),
        (
            json!({ "lines": [line], "requestedBy": "nobody" }),
            "requestedBy",
        ),
        (json!({ "lines": [line], "note": "x".repeat(501) }), "note"),
        (
            json!({ "lines": [line], "overrideReason": "x" }),
            "overrideReason",
        ),
        (json!({ "lines": [line], "refund": 1 }), "refund"),
    ] {
        let refused = shop.post_once(&path, &new_key(), &body).await;
        refused.assert_problem(400, "request.invalid");
        assert_eq!(refused.fields(), [field], "{body}");
    }
    let too_many = shop.request_return(&order_id, 3).await;
    too_many.assert_problem(422, "returns.more_than_returnable");
    assert_eq!(
        (&too_many.body["line"], &too_many.body["returnable"]),
        (&json!(1), &json!(2))
    );
    let elsewhere = json!({ "lines": [line], "warehouseId": new_key() });
    let unknown = shop.post_once(&path, &new_key(), &elsewhere).await;
    unknown.assert_problem(422, "inventory.unknown_warehouse");
    let unknown = json!({ "lines": [with(line.clone(), "line", json!(2))] });
    let unknown = shop.post_once(&path, &new_key(), &unknown).await;
    unknown.assert_problem(422, "returns.unknown_line");
    assert_eq!(shop.order(&order_id).await["returnStatus"], "NONE");

    let id = shop.approved_return(&order_id, 2).await;
    for (line, field) in [
        (json!({ "line": 1 }), "lines[0]"),
        (json!({ "line": 1, "restock": -1 }), "lines[0].restock"),
        (
            json!({ "line": 1, "restock": 1_000_001 }),
            "lines[0].restock",
        ),
        (json!({ "line": 0, "restock": 1 }), "lines[0].line"),
        (json!({ "line": 1, "kept": 1 }), "lines[0].kept"),
    ] {
        let refused = shop.receive(&id, &line).await;
        refused.assert_problem(400, "request.invalid");
        assert_eq!(refused.fields(), [field], "{line}");
    }
    let too_many = shop.receive(&id, &restock(3)).await;
    too_many.assert_problem(422, "returns.more_than_approved");
    assert_eq!(too_many.body["expected"], 2);
    let unknown = shop.receive(&id, &json!({ "line": 2, "restock": 1 })).await;
    unknown.assert_problem(422, "returns.unknown_line");
    let late = json!({ "expiresAt": "2020-01-01T00:00:00Z" });
    let other = shop.request_return(&order_id, 1).await;
    other.assert_problem(422, "returns.more_than_returnable");
    let refused = shop
        .on_return(&id, "decline", &json!({ "reason": "x" }))
        .await;
    refused.assert_problem(409, "returns.wrong_status");
    let refused = shop.on_return(&id, "approve", &late).await;
    refused.assert_problem(400, "request.invalid");
    assert_eq!(refused.fields(), ["expiresAt"]);
    let refused = shop
        .post_once(
            &format!("/shipments/{shipment}/cancel"),
            &new_key(),
            &json!({ "reason": "x" }),
        )
        .await;
    refused.assert_problem(409, "fulfilment.delivered");
    assert_eq!(shop.get(&format!("/returns/{id}")).await.body["version"], 2);
    shop.assert_consistent().await;
}

#[tokio::test]
async fn settings_for_returns_are_checked_and_have_defaults() {
    let shop = Shop::open().await;
    let read = shop.get("/settings/orders").await;
    let expected = json!({
        "windowDays": 30,
        "anchor": "delivered",
        "autoApprove": false,
        "authorisationDays": 30,
        "creditOn": "received",
        "restockingFeePpm": 0,
        "refundShipping": "on_full_return",
    });
    assert_eq!(read.body["returns"], expected);
    let put = async |returns: Value| {
        let body = json!({ "currencies": ["USD"], "returns": returns });
        let request = shop
            .customer()
            .request(reqwest::Method::PUT, "/settings/orders");
        let request = request.header("if-match", "*").json(&body);
        Answer::of(request.send().await.unwrap()).await
    };
    for (returns, field) in [
        (json!({ "windowDays": 3651 }), "returns.windowDays"),
        (json!({ "windowDays": -1 }), "returns.windowDays"),
        (
            json!({ "authorisationDays": 0 }),
            "returns.authorisationDays",
        ),
        (
            json!({ "authorisationDays": 366 }),
            "returns.authorisationDays",
        ),
        (
            json!({ "restockingFeePpm": 1_000_001 }),
            "returns.restockingFeePpm",
        ),
        (json!({ "creditOn": "later" }), "returns.creditOn"),
        (
            json!({ "refundShipping": "sometimes" }),
            "returns.refundShipping",
        ),
        (json!({ "anchor": "ordered" }), "returns.anchor"),
        (json!({ "window": 1 }), "returns.window"),
    ] {
        let refused = put(returns.clone()).await;
        refused.assert_problem(400, "request.invalid");
        assert_eq!(refused.fields(), [field], "{returns}");
    }
    let set = put(json!({ "autoApprove": true, "restockingFeePpm": 150_000 })).await;
    assert_eq!(set.status, 200, "{set:?}");
    let (order_id, _) = shop.delivered(1).await;
    let requested = shop.request_return(&order_id, 1).await;
    assert_eq!(requested.body["status"], "APPROVED", "{requested:?}");
    let received = shop
        .receive(requested.body["id"].as_str().unwrap(), &restock(1))
        .await;
    assert_eq!(received.status, 201, "{received:?}");
    assert_eq!(shop.sandbox.money(&order_id).await, (1000, 850));
    let order = shop.order(&order_id).await;
    assert_eq!(order["credits"][1]["part"], "restocking_fee", "{order}");
    assert_eq!(order["credits"][1]["amount"], usd(-150));
    assert_eq!(
        (&order["status"], &order["returnStatus"]),
        (&json!("PAID"), &json!("RETURNED"))
    );
    shop.assert_consistent().await;
}

/// Receives a unit while the refund meets a fault. The unit is received all the same.
async fn receive_under(settings: Settings<'_>, fault: Value) -> (Shop, String, String) {
    let shop = Shop::open_sweeping(settings).await;
    let (order_id, _) = shop.delivered(2).await;
    let (before, id) = (
        shop.on_hand(ATLANTA_WAREHOUSE).await,
        shop.approved_return(&order_id, 1).await,
    );
    shop.sandbox.once("refund", fault).await;
    let key = new_key();
    for status in [201, 200] {
        let received = shop.receive_once(&id, &key, &restock(1)).await;
        assert_eq!(received.status, status, "{received:?}");
        assert_eq!(received.body["status"], "CLOSED");
    }
    assert_eq!(shop.on_hand(ATLANTA_WAREHOUSE).await, before + 1);
    assert_eq!(shop.sandbox.calls("refund").await, 1);
    shop.assert_consistent().await;
    shop.sandbox.release().await;
    (shop, order_id, id)
}

async fn ends_refunded((shop, order_id, _): (Shop, String, String)) {
    assert_eq!(shop.settled(&order_id).await, "PAID");
    assert_eq!(shop.sandbox.money(&order_id).await, (2000, 1000));
    assert_eq!(shop.sandbox.refunds().await, 1);
    let order = shop.order(&order_id).await;
    for (member, amount) in [("owed", 1000), ("held", 1000), ("balance", 0)] {
        assert_eq!(order[member], usd(amount), "{member}");
    }
    shop.assert_consistent().await;
}

macro_rules! refund_faults {
    ($($name:ident: $settings:expr, $fault:tt;)+) => {
        $(
            #[tokio::test]
            async fn $name() {
                ends_refunded(receive_under($settings, json!($fault)).await).await;
            }
        )+
    };
}

refund_faults! {
    return_cut_off: PATIENT, { "type": "refuse" };
    return_truncated: PATIENT, { "type": "truncate" };
    return_timed_out_before_the_effect: IMPATIENT, { "type": "no_answer_before" };
    return_timed_out_after_the_effect: IMPATIENT, { "type": "no_answer_after" };
    return_500_with_effect: PATIENT, { "type": "error_after", "status": 500 };
    return_502_before_the_effect: PATIENT, { "type": "error_before", "status": 502 };
    return_502_after_the_effect: PATIENT, { "type": "error_after", "status": 502 };
    return_429: PATIENT, { "type": "error_before", "status": 429 };
}

#[tokio::test]
async fn a_refund_that_fails_weeks_later_is_owed_until_it_is_made_again() {
    let shop = Shop::open().await;
    let (order_id, _) = shop.delivered(2).await;
    let id = shop.approved_return(&order_id, 1).await;
    assert_eq!(shop.receive(&id, &restock(1)).await.status, 201);
    let refund = shop.order(&order_id).await["refunds"][0]["reference"].clone();
    let path = format!("refunds/{}/settle", refund.as_str().unwrap());
    let failure = json!({ "status": "failed", "failureReason": "lost_or_stolen_card" });
    shop.sandbox.happens(&path, failure).await;
    // The next request that refunds the order reads the gateway's refunds first.
    let too_much = shop
        .refund(&order_id, &new_key(), &json!({ "amount": usd(2001) }))
        .await;
    too_much.assert_problem(422, "orders.refund_exceeds_captured");
    let order = shop.order(&order_id).await;
    assert_eq!(
        (&order["owed"], &order["held"]),
        (&usd(1000), &usd(2000)),
        "{order}"
    );
    assert_eq!(order["balance"], usd(-1000));
    let (key, path) = (new_key(), format!("/returns/{id}/refund"));
    for status in [201, 200] {
        let refunded = shop.post_once(&path, &key, &json!({})).await;
        assert_eq!(refunded.status, status, "{refunded:?}");
        assert_eq!(refunded.body["amount"], usd(1000), "{refunded:?}");
    }
    assert_eq!(shop.order(&order_id).await["balance"], usd(0));
}
