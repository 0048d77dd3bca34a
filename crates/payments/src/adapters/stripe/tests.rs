//! The adapter over real sockets, against a scripted server.

mod charges;
mod customer_actions;
mod failures;
mod refunds;

use std::error::Error;
use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use oms_circuit_breaker::BreakerConfig;
use oms_testing::PATIENCE;
use oms_validation::{Currency, OrderId, TenantId};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::scripted_gateway::{ScriptedGateway, Step};
use super::*;
use crate::{DeclineCode, Effect, PaymentMethod};

const SECRET: &str = "sk_test_verySecret";
const CARD: &str = "4000123412341239";

fn usd(amount_minor: i64) -> Money {
    Money {
        amount_minor,
        currency: Currency::parse("USD").unwrap(),
    }
}

fn config(url: &str) -> StripeConfig {
    StripeConfig {
        connect_timeout: PATIENCE,
        timeout: PATIENCE,
        ..StripeConfig::new(url, SecretString::from(SECRET))
    }
}

fn gateway(config: &StripeConfig) -> StripeGateway {
    LazyLock::force(&LOG);
    // Only the first call installs it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    StripeGateway::new(config).unwrap()
}

async fn scripted(steps: impl IntoIterator<Item = Step>) -> (ScriptedGateway, StripeGateway) {
    let server = ScriptedGateway::start(steps).await;
    let gateway = gateway(&config(&server.url()));
    (server, gateway)
}

fn answer(status: u16, body: &Value) -> Step {
    Step::Answer(status, body.to_string())
}

fn intent(status: &str) -> Value {
    let received = if status == "succeeded" { 2000 } else { 0 };
    json!({
        "id": "pi_1", "object": "payment_intent", "status": status, "amount": 2000,
        "amount_received": received, "currency": "usd", "last_payment_error": null,
    })
}

fn refusal(kind: &str, code: &str) -> Value {
    json!({ "error": { "type": kind, "code": code, "message": "no" } })
}

fn reference() -> Reference {
    Reference::parse("pi_1").unwrap()
}

fn token() -> PaymentInstruction {
    PaymentMethod::parse_token("pm_card_visa").unwrap().into()
}

fn key(operation: Operation) -> OperationKey {
    OperationKey::new(OrderId::generate(), operation, 1)
}

fn request() -> PrepareRequest {
    PrepareRequest {
        order_id: "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa".parse().unwrap(),
        tenant_id: TenantId::generate(),
        attempt_number: 1,
        amount: usd(2000),
        allows_redirects: false,
    }
}

fn refund_request(amount: Money) -> RefundRequest {
    RefundRequest {
        reference: reference(),
        order_id: OrderId::generate(),
        refund_id: RefundId::generate(),
        amount,
    }
}

async fn confirm(gateway: &StripeGateway) -> Result<PaymentStatus, GatewayError> {
    let key = key(Operation::Confirm);
    let confirmed = gateway.confirm(&reference(), &token(), &key).await;
    confirmed.map(|answered| answered.value)
}

#[tokio::test]
async fn preparing_sends_the_order_and_nothing_that_could_move_money() {
    let (server, gateway) = scripted([answer(200, &intent("requires_payment_method"))]).await;
    let request = request();
    let prepared = gateway.prepare(&request).await.unwrap();
    assert_eq!(prepared.value, reference());
    assert_eq!(prepared.request_id.as_deref(), Some("req_test"));

    let sent = &server.received()[0];
    assert_eq!(sent.line, "POST /v1/payment_intents");
    assert_eq!(
        sent.header("authorization"),
        Some("Bearer sk_test_verySecret")
    );
    assert_eq!(sent.header("stripe-version"), Some("2026-07-29.dahlia"));
    let key = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa:prepare:1";
    assert_eq!(sent.header("idempotency-key"), Some(key));
    let form = sent.body.replace("%5B", "[").replace("%5D", "]");
    let expected = format!(
        "amount=2000&currency=usd&capture_method=automatic&automatic_payment_methods[enabled]=true\
         &automatic_payment_methods[allow_redirects]=never\
         &metadata[order_id]=aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa&metadata[tenant_id]={}&metadata[attempt]=1",
        request.tenant_id
    );
    assert_eq!(form, expected);
}

#[tokio::test]
async fn an_intent_for_another_amount_is_not_used() {
    let mut other = intent("requires_payment_method");
    other["amount"] = json!(200);
    let (_server, gateway) = scripted([answer(200, &other)]).await;
    let error = gateway.prepare(&request()).await.unwrap_err();
    assert_eq!(*error.fault(), GatewayFault::Unintelligible { status: 200 });
}

#[tokio::test]
async fn confirming_sends_only_the_method_and_reads_the_captured_amount() {
    let mut paid = intent("succeeded");
    paid["amount_received"] = json!(1999);
    let (server, gateway) = scripted([answer(200, &paid), answer(200, &paid)]).await;
    let expected = PaymentStatus::Paid { amount: usd(1999) };
    assert_eq!(confirm(&gateway).await.unwrap(), expected);
    let card: PaymentInstruction = PaymentMethod::parse_card(CARD).unwrap().into();
    let key = key(Operation::Confirm);
    let confirmed = gateway.confirm(&reference(), &card, &key).await.unwrap();
    assert_eq!(confirmed.value, expected);

    let sent = server.received();
    assert_eq!(sent[0].line, "POST /v1/payment_intents/pi_1/confirm");
    assert_eq!(sent[0].body, "payment_method=pm_card_visa");
    assert_eq!(sent[1].header("idempotency-key"), Some(key.as_str()));
    let form = sent[1].body.replace("%5B", "[").replace("%5D", "]");
    assert_eq!(
        form,
        "payment_method_data[type]=card&payment_method_data[card][number]=4000123412341239\
         &payment_method_data[card][exp_month]=12&payment_method_data[card][exp_year]=2049\
         &payment_method_data[card][cvc]=123"
    );
}

#[tokio::test]
async fn a_decline_is_an_answer_and_takes_one_call() {
    let mut declined = refusal("card_error", "card_declined");
    declined["error"]["decline_code"] = json!("insufficient_funds");
    let (server, gateway) = scripted([answer(402, &declined)]).await;
    let code = DeclineCode::new("insufficient_funds");
    assert_eq!(
        confirm(&gateway).await.unwrap(),
        PaymentStatus::Declined { code }
    );
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn a_late_cancellation_reports_the_payment_as_paid() {
    let late = refusal("invalid_request_error", "payment_intent_unexpected_state");
    let (server, gateway) = scripted([answer(400, &late), answer(200, &intent("succeeded"))]).await;
    let key = key(Operation::Cancel);
    let cancelled = gateway.cancel(&reference(), &key).await.unwrap();
    assert_eq!(cancelled.value, PaymentStatus::Paid { amount: usd(2000) });
    let lines: Vec<String> = server.received().into_iter().map(|it| it.line).collect();
    let expected = [
        "POST /v1/payment_intents/pi_1/cancel",
        "GET /v1/payment_intents/pi_1",
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn a_cancellation_is_proven_by_its_answer() {
    let (server, gateway) = scripted([answer(200, &intent("canceled"))]).await;
    let key = key(Operation::Cancel);
    let cancelled = gateway.cancel(&reference(), &key).await.unwrap();
    assert_eq!(cancelled.value, PaymentStatus::Cancelled);
    assert_eq!(server.received()[0].body, "cancellation_reason=abandoned");
}

#[tokio::test]
async fn a_confirmation_that_cannot_be_read_back_stays_unknown() {
    let unexpected = refusal("invalid_request_error", "payment_intent_unexpected_state");
    let (_server, gateway) = scripted([
        answer(400, &unexpected),
        answer(401, &refusal("invalid_request_error", "api_key_expired")),
    ])
    .await;
    let error = confirm(&gateway).await.unwrap_err();
    assert_eq!(
        *error.fault(),
        GatewayFault::NotReadBack { unavailable: false }
    );
    assert_eq!(error.effect(), Effect::Unknown);
    assert_eq!(error.operation(), Operation::Confirm);
    assert!(error.source().is_some());
}

#[tokio::test]
async fn capturing_and_refunding_send_the_amount() {
    let refund = json!({
        "id": "re_1", "payment_intent": "pi_1", "status": "succeeded", "amount": 500, "currency": "usd",
    });
    let (server, gateway) = scripted([
        answer(200, &intent("succeeded")),
        answer(200, &refund),
        answer(
            400,
            &refusal("invalid_request_error", "charge_already_refunded"),
        ),
    ])
    .await;
    let (reference, capture_key) = (reference(), key(Operation::Capture));
    let capture = gateway.capture(&reference, usd(2000), &capture_key);
    assert_eq!(
        capture.await.unwrap().value,
        PaymentStatus::Paid { amount: usd(2000) }
    );
    let request = refund_request(usd(500));
    let refund = async || {
        let key = key(Operation::Refund);
        gateway.refund(&request, &key).await.unwrap().value
    };
    let refunded = RefundOutcome::Refunded {
        reference: Reference::parse("re_1").unwrap(),
        amount: usd(500),
    };
    assert_eq!(refund().await, refunded);
    assert_eq!(refund().await, RefundOutcome::AlreadyRefunded);

    let sent = server.received();
    assert_eq!(sent[0].line, "POST /v1/payment_intents/pi_1/capture");
    assert_eq!(sent[0].body, "amount_to_capture=2000");
    assert_eq!(sent[1].line, "POST /v1/refunds");
    let form = sent[1].body.replace("%5B", "[").replace("%5D", "]");
    let expected = format!(
        "payment_intent=pi_1&amount=500&metadata[refund_id]={}&metadata[order_id]={}",
        request.refund_id, request.order_id
    );
    assert_eq!(form, expected);
}

/// The logs of all tests of this program. Set up before the first call, because the first thread to reach a log
/// statement decides for all threads whether it is enabled.
static LOG: LazyLock<Log> = LazyLock::new(|| {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    log
});

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn printed(error: &GatewayError) -> String {
    let mut text = format!("{error:?} {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(" {error:?} {error}"));
        cause = error.source();
    }
    text
}

#[tokio::test]
async fn neither_the_key_nor_a_card_is_ever_printed() {
    let mut echo = refusal("invalid_request_error", CARD);
    echo["error"]["message"] = json!(format!("{SECRET} and {CARD}"));
    echo["error"]["param"] = json!(SECRET);
    let mut nonsense = intent("succeeded");
    nonsense["amount_received"] = json!(CARD);
    let (_server, gateway) = scripted([
        answer(401, &echo),
        answer(500, &echo),
        answer(200, &nonsense),
        Step::Reset,
        Step::Truncate,
    ])
    .await;
    let card: PaymentInstruction = PaymentMethod::parse_card(CARD).unwrap().into();
    let mut text = format!("{gateway:?} {:?} {card:?}", config("http://localhost"));
    for _ in 0..5 {
        let key = key(Operation::Confirm);
        let error = gateway
            .confirm(&reference(), &card, &key)
            .await
            .unwrap_err();
        text.push_str(&printed(&error));
    }
    text.push_str(&String::from_utf8(LOG.0.lock().unwrap().clone()).unwrap());
    assert!(text.contains("the payment gateway answered"), "{text}");
    for secret in [SECRET, CARD, "verySecret", &CARD[4..]] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn an_invalid_configuration_is_rejected_and_not_repeated_in_the_error() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    for url in [
        "",
        "stripe",
        "ftp://x",
        "https://u:p@h",
        "https://h?q=1",
        "https://h#f",
    ] {
        let refused = StripeGateway::new(&config(url)).unwrap_err();
        assert_eq!(refused, InvalidStripeConfig::Url, "{url:?}");
    }
    for secret in ["", "sk test", "sk\n"] {
        let config = StripeConfig::new("https://api.stripe.com", SecretString::from(secret));
        let refused = StripeGateway::new(&config).unwrap_err();
        assert_eq!(refused, InvalidStripeConfig::SecretKey, "{secret:?}");
    }
}
