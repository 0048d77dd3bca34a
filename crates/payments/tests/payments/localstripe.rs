//! A smoke test of the Stripe adapter against localstripe, an independent fake of Stripe:
//! <https://github.com/adrienverge/localstripe>. `cargo xtask test --localstripe` starts it and sets
//! `OMS_LOCALSTRIPE_URL`.
//!
//! localstripe ignores idempotency keys, declines few cards and can't list charges by time, so the important cases are
//! tested with the payment sandbox. These tests check what two independent readings of Stripe's documentation agree on.

use std::time::{Duration, SystemTime};

use oms_payments::adapters::stripe::{StripeConfig, StripeGateway, WebhookSecrets};
use oms_payments::{
    Operation, OperationKey, PaymentGateway, PaymentMethod, PaymentStatus, PrepareRequest,
    Reference, RefundId, RefundOutcome, RefundRequest,
};
use oms_validation::{Currency, Money, OrderId, TenantId};
use secrecy::SecretString;

mod translator;
mod webhooks;
use translator::Translator;
use webhooks::Receiver;

const SECRET: &str = "whsec_localstripe";

fn usd(amount_minor: i64) -> Money {
    Money {
        amount_minor,
        currency: Currency::parse("USD").unwrap(),
    }
}

fn localstripe_url() -> String {
    std::env::var("OMS_LOCALSTRIPE_URL")
        .expect("OMS_LOCALSTRIPE_URL is not set: run `cargo xtask test --localstripe`")
}

/// An order's payment, prepared from scratch.
struct Payment {
    gateway: StripeGateway,
    order_id: OrderId,
    reference: Reference,
    _translator: Translator,
}

impl Payment {
    async fn prepare() -> Self {
        // Only the first call installs it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let translator = Translator::start(&localstripe_url()).await;
        let key = SecretString::from("sk_test_localstripe");
        let gateway = StripeGateway::new(&StripeConfig::new(translator.url(), key)).unwrap();
        let order_id = OrderId::generate();
        let request = PrepareRequest {
            order_id,
            tenant_id: TenantId::generate(),
            attempt_number: 1,
            amount: usd(2000),
            allows_redirects: false,
        };
        let reference = gateway.prepare(&request).await.unwrap().value;
        Self {
            gateway,
            order_id,
            reference,
            _translator: translator,
        }
    }

    fn key(&self, operation: Operation) -> OperationKey {
        OperationKey::new(self.order_id, operation, 1)
    }

    async fn confirm(&self) -> PaymentStatus {
        let method = PaymentMethod::parse_token("pm_card_visa").unwrap().into();
        let key = self.key(Operation::Confirm);
        let confirmed = self.gateway.confirm(&self.reference, &method, &key).await;
        confirmed.unwrap().value
    }

    async fn lookup(&self) -> PaymentStatus {
        self.gateway.lookup(&self.reference).await.unwrap().value
    }

    async fn cancel(&self) -> PaymentStatus {
        let key = self.key(Operation::Cancel);
        let cancelled = self.gateway.cancel(&self.reference, &key).await;
        cancelled.unwrap().value
    }
}

#[actix_web::test]
async fn a_payment_is_prepared_confirmed_read_and_refunded() {
    let payment = Payment::prepare().await;
    assert_eq!(payment.lookup().await, PaymentStatus::NotConfirmed);
    let paid = PaymentStatus::Paid { amount: usd(2000) };
    assert_eq!(payment.confirm().await, paid);
    assert_eq!(payment.lookup().await, paid);

    let key = payment.key(Operation::Refund);
    let request = RefundRequest {
        reference: payment.reference.clone(),
        order_id: payment.order_id,
        refund_id: RefundId::generate(),
        amount: usd(500),
    };
    let (gateway, reference) = (&payment.gateway, &payment.reference);
    let missing = gateway.find_refund(reference, request.refund_id).await;
    assert_eq!(missing.unwrap().value, None);
    let refunded = gateway.refund(&request, &key).await.unwrap().value;
    assert!(
        matches!(&refunded, RefundOutcome::Refunded { amount, .. } if *amount == usd(500)),
        "{refunded:?}"
    );
    let found = gateway.find_refund(reference, request.refund_id).await;
    assert_eq!(found.unwrap().value, Some(refunded));
}

#[actix_web::test]
async fn a_payment_that_is_cancelled_stays_cancelled() {
    let payment = Payment::prepare().await;
    assert_eq!(payment.cancel().await, PaymentStatus::Cancelled);
    assert_eq!(payment.lookup().await, PaymentStatus::Cancelled);
}

#[actix_web::test]
async fn a_late_cancellation_reports_the_payment_as_paid() {
    let payment = Payment::prepare().await;
    let paid = payment.confirm().await;
    assert_eq!(payment.cancel().await, paid);
}

#[actix_web::test]
async fn a_webhook_signed_by_localstripe_is_believed_only_with_its_secret() {
    let mut receiver = Receiver::start(&localstripe_url(), SECRET).await;
    let payment = Payment::prepare().await;
    payment.confirm().await;
    // localstripe sends it a second later. Webhooks of other tests arrive here too.
    let received = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            let received = receiver.next().await;
            if received.is_about(&payment.reference) {
                return received;
            }
        }
    });
    let received = received.await.expect("localstripe sends a webhook");

    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.unwrap().as_secs();
    let verify = |secret: &str| {
        let secrets = WebhookSecrets::parse(secret).unwrap();
        secrets.verify(&received.signature, &received.body, now)
    };
    assert_eq!(verify(SECRET), Ok(()));
    assert!(verify("whsec_other").is_err());
}
