//! Deliberate defects, limits, and what reverse reconciliation needs to find them.

use serde_json::{Value, json};

use crate::sandbox::{Answer, Sandbox};

const CREATE: &str = "/v1/payment_intents";
const VISA: &[(&str, &str)] = &[("payment_method", "pm_card_visa")];

fn ids(list: &Answer) -> Vec<&str> {
    let data = list.body["data"].as_array().unwrap();
    data.iter().map(|of| of["id"].as_str().unwrap()).collect()
}

/// Confirms under `late_effect`, abandons the call, cancels, and lets the effect happen.
async fn charged_after_cancel(sandbox: &Sandbox, intent: &str) {
    sandbox
        .fault(r#""operation":"confirm","action":{"type":"late_effect"}"#)
        .await;
    let confirm = format!("{CREATE}/{intent}/confirm");
    let call = sandbox
        .post_request(&confirm, VISA)
        .header("Idempotency-Key", "k");
    tokio::select! {
        answer = call.send() => panic!("answered: {answer:?}"),
        () = sandbox.arrived("confirm", 1) => {}
    }
    let cancelled = sandbox
        .post(&format!("{CREATE}/{intent}/cancel"), &[])
        .await;
    assert_eq!(cancelled.body["status"], "canceled", "{}", cancelled.text);
    assert_eq!(sandbox.order("o1").await["charges"], 0);
    sandbox.clear_faults().await;
    sandbox.post_again("k", &confirm, VISA).await;
}

#[tokio::test]
async fn a_late_charge_lands_on_a_cancelled_intent_and_can_be_found_and_refunded() {
    let sandbox = Sandbox::start();
    let intent = sandbox.intent(&[]).await;
    charged_after_cancel(&sandbox, intent.id()).await;

    let read = sandbox.get(&format!("{CREATE}/{}", intent.id())).await;
    assert_eq!(
        (&read.body["status"], &read.body["amount_received"]),
        (&json!("canceled"), &json!(0))
    );
    let charges = sandbox
        .get(&format!("/v1/charges?payment_intent={}", intent.id()))
        .await;
    let charge = &charges.body["data"][0];
    assert_eq!(
        (&charge["status"], &charge["paid"]),
        (&json!("succeeded"), &json!(true))
    );
    assert_eq!(charge["metadata"]["order_id"], "o1");
    let refunded = sandbox
        .post("/v1/refunds", &[("payment_intent", intent.id())])
        .await;
    assert_eq!(
        (refunded.status, &refunded.body["amount"]),
        (200, &json!(1200))
    );
    let charges = sandbox.get("/v1/charges").await;
    assert_eq!(charges.body["data"][0]["refunded"], true);
}

#[tokio::test]
async fn a_late_effect_without_a_cancellation_is_a_payment_and_can_be_preceded_by_a_502() {
    let sandbox = Sandbox::start();
    let intent = sandbox.intent(&[]).await;
    sandbox
        .fault(r#""operation":"confirm","action":{"type":"late_effect","ms":1}"#)
        .await;
    let path = format!("{CREATE}/{}/confirm", intent.id());
    assert_eq!(sandbox.post_keyed("k", &path, VISA).await.status, 502);
    assert_eq!(sandbox.post_keyed("k", &path, VISA).await.status, 409);
    sandbox.clear_faults().await;
    let replay = sandbox.post_again("k", &path, VISA).await;
    assert_eq!(
        (replay.replayed, &replay.body["status"]),
        (true, &json!("succeeded"))
    );
    assert_eq!(sandbox.order("o1").await["charges"], 1);
}

#[tokio::test]
async fn an_expired_key_can_be_used_again_even_after_a_restart() {
    let mut sandbox = Sandbox::start();
    let form = [("amount", "1"), ("currency", "eur")];
    let first = sandbox.post_keyed("k", CREATE, &form).await;
    sandbox.post_keyed("other", CREATE, &form).await;
    let expired = sandbox
        .control("idempotency/expire", r#"{"key":"k"}"#)
        .await;
    assert_eq!(expired.body, json!({ "expired": 1 }));
    sandbox.kill_and_restart();
    let second = sandbox.post_keyed("k", CREATE, &form).await;
    assert!(!second.replayed && second.id() != first.id());
    assert!(sandbox.post_keyed("other", CREATE, &form).await.replayed);
    let expired = sandbox.control("idempotency/expire", "").await;
    assert_eq!(expired.body, json!({ "expired": 2 }));
    assert!(!sandbox.post_keyed("other", CREATE, &form).await.replayed);
}

#[tokio::test]
async fn calls_beyond_the_limit_are_rejected_without_an_effect() {
    let sandbox = Sandbox::start();
    sandbox.control("limits", r#"{"perSecond":0}"#).await;
    let form = [("amount", "1"), ("currency", "eur")];
    let refused = sandbox.post_keyed("k", CREATE, &form).await;
    assert_eq!((refused.status, refused.code()), (429, "rate_limit"));
    let stats = sandbox.get("/_sandbox/stats").await.body;
    assert_eq!(
        (&stats["rateLimited"], &stats["calls"]["create"]),
        (&json!(1), &json!(1))
    );
    sandbox.control("limits", r#"{"perSecond":null}"#).await;
    let accepted = sandbox.post_keyed("k", CREATE, &form).await;
    assert_eq!((accepted.status, accepted.replayed), (200, false));
}

#[tokio::test]
async fn a_dripping_answer_arrives_completely() {
    let sandbox = Sandbox::start();
    sandbox
        .fault(r#""operation":"create","action":{"type":"drip","bytesPerSecond":20000}"#)
        .await;
    let form = [("amount", "1"), ("currency", "eur")];
    let created = sandbox.post(CREATE, &form).await;
    assert_eq!((created.status, &created.body["amount"]), (200, &json!(1)));
}

#[tokio::test]
async fn a_slow_answer_begins_after_the_effect() {
    let sandbox = Sandbox::start();
    sandbox
        .fault(r#""operation":"create","action":{"type":"drip","bytesPerSecond":1}"#)
        .await;
    let form = [
        ("amount", "1"),
        ("currency", "eur"),
        ("metadata[order_id]", "o1"),
    ];
    let mut response = sandbox.post_request(CREATE, &form).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let first = response.chunk().await.unwrap().unwrap();
    assert_eq!(first.len(), 1);
    assert!(response.content_length().unwrap() > 100);
    let order = sandbox.order("o1").await;
    assert_eq!(order["intents"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_stray_charge_and_a_wrong_amount_can_be_made() {
    let sandbox = Sandbox::start();
    let stray = r#"{"amount":700,"currency":"eur","metadata":{"order_id":"o2"}}"#;
    let stray = sandbox.control("charges", stray).await;
    assert_eq!(
        (stray.status, &stray.body["captured"]),
        (200, &json!(true)),
        "{}",
        stray.text
    );
    assert_eq!(sandbox.order("o2").await["capturedMinor"], 700);
    let listed = sandbox.get("/v1/charges").await;
    assert_eq!(listed.body["data"][0], stray.body);

    for bad in [
        r#"{"amount":0,"currency":"eur"}"#,
        r#"{"amount":1,"currency":"EUR"}"#,
    ] {
        assert_eq!(sandbox.control("charges", bad).await.status, 400, "{bad}");
    }

    let intent = stray.body["payment_intent"].as_str().unwrap();
    let path = format!("payment_intents/{intent}/tamper");
    let events = || async {
        sandbox.get("/v1/events").await.body["data"]
            .as_array()
            .unwrap()
            .len()
    };
    let before = events().await;
    let tampered = sandbox.control(&path, r#"{"amountReceived":699}"#).await;
    assert_eq!(tampered.body["amount_received"], 699);
    assert_eq!(tampered.body["amount"], 700);
    assert_eq!(sandbox.order("o2").await["capturedMinor"], 699);
    assert_eq!(events().await, before);
    assert_eq!(
        sandbox
            .control("payment_intents/pi_0/tamper", "{}")
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn charges_and_refunds_are_listed_with_cursors_and_filters() {
    let sandbox = Sandbox::start();
    let mut intents = Vec::new();
    for _ in 0..3 {
        let paid = sandbox
            .intent(&[("payment_method", "pm_card_visa"), ("confirm", "true")])
            .await;
        intents.push(paid.id().to_owned());
        sandbox
            .post("/v1/refunds", &[("payment_intent", paid.id())])
            .await;
    }
    for path in ["/v1/charges", "/v1/refunds"] {
        let all = sandbox.get(path).await;
        let all_ids = ids(&all);
        assert_eq!(all_ids.len(), 3);
        let second = sandbox
            .get(&format!("{path}?limit=1&starting_after={}", all_ids[0]))
            .await;
        assert_eq!(
            (ids(&second), &second.body["has_more"]),
            (vec![all_ids[1]], &json!(true))
        );
        let newer = sandbox
            .get(&format!("{path}?ending_before={}", all_ids[1]))
            .await;
        assert_eq!(ids(&newer), all_ids[..1]);
        let of_oldest = sandbox
            .get(&format!("{path}?payment_intent={}", intents[0]))
            .await;
        assert_eq!(ids(&of_oldest), all_ids[2..]);
        assert!(ids(&sandbox.get(&format!("{path}?created[lt]=1000")).await).is_empty());
        assert_eq!(
            ids(&sandbox.get(&format!("{path}?created[gte]=1000")).await),
            all_ids
        );
    }
}

#[tokio::test]
async fn the_statistics_have_the_most_calls_that_an_order_got() {
    let sandbox = Sandbox::start();
    let first = sandbox.intent(&[]).await;
    let other = [
        ("amount", "1"),
        ("currency", "eur"),
        ("metadata[order_id]", "o2"),
    ];
    sandbox.post(CREATE, &other).await;
    for _ in 0..2 {
        sandbox.confirm(first.id(), "pm_card_visa").await;
    }
    let numbers: Value = sandbox.get("/_sandbox/stats").await.body["callsPerOrder"].clone();
    assert_eq!(
        (&numbers["orders"], &numbers["max"]["confirm"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(
        (&numbers["maxTotal"], &numbers["maxTotalOrderId"]),
        (&json!(3), &json!("o1"))
    );
}
