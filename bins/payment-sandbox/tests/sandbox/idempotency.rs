//! Idempotency keys over HTTP.

use serde_json::json;

use crate::sandbox::Sandbox;

const CREATE: &str = "/v1/payment_intents";
const FORM: &[(&str, &str)] = &[
    ("amount", "1200"),
    ("currency", "eur"),
    ("metadata[order_id]", "o1"),
];

#[tokio::test]
async fn a_key_replays_the_first_answer_byte_for_byte() {
    let sandbox = Sandbox::start();
    let first = sandbox.post_keyed("k", CREATE, FORM).await;
    sandbox.confirm(first.id(), "pm_card_visa").await;
    let second = sandbox.post_keyed("k", CREATE, FORM).await;
    assert!(!first.replayed && second.replayed);
    assert_eq!((second.status, second.text), (200, first.text));
    assert_eq!(
        sandbox.order("o1").await["intents"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn a_decline_is_replayed_too() {
    let sandbox = Sandbox::start();
    let intent = sandbox.intent(&[]).await;
    let path = format!("{CREATE}/{}/confirm", intent.id());
    let form = [("payment_method", "pm_card_chargeDeclined")];
    let first = sandbox.post_keyed("k", &path, &form).await;
    let second = sandbox.post_keyed("k", &path, &form).await;
    assert_eq!(
        (first.status, second.status, second.replayed),
        (402, 402, true)
    );
    assert_eq!(first.text, second.text);
}

#[tokio::test]
async fn a_key_belongs_to_its_parameters_and_its_path() {
    let sandbox = Sandbox::start();
    let first = sandbox.post_keyed("k", CREATE, FORM).await;
    let other = [("amount", "1300"), ("currency", "eur")];
    let path = format!("{CREATE}/{}/cancel", first.id());
    for answer in [
        sandbox.post_keyed("k", CREATE, &other).await,
        sandbox.post_keyed("k", &path, &[]).await,
    ] {
        assert_eq!(
            (answer.status, &answer.body["error"]["type"]),
            (400, &json!("idempotency_error"))
        );
    }
    assert_eq!(
        sandbox
            .post_keyed(&"k".repeat(256), CREATE, FORM)
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn a_validation_error_leaves_the_key_free() {
    let sandbox = Sandbox::start();
    let bad = [("amount", "0"), ("currency", "eur")];
    assert_eq!(sandbox.post_keyed("k", CREATE, &bad).await.status, 400);
    let good = sandbox.post_keyed("k", CREATE, FORM).await;
    assert_eq!((good.status, good.replayed), (200, false));
}

#[tokio::test]
async fn a_key_whose_first_request_is_in_progress_is_409() {
    let sandbox = Sandbox::start();
    sandbox
        .fault(r#""operation":"create","action":{"type":"hold"}"#)
        .await;
    let first = async {
        let first = sandbox.post_keyed("k", CREATE, FORM).await;
        assert_eq!((first.status, first.replayed), (200, false));
    };
    let second = async {
        sandbox.arrived("create", 1).await;
        let second = sandbox.post_keyed("k", CREATE, FORM).await;
        assert_eq!(
            (second.status, second.code()),
            (409, "idempotency_key_in_use")
        );
        sandbox.clear_faults().await;
    };
    tokio::join!(first, second);
    assert!(sandbox.post_keyed("k", CREATE, FORM).await.replayed);
}
