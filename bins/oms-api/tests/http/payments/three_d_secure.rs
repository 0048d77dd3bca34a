//! Payments that the customer must authenticate at the bank, and further payment attempts while the stock is held, with
//! the requests of a storefront and a browser.

use reqwest::Client;
use reqwest::redirect::Policy;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::api::{APPLYING, SWEEPING, Settings};
use crate::eventually::until;
use crate::invariants::assert_invariants;
use crate::reporting::SECRET;
use crate::request::{DECLINED_CARD, WIDGET_A, new_key, small_order, with};
use crate::shop::Shop;

/// A payment method that the customer must confirm at the bank.
pub const CHALLENGING: &str = "pm_card_threeDSecure2Required";
const RETURN_URL: &str = "https://shop.example/done?basket=7";
/// Holds an order after a decline, for another payment attempt.
pub const HOLD: (&str, &str) = ("OMS_DECLINE_POLICY", "hold");

/// A small order paid with a token, with an optional page to which the customer returns.
pub fn paying(token: &str, return_url: Option<&str>) -> Value {
    let order = with(small_order(), "creditCardNumber", Value::Null);
    let order = with(order, "paymentMethod", json!(token));
    with(
        order,
        "returnUrl",
        return_url.map_or(Value::Null, Into::into),
    )
}

impl Shop {
    /// `POST /orders/{id}/payment`.
    pub async fn pay(&self, order_id: &str, key: &str, body: &Value) -> Answer {
        let request = self.customer().post(&format!("/orders/{order_id}/payment"));
        let request = request.header("idempotency-key", key);
        Answer::of(request.json(body).send().await.unwrap()).await
    }

    /// The storefront reports that the customer has finished.
    pub async fn is_done(&self, order_id: &str) -> Answer {
        self.pay(order_id, &new_key(), &json!({})).await
    }
}

/// An order that waits for its customer.
struct Waiting {
    shop: Shop,
    key: String,
    body: Value,
    order_id: String,
    payment: Value,
}

impl Waiting {
    async fn open(settings: Settings<'_>) -> Self {
        let shop = Shop::open_with(settings).await;
        let (key, body) = (new_key(), paying(CHALLENGING, Some(RETURN_URL)));
        let pending = shop.place(&key, &body).await;
        pending.assert_pending();
        Self {
            order_id: pending.order_id(),
            payment: pending.body["payment"].clone(),
            shop,
            key,
            body,
        }
    }

    /// Sends the browser's request for a button on the bank's page. Returns the URL to which it is redirected.
    async fn press(&self, button: &str) -> String {
        let page = self.payment["nextAction"]["redirectUrl"].as_str().unwrap();
        let secret = self.payment["clientSecret"].as_str().unwrap();
        let browser = Client::builder().no_proxy().redirect(Policy::none());
        let form = [("client_secret", secret), ("outcome", button)];
        let request = browser.build().unwrap().post(page).form(&form);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 303);
        answer.headers()["location"].to_str().unwrap().to_owned()
    }

    async fn charged(&self) -> (u64, u64) {
        self.shop.sandbox.charged(&self.order_id).await
    }

    async fn assert_paid_once(&self, attempts: &[&str]) {
        assert_eq!(self.shop.database.status(&self.order_id).await, "PAID");
        assert_eq!(self.charged().await, (1, 1000));
        assert_eq!(self.shop.attempts(&self.order_id).await, attempts);
        self.shop.assert_consistent().await;
    }
}

impl Shop {
    /// The states of an order's attempts, oldest first.
    async fn attempts(&self, order_id: &str) -> Vec<String> {
        let sql = format!(
            "SELECT state FROM payments.attempts WHERE order_id = '{order_id}' ORDER BY number"
        );
        self.database
            .rows(&sql)
            .await
            .into_iter()
            .flatten()
            .collect()
    }
}

#[tokio::test]
async fn a_customer_gets_the_action_and_has_paid_once_it_is_completed() {
    let waiting = Waiting::open(&[]).await;
    let (shop, payment) = (&waiting.shop, &waiting.payment);
    assert_eq!(payment["state"], "needs_action");
    assert_eq!(payment["nextAction"]["type"], "redirect_to_url");
    assert_eq!(
        payment["actions"],
        json!(["authenticate", "try_another_method", "cancel"])
    );
    let secret = payment["clientSecret"].as_str().unwrap();
    assert!(
        secret.starts_with(payment["reference"].as_str().unwrap()),
        "{payment}"
    );
    let replay = shop.place(&waiting.key, &waiting.body).await;
    replay.assert_pending();
    assert_eq!(replay.header("idempotent-replayed"), Some("true"));
    assert_eq!(&replay.body["payment"], payment);
    assert_eq!(&shop.order(&waiting.order_id).await["payment"], payment);

    let early = shop.is_done(&waiting.order_id).await;
    early.assert_pending();
    assert_eq!(&early.body["payment"], payment);

    let back = waiting.press("complete").await;
    let id = payment["reference"].as_str().unwrap();
    assert_eq!(
        back,
        format!(
            "{RETURN_URL}&payment_intent={id}&payment_intent_client_secret={secret}&redirect_status=succeeded"
        )
    );
    let done = shop.is_done(&waiting.order_id).await;
    assert_eq!(done.status, 200, "{done:?}");
    assert_eq!(done.body["status"], "PAID");
    waiting.assert_paid_once(&["paid"]).await;
    shop.place(&waiting.key, &waiting.body)
        .await
        .assert_replayed(&waiting.order_id);
    let order = shop.order(&waiting.order_id).await;
    for member in ["clientSecret", "nextAction", "actions", "expiresAt"] {
        assert_eq!(order["payment"].get(member), None, "{member}");
    }
}

#[tokio::test]
async fn without_a_return_url_the_action_is_for_the_browser_library() {
    let shop = Shop::open().await;
    let pending = shop.place_new(&paying(CHALLENGING, None)).await;
    pending.assert_pending();
    let payment = &pending.body["payment"];
    assert_eq!(payment["nextAction"], json!({ "type": "use_stripe_sdk" }));
    assert!(payment["clientSecret"].is_string(), "{payment}");
}

#[tokio::test]
async fn a_frictionless_challenge_pays_immediately() {
    let shop = Shop::open().await;
    for return_url in [None, Some(RETURN_URL)] {
        let frictionless = paying("pm_card_threeDSecureOptional", return_url);
        shop.place_new(&frictionless).await.assert_created();
    }
    shop.assert_consistent().await;
}

#[tokio::test]
async fn after_a_failed_challenge_another_card_pays_the_same_order() {
    let waiting = Waiting::open(&[HOLD]).await;
    let shop = &waiting.shop;
    let back = waiting.press("fail").await;
    assert!(back.ends_with("redirect_status=failed"), "{back}");
    let failed = shop.is_done(&waiting.order_id).await;
    failed.assert_problem(402, "orders.payment_declined");
    assert_eq!(failed.body["orderStatus"], "PENDING_PAYMENT");
    assert_eq!(
        failed.body["declineCode"],
        "payment_intent_authentication_failure"
    );
    assert_eq!(failed.body["customerStep"], "authenticate");
    assert_eq!(
        failed.body["payment"]["actions"],
        json!(["try_another_method", "cancel"])
    );
    assert_eq!(
        shop.sandbox.last_status(&waiting.order_id).await,
        "canceled"
    );
    assert_eq!(shop.database.reserved(WIDGET_A).await, 1);
    assert_invariants(&shop.database).await;
    let replay = shop.place(&waiting.key, &waiting.body).await;
    assert_eq!(replay.body["payment"], failed.body["payment"]);

    let key = new_key();
    let other = json!({ "paymentMethod": "pm_card_mastercard" });
    let paid = shop.pay(&waiting.order_id, &key, &other).await;
    assert_eq!(paid.status, 201, "{paid:?}");
    assert_eq!(paid.body["status"], "PAID");
    let again = shop.pay(&waiting.order_id, &key, &other).await;
    assert_eq!(again.status, 200, "{again:?}");
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    waiting.assert_paid_once(&["declined", "paid"]).await;
}

#[tokio::test]
async fn an_abandoned_payment_is_cancelled_before_another_card_pays() {
    let waiting = Waiting::open(&[]).await;
    let shop = &waiting.shop;
    let other = json!({ "paymentMethod": "pm_card_mastercard" });
    let paid = shop.pay(&waiting.order_id, &new_key(), &other).await;
    assert_eq!(paid.status, 201, "{paid:?}");
    waiting.assert_paid_once(&["voided", "paid"]).await;
    // A customer who still has the page open can't pay a second time.
    let back = waiting.press("complete").await;
    assert!(back.ends_with("redirect_status=failed"), "{back}");
    waiting.assert_paid_once(&["voided", "paid"]).await;
}

#[tokio::test]
async fn another_card_may_need_authentication_too() {
    let mut waiting = Waiting::open(&[HOLD]).await;
    let shop = &waiting.shop;
    let other = json!({ "paymentMethod": CHALLENGING, "returnUrl": "https://shop.example/again" });
    let pending = shop.pay(&waiting.order_id, &new_key(), &other).await;
    pending.assert_pending();
    assert_eq!(pending.body["payment"]["attempt"], 2);
    let second = pending.body["payment"].clone();
    assert_ne!(second["clientSecret"], waiting.payment["clientSecret"]);
    waiting.payment = second;
    let back = waiting.press("complete").await;
    assert!(back.starts_with("https://shop.example/again?"), "{back}");
    assert_eq!(waiting.shop.is_done(&waiting.order_id).await.status, 200);
    waiting.assert_paid_once(&["voided", "paid"]).await;
}

#[tokio::test]
async fn a_customer_who_has_already_paid_is_not_charged_on_another_card() {
    let waiting = Waiting::open(&[HOLD]).await;
    waiting.press("complete").await;
    let other = json!({ "paymentMethod": "pm_card_mastercard" });
    let paid = waiting
        .shop
        .pay(&waiting.order_id, &new_key(), &other)
        .await;
    assert_eq!(paid.status, 200, "{paid:?}");
    assert_eq!(paid.body["status"], "PAID");
    waiting.assert_paid_once(&["paid"]).await;
}

#[tokio::test]
async fn a_declined_order_is_held_until_its_deadline_or_its_cancellation() {
    let shop = Shop::open_with(&[HOLD, SWEEPING]).await;
    let declined = with(small_order(), "creditCardNumber", json!(DECLINED_CARD));
    let mut held = Vec::new();
    for _ in 0..2 {
        let answer = shop.place_new(&declined).await;
        answer.assert_problem(402, "orders.payment_declined");
        assert_eq!(answer.body["orderStatus"], "PENDING_PAYMENT");
        assert_eq!(answer.body["declineCode"], "generic_decline");
        assert_eq!(answer.body["payment"]["state"], "declined");
        assert_eq!(
            shop.sandbox.last_status(&answer.order_id()).await,
            "canceled"
        );
        held.push(answer.order_id());
    }
    let read = shop.order(&held[0]).await;
    assert_eq!(
        read["payment"]["actions"],
        json!(["try_another_method", "cancel"])
    );
    assert_eq!(shop.database.reserved(WIDGET_A).await, 2);
    assert_invariants(&shop.database).await;

    let cancelled = shop.cancel(&held[1]).await;
    assert_eq!(cancelled.status, 200, "{cancelled:?}");
    assert_eq!(cancelled.body["status"], "CANCELLED");
    assert_eq!(shop.database.status(&held[0]).await, "PENDING_PAYMENT");
    shop.database.pass_an_hour().await;
    shop.database.make_due().await;
    shop.becomes(&held[0], "FAILED").await;
    assert_eq!(shop.database.reserved(WIDGET_A).await, 0);
    let late = json!({ "paymentMethod": "pm_card_visa" });
    let refused = shop.pay(&held[0], &new_key(), &late).await;
    refused.assert_problem(409, "orders.not_payable");
    let refused = shop.pay(&held[1], &new_key(), &late).await;
    refused.assert_problem(409, "orders.cancelled");
    shop.assert_consistent().await;
}

#[tokio::test]
async fn a_gateway_event_completes_a_challenge_without_the_storefront() {
    for (settings, button, status, outcome) in [
        (&[APPLYING][..], "complete", "PAID", "paid"),
        (&[APPLYING][..], "fail", "FAILED", "failed"),
        (&[APPLYING, HOLD][..], "fail", "PENDING_PAYMENT", "held"),
    ] {
        let waiting = Waiting::open(settings).await;
        let shop = &waiting.shop;
        shop.sandbox.report_to(&shop.api.url, SECRET).await;
        waiting.press(button).await;
        until("the event is applied", async || {
            let sql =
                format!("SELECT count(*) FROM payments.gateway_events WHERE outcome = '{outcome}'");
            shop.database.number(&sql).await > 0
        })
        .await;
        assert_eq!(shop.database.status(&waiting.order_id).await, status);
        assert_invariants(&shop.database).await;
    }
}

#[tokio::test]
async fn the_client_secret_is_shown_only_to_callers_that_may_pay() {
    let mut waiting = Waiting::open(&[("OMS_LOG", "trace")]).await;
    let (order_id, secret) = (
        waiting.order_id.clone(),
        waiting.payment["clientSecret"].clone(),
    );
    let secret = secret.as_str().unwrap();
    let shop = &mut waiting.shop;
    let path = format!("/orders/{order_id}");
    let reader = shop.key("reader", "orders:read").await;
    let writer = shop.key("writer", "orders:read orders:write").await;
    let read = shop.read_as(&reader, &path).await;
    assert_eq!(read.body["payment"]["state"], "needs_action");
    assert_eq!(
        read.body["payment"]["reference"],
        waiting.payment["reference"]
    );
    assert!(
        !read.text.contains("_secret_") && !read.text.contains("nextAction"),
        "{read:?}"
    );
    let written = shop.read_as(&writer, &path).await;
    assert_eq!(written.body["payment"]["clientSecret"], secret);
    assert_ne!(written.header("etag"), read.header("etag"));
    for path in ["/orders", &format!("{path}/timeline")] {
        let listed = shop.read_as(&writer, path).await;
        assert!(!listed.text.contains("_secret_"), "{listed:?}");
    }
    shop.is_done(&order_id).await.assert_pending();
    let calls =
        "SELECT count(*) FROM payments.gateway_calls c WHERE to_jsonb(c)::text LIKE '%_secret_%'";
    assert_eq!(shop.database.number(calls).await, 0);
    let kept = "SELECT count(*) FROM payments.attempts WHERE customer_action IS NOT NULL";
    assert_eq!(shop.database.number(kept).await, 1);
    let other = json!({ "paymentMethod": "pm_card_visa" });
    assert_eq!(shop.pay(&order_id, &new_key(), &other).await.status, 201);
    assert_eq!(shop.database.number(kept).await, 0);
    shop.api.process.terminate();
    let log = shop.api.process.ended().await;
    let printed = format!("{log:?}");
    assert!(printed.contains("the payment gateway answered"));
    assert!(!printed.contains("_secret_"), "the log has a client secret");
}

#[tokio::test]
async fn only_storefront_pages_are_accepted_as_return_urls() {
    let waiting = Waiting::open(&[]).await;
    let shop = &waiting.shop;
    for url in [
        "/done",
        "http://shop.example/",
        "javascript://x",
        "https://a@b/",
    ] {
        let refused = shop.place_new(&paying(CHALLENGING, Some(url))).await;
        refused.assert_problem(400, "request.invalid");
        assert_eq!(refused.fields(), ["returnUrl"], "{url}");
    }
    let alone = json!({ "returnUrl": RETURN_URL });
    let refused = shop.pay(&waiting.order_id, &new_key(), &alone).await;
    refused.assert_problem(400, "request.invalid");
    assert_eq!(refused.fields(), ["paymentMethod"]);
    let unknown = shop.pay(&new_key(), &new_key(), &json!({})).await;
    unknown.assert_problem(404, "orders.not_found");
    let other_url = paying(CHALLENGING, Some("https://shop.example/"));
    let reused = shop.place(&waiting.key, &other_url).await;
    reused.assert_problem(422, "orders.idempotency_key_reused");
}
