//! Intents, charges, refunds and lists, as Stripe answers them.

use serde_json::{Value, json};

use crate::sandbox::Sandbox;

#[tokio::test]
async fn an_intent_is_created_confirmed_and_read() {
    let sandbox = Sandbox::start();
    let created = sandbox.intent(&[]).await;
    assert_eq!(created.status, 200);
    assert_eq!(created.body["status"], "requires_payment_method");
    assert_eq!(created.body["metadata"], json!({ "order_id": "o1" }));
    assert_eq!(created.body["livemode"], false);

    let confirmed = sandbox.confirm(created.id(), "pm_card_visa").await;
    assert_eq!(confirmed.body["status"], "succeeded");
    assert_eq!(confirmed.body["amount_received"], 1200);

    let read = sandbox
        .get(&format!("/v1/payment_intents/{}", created.id()))
        .await;
    assert_eq!(read.body, confirmed.body);
    let charge = read.body["latest_charge"].as_str().unwrap();
    let charge = sandbox.get(&format!("/v1/charges/{charge}")).await;
    assert_eq!(
        (&charge.body["captured"], &charge.body["amount"]),
        (&json!(true), &json!(1200))
    );
}

#[tokio::test]
async fn one_call_can_create_and_confirm_with_card_data_that_is_never_stored() {
    let sandbox = Sandbox::start();
    let paid = sandbox
        .intent(&[
            ("confirm", "true"),
            ("payment_method_data[type]", "card"),
            ("payment_method_data[card][number]", "4111111111111111"),
            ("payment_method_data[card][exp_month]", "12"),
            ("payment_method_data[card][exp_year]", "2048"),
            ("payment_method_data[card][cvc]", "123"),
        ])
        .await;
    assert_eq!(paid.body["status"], "succeeded", "{}", paid.text);
    let journal = std::fs::read_to_string(sandbox.state_file()).unwrap();
    assert!(journal.contains(paid.id()) && !journal.contains("4111111111111111"));
}

#[tokio::test]
async fn a_decline_is_402_and_the_intent_can_be_tried_again() {
    let sandbox = Sandbox::start();
    let created = sandbox.intent(&[]).await;
    let declined = sandbox
        .confirm(created.id(), "pm_card_visa_chargeDeclinedInsufficientFunds")
        .await;
    let error = &declined.body["error"];
    assert_eq!((declined.status, declined.code()), (402, "card_declined"));
    assert_eq!(
        (&error["type"], &error["decline_code"]),
        (&json!("card_error"), &json!("insufficient_funds"))
    );
    assert_eq!(error["payment_intent"]["status"], "requires_payment_method");
    assert_eq!(
        error["payment_intent"]["last_payment_error"]["code"],
        "card_declined"
    );
    assert_eq!(error["charge"], error["payment_intent"]["latest_charge"]);

    assert_eq!(
        sandbox.confirm(created.id(), "pm_card_visa").await.body["status"],
        "succeeded"
    );
    let again = sandbox.confirm(created.id(), "pm_card_visa").await;
    assert_eq!(
        (again.status, again.code()),
        (400, "payment_intent_unexpected_state")
    );
    assert_eq!(again.body["error"]["payment_intent"]["status"], "succeeded");
}

#[tokio::test]
async fn a_wrong_card_number_is_402_incorrect_number() {
    let sandbox = Sandbox::start();
    let created = sandbox.intent(&[]).await;
    let path = format!("/v1/payment_intents/{}/confirm", created.id());
    let form = [
        ("payment_method_data[type]", "card"),
        ("payment_method_data[card][number]", "4242424242424241"),
        ("payment_method_data[card][exp_month]", "12"),
        ("payment_method_data[card][exp_year]", "2048"),
    ];
    let declined = sandbox.post(&path, &form).await;
    assert_eq!(
        (declined.status, declined.code()),
        (402, "incorrect_number")
    );
    assert_eq!(
        declined.body["error"]["payment_intent"]["status"],
        "requires_payment_method"
    );
    let unknown = sandbox.confirm(created.id(), "pm_card_nobody").await;
    assert_eq!((unknown.status, unknown.code()), (400, "resource_missing"));
    assert_eq!(unknown.body["error"]["param"], "payment_method");
}

#[tokio::test]
async fn a_cancelled_intent_can_no_longer_be_paid() {
    let sandbox = Sandbox::start();
    let created = sandbox.intent(&[("payment_method", "pm_card_visa")]).await;
    assert_eq!(created.body["status"], "requires_confirmation");
    let path = format!("/v1/payment_intents/{}/cancel", created.id());
    let cancelled = sandbox
        .post(&path, &[("cancellation_reason", "abandoned")])
        .await;
    assert_eq!(cancelled.body["status"], "canceled");
    assert_eq!(cancelled.body["cancellation_reason"], "abandoned");
    assert!(cancelled.body["canceled_at"].is_i64());
    for answer in [
        sandbox.confirm(created.id(), "pm_card_visa").await,
        sandbox.post(&path, &[]).await,
    ] {
        assert_eq!(
            (answer.status, answer.code()),
            (400, "payment_intent_unexpected_state")
        );
    }
}

#[tokio::test]
async fn manual_capture_takes_the_money_later() {
    let sandbox = Sandbox::start();
    let created = sandbox
        .intent(&[
            ("capture_method", "manual"),
            ("payment_method", "pm_card_visa"),
            ("confirm", "true"),
        ])
        .await;
    assert_eq!(created.body["status"], "requires_capture");
    assert_eq!(created.body["amount_capturable"], 1200);
    let path = format!("/v1/payment_intents/{}/capture", created.id());
    let captured = sandbox.post(&path, &[("amount_to_capture", "700")]).await;
    assert_eq!(
        (&captured.body["status"], &captured.body["amount_received"]),
        (&json!("succeeded"), &json!(700))
    );
    assert_eq!(
        sandbox.post(&path, &[]).await.code(),
        "payment_intent_unexpected_state"
    );
}

#[tokio::test]
async fn refunds_never_exceed_what_was_taken() {
    let sandbox = Sandbox::start();
    let paid = sandbox
        .intent(&[("payment_method", "pm_card_visa"), ("confirm", "true")])
        .await;
    let part = sandbox
        .post(
            "/v1/refunds",
            &[
                ("payment_intent", paid.id()),
                ("amount", "500"),
                ("reason", "duplicate"),
            ],
        )
        .await;
    assert_eq!(
        (part.status, &part.body["status"]),
        (200, &json!("succeeded"))
    );
    let too_much = sandbox
        .post(
            "/v1/refunds",
            &[("payment_intent", paid.id()), ("amount", "701")],
        )
        .await;
    assert_eq!(
        (too_much.status, &too_much.body["error"]["param"]),
        (400, &json!("amount"))
    );

    let charge = paid.body["latest_charge"].as_str().unwrap();
    let rest = sandbox.post("/v1/refunds", &[("charge", charge)]).await;
    assert_eq!(rest.body["amount"], 700);
    let none = sandbox
        .post("/v1/refunds", &[("payment_intent", paid.id())])
        .await;
    assert_eq!((none.status, none.code()), (400, "charge_already_refunded"));

    assert_eq!(
        sandbox
            .get(&format!("/v1/refunds/{}", part.id()))
            .await
            .body,
        part.body
    );
    let list = sandbox
        .get(&format!("/v1/refunds?payment_intent={}", paid.id()))
        .await;
    assert_eq!(list.body["data"], json!([rest.body, part.body]));
    let order = sandbox.order("o1").await;
    assert_eq!(
        (&order["capturedMinor"], &order["refundedMinor"]),
        (&json!(1200), &json!(1200))
    );
    assert_eq!(order["charges"], 0);
}

#[tokio::test]
async fn a_list_is_newest_first_with_cursors_and_time_bounds() {
    let sandbox = Sandbox::start();
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.insert(0, sandbox.intent(&[]).await.id().to_owned());
    }
    let listed = |body: &Value| -> Vec<String> {
        body["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|i| i["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let first = sandbox.get("/v1/payment_intents?limit=2").await.body;
    assert_eq!(
        (listed(&first), &first["has_more"]),
        (ids[..2].to_vec(), &json!(true))
    );
    assert_eq!(
        (&first["object"], &first["url"]),
        (&json!("list"), &json!("/v1/payment_intents"))
    );
    let next = sandbox
        .get(&format!(
            "/v1/payment_intents?limit=2&starting_after={}",
            ids[1]
        ))
        .await
        .body;
    assert_eq!(
        (listed(&next), &next["has_more"]),
        (ids[2..].to_vec(), &json!(false))
    );
    let none = sandbox
        .get("/v1/payment_intents?created%5Blt%5D=1000")
        .await
        .body;
    assert!(listed(&none).is_empty());
    let all = sandbox
        .get("/v1/payment_intents?created[gte]=1000")
        .await
        .body;
    assert_eq!(listed(&all), ids);
}

#[tokio::test]
async fn a_bank_debit_and_a_3d_secure_card_wait_until_they_are_settled() {
    let sandbox = Sandbox::start();
    for (method, waiting) in [
        ("pm_usBankAccount_processing", "processing"),
        ("pm_card_authenticationRequired", "requires_action"),
    ] {
        for (outcome, end) in [
            ("succeeded", "succeeded"),
            ("failed", "requires_payment_method"),
        ] {
            let created = sandbox.intent(&[]).await;
            let confirmed = sandbox.confirm(created.id(), method).await;
            assert_eq!(confirmed.body["status"], waiting);
            let path = format!("payment_intents/{}/settle", created.id());
            let settled = sandbox
                .control(&path, &format!("{{\"outcome\":\"{outcome}\"}}"))
                .await;
            assert_eq!(
                (settled.status, &settled.body["status"]),
                (200, &json!(end))
            );
            let again = sandbox.control(&path, r#"{"outcome":"failed"}"#).await;
            assert_eq!(again.code(), "payment_intent_unexpected_state");
        }
    }
    assert_eq!(sandbox.order("o1").await["charges"], 2);
}

#[tokio::test]
async fn invalid_requests_are_rejected_in_stripes_format() {
    let sandbox = Sandbox::start();
    let url = format!("{}/v1/payment_intents", sandbox.url);
    let anonymous = sandbox.client.get(&url).send().await.unwrap();
    assert_eq!(anonymous.status(), 401);
    let live = sandbox
        .client
        .get(&url)
        .bearer_auth("sk_live_x")
        .send()
        .await
        .unwrap();
    assert_eq!(live.status(), 401);
    let basic = sandbox
        .client
        .get(&url)
        .basic_auth("sk_test_x", None::<&str>)
        .send()
        .await
        .unwrap();
    assert_eq!(basic.status(), 200);

    let missing = sandbox.get("/v1/payment_intents/pi_0").await;
    assert_eq!((missing.status, missing.code()), (404, "resource_missing"));
    let unknown = sandbox.intent(&[("colour", "red")]).await;
    assert_eq!((unknown.status, unknown.code()), (400, "parameter_unknown"));
    assert_eq!(unknown.body["error"]["type"], "invalid_request_error");
    let nowhere = sandbox.get("/v1/customers").await;
    assert_eq!(
        (nowhere.status, &nowhere.body["error"]["type"]),
        (404, &json!("invalid_request_error"))
    );
    let large = "x".repeat(100_000);
    assert_eq!(sandbox.intent(&[("description", &large)]).await.status, 413);
}
