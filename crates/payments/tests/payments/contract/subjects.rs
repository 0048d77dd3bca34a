//! The gateways that the contract is tested on.

use async_trait::async_trait;
use oms_payments::adapters::instant::InstantGateway;
use oms_payments::adapters::stripe::{StripeConfig, StripeGateway};
use oms_payments::{
    Capture, ChargeId, ChargeStatus, ListedCharge, PaymentGateway, PaymentInstruction,
    PaymentMethod, Reference,
};
use oms_testing::PATIENCE;
use oms_testing::gateway::{Confirm, ScriptedGateway};
use oms_testing::process::{Process, program};
use oms_testing::world::usd;
use oms_validation::Money;
use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

const SECRET: &str = "sk_test_contract";

/// A gateway, and actions on it that bypass the port.
#[async_trait]
pub(crate) trait Subject: Sync {
    fn gateway(&self) -> &dyn PaymentGateway;

    /// Returns an instruction whose confirmation ends like this.
    fn method(&self, ends: Confirm) -> PaymentInstruction;

    /// Charges this amount without an order.
    async fn charge(&self, amount_minor: i64);

    /// Refunds a payment in the gateway's dashboard.
    async fn refund_elsewhere(&self, payment: &Reference, amount_minor: i64);
}

pub(crate) async fn scripted() -> ScriptedGateway {
    ScriptedGateway::default()
}

#[async_trait]
impl Subject for ScriptedGateway {
    fn gateway(&self) -> &dyn PaymentGateway {
        self
    }

    fn method(&self, ends: Confirm) -> PaymentInstruction {
        self.confirms(ends);
        token_of(ends)
    }

    async fn charge(&self, amount_minor: i64) {
        let created_at = self.first_charge_at();
        self.with_charges(|charges| {
            charges.push(ListedCharge {
                id: ChargeId::parse(&format!("ch_{}", charges.len())).unwrap(),
                reference: None,
                amount: usd(amount_minor),
                captured: usd(amount_minor),
                refunded: Money::zero(usd(0).currency),
                status: ChargeStatus::Succeeded,
                capture: Capture::Captured,
                disputed: false,
                created_at,
                order_id: None,
                tenant_id: None,
                installation_id: None,
            });
        });
    }

    async fn refund_elsewhere(&self, payment: &Reference, amount_minor: i64) {
        let refunded = ScriptedGateway::refund_elsewhere(self, payment, amount_minor);
        refunded.expect("the remainder covers the refund");
    }
}

pub(crate) async fn instant() -> InstantGateway {
    InstantGateway
}

#[async_trait]
impl Subject for InstantGateway {
    fn gateway(&self) -> &dyn PaymentGateway {
        self
    }

    fn method(&self, ends: Confirm) -> PaymentInstruction {
        assert_eq!(
            ends,
            Confirm::Pays,
            "the instant gateway pays every payment"
        );
        token_of(ends)
    }

    async fn charge(&self, _: i64) {
        panic!("the instant gateway keeps no records");
    }

    async fn refund_elsewhere(&self, _: &Reference, _: i64) {
        panic!("the instant gateway keeps no records");
    }
}

/// The Stripe adapter, and the sandbox that it calls.
pub(crate) struct StripeOverTheSandbox {
    gateway: StripeGateway,
    client: Client,
    url: String,
    _process: Process,
    _folder: TempDir,
}

pub(crate) async fn stripe_over_the_sandbox() -> StripeOverTheSandbox {
    // Only the first call installs it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let mut command = program("payment-sandbox");
    command.args(["--port", "0", "--state-file"]);
    command.arg(folder.path().join("journal"));
    let mut process = Process::start(command);
    let url = |line: &str| {
        Some(
            line.strip_prefix("payment-sandbox listening on ")?
                .to_owned(),
        )
    };
    let url = process.said("the sandbox listens", url).await;
    let config = StripeConfig {
        connect_timeout: PATIENCE,
        timeout: PATIENCE,
        ..StripeConfig::new(&url, SECRET.into())
    };
    StripeOverTheSandbox {
        gateway: StripeGateway::new(&config).unwrap(),
        client: Client::builder().no_proxy().build().unwrap(),
        url,
        _process: process,
        _folder: folder,
    }
}

#[async_trait]
impl Subject for StripeOverTheSandbox {
    fn gateway(&self) -> &dyn PaymentGateway {
        &self.gateway
    }

    fn method(&self, ends: Confirm) -> PaymentInstruction {
        token_of(ends)
    }

    async fn charge(&self, amount_minor: i64) {
        let charge: Value = json!({ "amount": amount_minor, "currency": "usd" });
        let url = format!("{}/_sandbox/charges", self.url);
        let answer = self.client.post(url).json(&charge).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{answer:?}");
    }

    async fn refund_elsewhere(&self, payment: &Reference, amount_minor: i64) {
        let form = [
            ("payment_intent", payment.as_str()),
            ("amount", &amount_minor.to_string()),
        ];
        let request = self.client.post(format!("{}/v1/refunds", self.url));
        let answer = request
            .bearer_auth(SECRET)
            .form(&form)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200, "{answer:?}");
    }
}

/// Returns Stripe's test token for a payment that ends like this.
fn token_of(ends: Confirm) -> PaymentInstruction {
    let token = match ends {
        Confirm::Pays => "pm_card_visa",
        Confirm::Declines => "pm_card_chargeDeclinedInsufficientFunds",
        Confirm::AsksTheCustomer => "pm_card_threeDSecure2Required",
        Confirm::IsProcessed => "pm_usBankAccount_processing",
        other => panic!("no token for this outcome: {other:?}"),
    };
    PaymentMethod::parse_token(token).unwrap().into()
}
