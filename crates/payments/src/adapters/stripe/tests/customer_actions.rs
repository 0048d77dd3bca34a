//! What the customer must do, and the page that the customer returns to.

use super::*;
use crate::{CustomerAction, ReturnUrl};

const HUSH: &str = "pi_1_secret_hushHush";
const PAGE: &str =
    "https://hooks.stripe.com/redirect/authenticate/src_1?client_secret=src_hushHush";

fn waiting(next_action: Value) -> Value {
    let mut waiting = intent("requires_action");
    waiting["client_secret"] = json!(HUSH);
    waiting["next_action"] = next_action;
    waiting
}

fn redirecting() -> Value {
    waiting(json!({
        "type": "redirect_to_url",
        "redirect_to_url": { "url": PAGE, "return_url": "https://shop.example/done" },
    }))
}

fn for_the_library() -> Value {
    waiting(json!({
        "type": "use_stripe_sdk",
        "use_stripe_sdk": { "type": "three_d_secure_redirect", "stripe_js": PAGE },
    }))
}

fn action(kind: &str, page: Option<&str>) -> Option<CustomerAction> {
    CustomerAction::new(HUSH, kind, page)
}

#[tokio::test]
async fn a_return_page_is_sent_with_the_confirmation_and_allows_redirects() {
    let unconfirmed = intent("requires_payment_method");
    let (server, gateway) =
        scripted([answer(200, &unconfirmed), answer(200, &redirecting())]).await;
    let request = request().allowing_redirects(true);
    gateway.prepare(&request).await.unwrap();
    let instruction = PaymentInstruction {
        return_url: Some(ReturnUrl::parse("https://shop.example/done?x=1&y=2").unwrap()),
        ..token()
    };
    let key = key(Operation::Confirm);
    let confirmed = gateway.confirm(&reference(), &instruction, &key).await;
    let confirmed = confirmed.unwrap();
    assert_eq!(confirmed.value, PaymentStatus::NeedsAction);
    assert_eq!(
        confirmed.customer_action,
        action("redirect_to_url", Some(PAGE))
    );

    let sent = server.received();
    let prepared = sent[0].body.replace("%5B", "[").replace("%5D", "]");
    assert!(
        prepared.contains("automatic_payment_methods[allow_redirects]=always"),
        "{prepared}"
    );
    assert_eq!(
        sent[1].body,
        "payment_method=pm_card_visa&return_url=https%3A%2F%2Fshop.example%2Fdone%3Fx%3D1%26y%3D2"
    );
}

#[tokio::test]
async fn every_call_that_reads_a_payment_reads_the_customer_action() {
    let refused = refusal("invalid_request_error", "payment_intent_unexpected_state");
    let (_server, gateway) = scripted([
        answer(200, &for_the_library()),
        answer(200, &for_the_library()),
        answer(400, &refused),
        answer(200, &redirecting()),
    ])
    .await;
    let sdk = action("use_stripe_sdk", None);
    let confirm_key = key(Operation::Confirm);
    let confirmed = gateway.confirm(&reference(), &token(), &confirm_key).await;
    assert_eq!(confirmed.unwrap().customer_action, sdk);
    assert_eq!(
        gateway.lookup(&reference()).await.unwrap().customer_action,
        sdk
    );
    let read_back = gateway.cancel(&reference(), &key(Operation::Cancel)).await;
    let read_back = read_back.unwrap();
    assert_eq!(read_back.value, PaymentStatus::NeedsAction);
    assert_eq!(
        read_back.customer_action,
        action("redirect_to_url", Some(PAGE))
    );
}

#[tokio::test]
async fn an_answer_without_a_usable_action_is_still_believed() {
    let mut without_secret = redirecting();
    without_secret["client_secret"] = Value::Null;
    let mut succeeded = redirecting();
    succeeded["status"] = json!("succeeded");
    succeeded["amount_received"] = json!(2000);
    for (body, status) in [
        (intent("requires_action"), PaymentStatus::NeedsAction),
        (without_secret, PaymentStatus::NeedsAction),
        (waiting(Value::Null), PaymentStatus::NeedsAction),
        (succeeded, PaymentStatus::Paid { amount: usd(2000) }),
    ] {
        let (_server, gateway) = scripted([answer(200, &body)]).await;
        let read = gateway.lookup(&reference()).await.unwrap();
        assert_eq!((read.value, read.customer_action), (status, None), "{body}");
    }
}

#[tokio::test]
async fn neither_the_client_secret_nor_the_page_is_ever_printed() {
    let (_server, gateway) = scripted([answer(200, &redirecting())]).await;
    let read = gateway.lookup(&reference()).await.unwrap();
    let mut text = format!("{read:?} {read:#?}");
    text.push_str(&String::from_utf8(LOG.0.lock().unwrap().clone()).unwrap());
    assert!(text.contains("the payment gateway answered"), "{text}");
    assert!(!text.contains("hushHush"), "{text}");
}
