//! What can happen long after a payment: failed refunds, and disputes.

use serde_json::{Value, json};

use crate::sandbox::{Answer, Sandbox};

async fn paid(sandbox: &Sandbox) -> Answer {
    sandbox
        .intent(&[("payment_method", "pm_card_visa"), ("confirm", "true")])
        .await
}

/// The types of the events about an object, oldest first.
async fn events_of(sandbox: &Sandbox, object_id: &str) -> Vec<String> {
    let events = sandbox.get("/v1/events?limit=100").await.body;
    let events = events["data"].as_array().unwrap().iter().rev();
    let about = events.filter(|event| event["data"]["object"]["id"] == object_id);
    about
        .map(|event| event["type"].as_str().unwrap().to_owned())
        .collect()
}

async fn control(sandbox: &Sandbox, path: &str, body: &Value) -> Value {
    sandbox.control(path, &body.to_string()).await.body
}

async fn charge(sandbox: &Sandbox, intent: &Answer) -> Value {
    let id = intent.body["latest_charge"].as_str().unwrap();
    sandbox.get(&format!("/v1/charges/{id}")).await.body
}

#[tokio::test]
async fn a_refund_that_fails_later_puts_its_money_back_on_the_charge() {
    let sandbox = Sandbox::start();
    let intent = paid(&sandbox).await;
    let refund = sandbox
        .post(
            "/v1/refunds",
            &[("payment_intent", intent.id()), ("amount", "500")],
        )
        .await;
    assert_eq!(charge(&sandbox, &intent).await["amount_refunded"], 500);

    let body = json!({ "status": "failed", "failureReason": "lost_or_stolen_card" });
    let path = format!("refunds/{}/settle", refund.id());
    let failed = control(&sandbox, &path, &body).await;
    assert_eq!(failed["status"], "failed");
    assert_eq!(failed["failure_reason"], "lost_or_stolen_card");
    assert_eq!(charge(&sandbox, &intent).await["amount_refunded"], 0);
    let expected = [
        "refund.created",
        "refund.failed",
        "refund.updated",
        "charge.refund.updated",
    ];
    assert_eq!(events_of(&sandbox, refund.id()).await, expected);

    let again = control(&sandbox, &path, &body).await;
    assert_eq!(again["error"]["type"], "invalid_request_error");
}

#[tokio::test]
async fn a_disputed_charge_can_t_be_refunded_until_the_dispute_is_won() {
    let sandbox = Sandbox::start();
    let intent = paid(&sandbox).await;
    let body = json!({ "payment_intent": intent.id(), "reason": "product_not_received" });
    let dispute = control(&sandbox, "disputes", &body).await;
    assert_eq!(
        (&dispute["status"], &dispute["amount"], &dispute["reason"]),
        (
            &json!("needs_response"),
            &json!(1200),
            &json!("product_not_received")
        )
    );
    let due_by = dispute["evidence_details"]["due_by"].as_i64();
    assert!(due_by > dispute["created"].as_i64());
    assert_eq!(charge(&sandbox, &intent).await["disputed"], true);
    let refund = [("payment_intent", intent.id())];
    let refused = sandbox.post("/v1/refunds", &refund).await;
    assert_eq!((refused.status, refused.code()), (400, "charge_disputed"));

    let id = dispute["id"].as_str().unwrap();
    let path = format!("disputes/{id}/settle");
    control(&sandbox, &path, &json!({ "status": "under_review" })).await;
    control(&sandbox, &path, &json!({ "status": "won" })).await;
    let expected = [
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.updated",
        "charge.dispute.closed",
        "charge.dispute.funds_reinstated",
    ];
    assert_eq!(events_of(&sandbox, id).await, expected);
    let listed = format!("/v1/disputes?payment_intent={}", intent.id());
    assert_eq!(sandbox.get(&listed).await.body["data"][0]["status"], "won");
    assert_eq!(sandbox.post("/v1/refunds", &refund).await.status, 200);
}

#[tokio::test]
async fn an_inquiry_withholds_nothing() {
    let sandbox = Sandbox::start();
    let intent = paid(&sandbox).await;
    let body = json!({ "payment_intent": intent.id(), "status": "warning_needs_response" });
    let dispute = control(&sandbox, "disputes", &body).await;
    assert_eq!(dispute["is_charge_refundable"], true);
    let id = dispute["id"].as_str().unwrap();
    assert_eq!(events_of(&sandbox, id).await, ["charge.dispute.created"]);
    let refund = [("payment_intent", intent.id())];
    assert_eq!(sandbox.post("/v1/refunds", &refund).await.status, 200);
}
