//! `POST /webhooks/stripe`: gateway events are verified by their signature, and stored once before they are
//! acknowledged.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::answer::Answer;
use crate::api::{Api, command};
use crate::credentials::strangers::forged_signature;
use crate::eventually::{eventually, until};
use crate::raw::{RawConnection, status};
use crate::request::small_order;
use crate::shop::Shop;

/// The default secret in development.
const SECRET: &str = "whsec_sandbox";
/// The only tenant of an installation.
const TENANT: &str = "00000000-0000-4000-8000-000000000001";
/// Maximum size of an event, in bytes.
const MAX_BYTES: usize = 256 * 1024;

fn event(id: &str, metadata: &Value) -> Value {
    json!({
        "id": id, "object": "event", "type": "payment_intent.succeeded", "created": 1_790_000_000,
        "data": { "object": { "id": "pi_1", "object": "payment_intent", "metadata": metadata } },
    })
}

async fn reporting_shop() -> Shop {
    let shop = Shop::open().await;
    shop.sandbox.report_to(&shop.api.url, SECRET).await;
    shop
}

/// All stored events, and whether each was ignored, without the times of our own clock.
async fn stored(shop: &Shop) -> Vec<Vec<String>> {
    let sql = "SELECT event_id, tenant_id, gateway, type, reference, order_id,
                   coalesce(outcome = 'ignored', false),
                   extract(epoch FROM gateway_created_at)::bigint
               FROM payments.gateway_events ORDER BY type, event_id";
    shop.database.rows(sql).await
}

/// A webhook with these headers, as a sender other than the gateway would send it.
async fn post(shop: &Shop, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
    let mut request = shop.customer().post("/webhooks/stripe").body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Answer::of(request.send().await.unwrap()).await
}

#[tokio::test]
async fn an_event_is_stored_once_even_if_it_is_sent_repeatedly() {
    let shop = reporting_shop().await;
    let placed = shop.place_new(&small_order()).await;
    placed.assert_created();
    until("every event is delivered", async || {
        let deliveries = shop.sandbox.deliveries().await;
        let arrived = |it: &Value| it["state"] == "delivered";
        deliveries.len() == 3 && deliveries.iter().all(arrived)
    })
    .await;

    let sql = "SELECT reference FROM payments.attempts";
    let reference = shop.database.rows(sql).await[0][0].clone();
    let rows = stored(&shop).await;
    let order_id = placed.order_id();
    for (row, (kind, ignored)) in rows.iter().zip([
        ("charge.succeeded", "f"),
        ("payment_intent.created", "t"),
        ("payment_intent.succeeded", "f"),
    ]) {
        let expected = [TENANT, "stripe", kind, &reference, &order_id, ignored];
        assert_eq!(row[1..7], expected, "{rows:?}");
    }
    assert_eq!(rows.len(), 3);

    for delivery in shop.sandbox.deliveries().await {
        assert_eq!(shop.sandbox.send_again(&delivery["eventId"]).await, 200);
    }
    assert_eq!(stored(&shop).await, rows);
}

#[tokio::test]
async fn an_event_belongs_to_the_tenant_that_its_payment_names() {
    let shop = reporting_shop().await;
    let theirs = Uuid::new_v4().to_string();
    for (id, metadata) in [
        ("evt_1", json!({ "tenant_id": theirs })),
        ("evt_2", json!({ "tenant_id": "me" })),
        ("evt_3", Value::Null),
    ] {
        let sent = shop
            .sandbox
            .send_event(&event(id, &metadata), "valid")
            .await;
        assert_eq!(sent, 200, "{id}");
    }
    let rows = stored(&shop).await;
    let tenants: Vec<&str> = rows.iter().map(|row| row[1].as_str()).collect();
    assert_eq!(tenants, [theirs.as_str(), TENANT, TENANT]);
    assert_eq!(rows[0][7], "1790000000");
}

#[tokio::test]
async fn an_unsigned_webhook_changes_nothing_and_gets_no_reason() {
    let shop = reporting_shop().await;
    let event = event("evt_secretContent", &Value::Null);
    for signature in ["wrong", "stale"] {
        let sent = shop.sandbox.send_event(&event, signature).await;
        assert_eq!(sent, 400, "{signature}");
    }
    let zeros = format!("t=1790000000,v1={}", "0".repeat(64));
    let header = "stripe-signature";
    let mut details = Vec::new();
    for headers in [
        &[][..],
        &[(header, "")],
        &[(header, "nonsense")],
        &[(header, zeros.as_str())],
        &[(header, zeros.as_str()), (header, zeros.as_str())],
    ] {
        let refused = post(&shop, headers, event.to_string().into_bytes()).await;
        refused.assert_problem(400, "payments.invalid_signature");
        details.push(refused.body["detail"].clone());
    }
    details.dedup();
    assert_eq!(details.len(), 1, "{details:?}");
    assert_eq!(stored(&shop).await, Vec::<Vec<String>>::new());

    let refusals = eventually("every refusal is in the log", async || {
        let log = shop.api.log().into_iter();
        let refusals: Vec<Value> = log
            .filter(|line| line["message"] == "a webhook was rejected")
            .collect();
        (refusals.len() == 7).then_some(refusals)
    })
    .await;
    for line in refusals {
        assert_eq!(line["level"], "WARN", "{line}");
        assert!(line["reason"].is_string(), "{line}");
    }
    assert!(!format!("{:?}", shop.api.log()).contains("secretContent"));
}

#[tokio::test]
async fn during_a_rotation_both_secrets_are_accepted() {
    let secrets = ("OMS_STRIPE_WEBHOOK_SECRETS", "whsec_old,whsec_new");
    let shop = Shop::open_with(&[secrets]).await;
    for (secret, expected) in [
        ("whsec_old", 200),
        ("whsec_new", 200),
        ("whsec_sandbox", 400),
    ] {
        shop.sandbox.report_to(&shop.api.url, secret).await;
        let sent = shop
            .sandbox
            .send_event(&event(secret, &Value::Null), "valid")
            .await;
        assert_eq!(sent, expected, "{secret}");
    }
    let rows = stored(&shop).await;
    let ids: Vec<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(ids, ["whsec_new", "whsec_old"]);
}

#[tokio::test]
async fn a_signed_body_that_is_not_an_event_is_refused() {
    let shop = reporting_shop().await;
    let thin = json!({ "id": "evt_1", "object": "v2.core.event", "type": "t", "created": "now" });
    for body in [json!({}), json!([]), json!("event"), thin] {
        assert_eq!(shop.sandbox.send_event(&body, "valid").await, 400, "{body}");
    }
    let log = eventually("every refusal is in the log", async || {
        let log = shop.api.log();
        let served = log.iter().filter(|line| line["status"] == 400).count();
        (served == 4).then_some(log)
    })
    .await;
    assert!(!format!("{log:?}").contains("a webhook was rejected"));
    assert_eq!(stored(&shop).await, Vec::<Vec<String>>::new());
}

#[tokio::test]
async fn a_webhook_that_is_too_large_or_too_slow_is_refused() {
    let shop = Shop::open_with(&[("OMS_BODY_TIMEOUT_MS", "200")]).await;
    // The body of a request that can't be from the gateway is not read.
    let forged = forged_signature();
    let largest = post(
        &shop,
        &[("stripe-signature", &forged)],
        vec![b' '; MAX_BYTES],
    )
    .await;
    largest.assert_problem(400, "payments.invalid_signature");

    let head = |framing: &str| {
        format!(
            "POST /webhooks/stripe HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
             stripe-signature: {forged}\r\n{framing}\r\n\r\n"
        )
    };
    let too_large = format!("{:x}\r\n{}", MAX_BYTES + 1, " ".repeat(MAX_BYTES + 1));
    for (request, expected) in [
        (head("transfer-encoding: chunked") + &too_large, 413),
        (head("content-length: 10"), 408),
    ] {
        let mut connection = RawConnection::open(&shop.api.url).await;
        connection.send(request.as_bytes()).await;
        let answer = connection.answer().await;
        assert_eq!(status(&answer), expected, "{answer}");
    }
    assert_eq!(stored(&shop).await, Vec::<Vec<String>>::new());
}

#[tokio::test]
async fn an_event_that_can_t_be_stored_is_not_acknowledged_and_is_redelivered() {
    let mut shop = reporting_shop().await;
    let event = event("evt_1", &Value::Null);
    let maintenance = shop.database.maintenance().await;
    maintenance.take_away().await;
    assert_eq!(shop.sandbox.send_event(&event, "valid").await, 503);

    maintenance.give_back().await;
    until("the server is healthy again", async || {
        shop.get("/health").await.status == 200
    })
    .await;
    assert_eq!(shop.sandbox.send_event(&event, "valid").await, 200);
    shop.database.reconnect().await;
    assert_eq!(stored(&shop).await.len(), 1);
}

#[tokio::test]
async fn without_a_secret_there_is_no_webhook_endpoint() {
    let shop = Shop::open().await;
    let answer = shop.get("/webhooks/stripe").await;
    answer.assert_problem(405, "request.method_not_allowed");
    let production = [
        ("OMS_ENV", "production"),
        ("OMS_STRIPE_SECRET_KEY", "sk_live_hushHushKey"),
    ];
    let start = command(&shop.database.url(), "https://127.0.0.1:1", &production);
    let mut api = Api::start(start).await;
    api.logged("the webhook endpoint is disabled: OMS_STRIPE_WEBHOOK_SECRETS is not set")
        .await;
    shop.sandbox.report_to(&api.url, SECRET).await;
    let event = event("evt_1", &Value::Null);
    assert_eq!(shop.sandbox.send_event(&event, "valid").await, 404);
    assert_eq!(stored(&shop).await, Vec::<Vec<String>>::new());
}
