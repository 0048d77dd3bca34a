//! Every action of the fault plan: what the client sees, and whether the effect happened.

use serde_json::json;

use crate::sandbox::Sandbox;

const CREATE: &str = "/v1/payment_intents";
const PAY: &[(&str, &str)] = &[
    ("amount", "1200"),
    ("currency", "eur"),
    ("metadata[order_id]", "o1"),
    ("payment_method", "pm_card_visa"),
    ("confirm", "true"),
];

async fn under(fault: &str) -> Sandbox {
    let sandbox = Sandbox::start();
    sandbox
        .fault(&format!(r#""operation":"create","action":{{{fault}}}"#))
        .await;
    sandbox
}

async fn charges(sandbox: &Sandbox) -> u64 {
    sandbox.order("o1").await["charges"].as_u64().unwrap()
}

#[tokio::test]
async fn a_delayed_call_is_answered_normally() {
    let sandbox = under(r#""type":"delay","ms":20"#).await;
    assert_eq!(
        sandbox.post_keyed("k", CREATE, PAY).await.body["status"],
        "succeeded"
    );
}

#[tokio::test]
async fn a_held_call_takes_effect_when_released_even_if_the_client_is_gone() {
    let sandbox = under(r#""type":"hold""#).await;
    sandbox.unanswered("k", CREATE, PAY).await;
    assert_eq!(charges(&sandbox).await, 0);
    sandbox.clear_faults().await;
    let replay = sandbox.post_again("k", CREATE, PAY).await;
    assert!(replay.replayed);
    assert_eq!(charges(&sandbox).await, 1);
}

#[tokio::test]
async fn no_answer_before_has_no_effect() {
    let sandbox = under(r#""type":"no_answer_before""#).await;
    sandbox.unanswered("k", CREATE, PAY).await;
    assert_eq!(charges(&sandbox).await, 0);
    let retry = sandbox.post_keyed("k", CREATE, PAY).await;
    assert_eq!((retry.status, retry.replayed), (200, false));
}

#[tokio::test]
async fn no_answer_after_has_the_effect_and_the_key_finds_it() {
    let sandbox = under(r#""type":"no_answer_after""#).await;
    sandbox.unanswered("k", CREATE, PAY).await;
    let retry = sandbox.post_again("k", CREATE, PAY).await;
    assert_eq!((retry.status, retry.replayed), (200, true));
    assert_eq!(charges(&sandbox).await, 1);
}

#[tokio::test]
async fn a_500_before_the_effect_is_remembered_under_the_key() {
    let sandbox = under(r#""type":"error_before","status":500"#).await;
    let first = sandbox.post_keyed("k", CREATE, PAY).await;
    assert_eq!(
        (first.status, &first.body["error"]["type"]),
        (500, &json!("api_error"))
    );
    let retry = sandbox.post_keyed("k", CREATE, PAY).await;
    assert_eq!((retry.status, retry.replayed), (500, true));
    assert_eq!(charges(&sandbox).await, 0);
}

#[tokio::test]
async fn other_errors_before_the_effect_leave_the_key_free() {
    for status in [429, 502, 503] {
        let sandbox = under(&format!(r#""type":"error_before","status":{status}"#)).await;
        assert_eq!(sandbox.post_keyed("k", CREATE, PAY).await.status, status);
        assert_eq!(charges(&sandbox).await, 0);
        let retry = sandbox.post_keyed("k", CREATE, PAY).await;
        assert_eq!((retry.status, retry.replayed), (200, false));
    }
}

#[tokio::test]
async fn a_500_after_the_effect_hides_it_for_good() {
    let sandbox = under(r#""type":"error_after","status":500"#).await;
    assert_eq!(sandbox.post_keyed("k", CREATE, PAY).await.status, 500);
    let retry = sandbox.post_keyed("k", CREATE, PAY).await;
    assert_eq!((retry.status, retry.replayed), (500, true));
    assert_eq!(charges(&sandbox).await, 1);
}

#[tokio::test]
async fn a_502_after_the_effect_hides_it_once() {
    let sandbox = under(r#""type":"error_after","status":502"#).await;
    assert_eq!(sandbox.post_keyed("k", CREATE, PAY).await.status, 502);
    let retry = sandbox.post_keyed("k", CREATE, PAY).await;
    assert_eq!((retry.status, retry.replayed), (200, true));
    assert_eq!(charges(&sandbox).await, 1);
}

#[tokio::test]
async fn a_truncated_answer_ends_in_the_middle_of_the_body() {
    let sandbox = under(r#""type":"truncate""#).await;
    let request = sandbox
        .post_request(CREATE, PAY)
        .header("Idempotency-Key", "k");
    let response = request.send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), charges(&sandbox).await),
        (200, 1)
    );
    assert!(response.content_length().unwrap() > 100);
    assert!(response.bytes().await.is_err());
    assert!(sandbox.post_keyed("k", CREATE, PAY).await.replayed);
}

#[tokio::test]
async fn a_refused_call_has_no_effect_and_no_answer() {
    let sandbox = under(r#""type":"refuse""#).await;
    let request = sandbox
        .post_request(CREATE, PAY)
        .header("Idempotency-Key", "k");
    assert!(request.send().await.unwrap_err().is_request());
    assert_eq!(charges(&sandbox).await, 0);
    assert!(!sandbox.post_keyed("k", CREATE, PAY).await.replayed);
}

#[tokio::test]
async fn a_good_card_can_be_declined() {
    let sandbox =
        under(r#""type":"decline","code":"card_declined","declineCode":"lost_card""#).await;
    let declined = sandbox.post_keyed("k", CREATE, PAY).await;
    assert_eq!((declined.status, declined.code()), (402, "card_declined"));
    assert_eq!(declined.body["error"]["decline_code"], "lost_card");
    assert_eq!(
        sandbox.order("o1").await["intents"][0]["status"],
        "requires_payment_method"
    );
}

#[tokio::test]
async fn queries_meet_faults_too() {
    let sandbox = Sandbox::start();
    let intent = sandbox.intent(&[]).await;
    let rule =
        r#""operation":"retrieve","action":{"type":"error_before","status":503},"orderId":"o1""#;
    sandbox.fault(rule).await;
    let path = format!("{CREATE}/{}", intent.id());
    assert_eq!(sandbox.get(&path).await.status, 503);
    assert_eq!(sandbox.get(&path).await.status, 200);
}

#[tokio::test]
async fn the_plan_shows_what_fired_and_the_statistics_what_happened() {
    let sandbox = Sandbox::start();
    sandbox
        .fault(r#""operation":"any","action":{"type":"error_before","status":503},"orderId":"o2","times":null"#)
        .await;
    sandbox.post(CREATE, PAY).await;
    let of_o2 = [
        ("amount", "1"),
        ("currency", "eur"),
        ("metadata[order_id]", "o2"),
    ];
    assert_eq!(sandbox.post(CREATE, &of_o2).await.status, 503);
    assert_eq!(sandbox.post(CREATE, &of_o2).await.status, 503);

    let plan = sandbox.get("/_sandbox/faults").await.body;
    assert_eq!(
        (&plan["rules"][0]["fired"], &plan["rules"][0]["orderId"]),
        (&json!(2), &json!("o2"))
    );
    let stats = sandbox.get("/_sandbox/stats").await.body;
    assert_eq!(stats["calls"]["create"], 3);
    assert_eq!(
        stats["effects"],
        json!({"intentsCreated": 1, "charges": 1, "cancels": 0, "refunds": 0})
    );
    assert_eq!(sandbox.order("o2").await["calls"]["create"], 2);
    assert_eq!(
        sandbox
            .control("faults", r#"{"rules":[{"operation":"any"}]}"#)
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn a_reset_forgets_everything_and_abandons_held_calls() {
    let sandbox = under(r#""type":"hold""#).await;
    let held = sandbox.post_request(CREATE, PAY).send();
    let reset = async {
        sandbox.arrived("create", 1).await;
        assert_eq!(sandbox.control("reset", "").await.status, 200);
    };
    let (held, ()) = tokio::join!(held, reset);
    assert!(held.is_err(), "the connection is closed");
    assert_eq!(sandbox.order("o1").await["intents"], json!([]));
    assert_eq!(std::fs::read_to_string(sandbox.state_file()).unwrap(), "");
    assert_eq!(
        sandbox.get("/_sandbox/stats").await.body["calls"]["create"],
        0
    );
}
