use std::time::Duration;
use oms_payments::adapters::stripe::{StripeConfig, StripeGateway};
use oms_payments::*;
use oms_validation::{Currency, Money, OrderId, TenantId};
use secrecy::SecretString;

async fn plan(url: &str, body: &str) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut s = tokio::net::TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
    s.write_all(format!("POST /_sandbox/faults HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len()).as_bytes()).await.unwrap();
    let mut t = String::new(); s.read_to_string(&mut t).await.unwrap();
    println!("   plan -> {}", t.lines().next().unwrap());
}

#[tokio::test]
async fn probe() {
    let url = std::env::var("SANDBOX").unwrap();
    rustls::crypto::ring::default_provider().install_default().unwrap();
    let mut config = StripeConfig::new(&url, SecretString::from("sk_test_x"));
    config.timeout = Duration::from_secs(1);
    config.breaker.failures = 1000;
    let g = StripeGateway::new(&config).unwrap();
    let tenant_id = TenantId::generate();
    let amount = Money { amount_minor: 2000, currency: Currency::parse("USD").unwrap() };
    let t = |s: &str| PaymentMethod::parse_token(s).unwrap();
    let c = |s: &str| PaymentMethod::parse_card(s).unwrap();
    let run = async |label: &str, m: PaymentMethod, faults: Option<&str>| {
        if let Some(f) = faults { plan(&url, f).await; }
        let order_id = OrderId::generate();
        let req = PrepareRequest { order_id, tenant_id, attempt_number: 1, amount };
        let r = match g.prepare(&req).await { Ok(r) => r, Err(e) => { println!("{label}: prepare: {e} {:?}", e.effect()); println!("   again: {:?}", g.prepare(&req).await.map_err(|e| e.to_string())); return } };
        assert_eq!(g.prepare(&req).await.ok(), Some(r.clone()));
        let k = OperationKey::new(order_id, Operation::Confirm, 1);
        let show = |x: Result<PaymentStatus, GatewayError>| match x { Ok(s) => format!("{s:?}"), Err(e) => format!("ERR {e} {:?}", e.effect()) };
        println!("{label}: confirm {}", show(g.confirm(&r, &m, &k).await));
        println!("   lookup {}", show(g.lookup(&r).await));
        println!("   cancel {}", show(g.cancel(&r, &OperationKey::unique(order_id, Operation::Cancel, 1)).await));
        println!("   cancel again {}", show(g.cancel(&r, &OperationKey::unique(order_id, Operation::Cancel, 1)).await));
        println!("   confirm again, fresh key {}", show(g.confirm(&r, &t("pm_card_visa"), &OperationKey::unique(order_id, Operation::Confirm, 1)).await));
        let rk = OperationKey::new(order_id, Operation::Refund, 1);
        println!("   refund {:?}", g.refund(&r, amount, &rk).await.map_err(|e| e.to_string()));
        println!("   refund again {:?}", g.refund(&r, amount, &rk).await.map_err(|e| e.to_string()));
        println!("   refund fresh key {:?}", g.refund(&r, amount, &OperationKey::unique(order_id, Operation::Refund, 1)).await.map_err(|e| e.to_string()));
    };
    run("visa", t("pm_card_visa"), None).await;
    run("card 4242", c("4242424242424242"), None).await;
    run("card insufficient", c("4000000000009995"), None).await;
    run("card bad luhn", c("4242424242424241"), None).await;
    run("token declined stolen", t("pm_card_visa_chargeDeclinedStolenCard"), None).await;
    run("unknown token", t("pm_nope"), None).await;
    run("3ds", t("pm_card_authenticationRequired"), None).await;
    run("processing", t("pm_usBankAccount_processing"), None).await;
    for (label, action) in [
        ("500 with effect", r#"{"type":"error_after","status":500}"#),
        ("500 without effect", r#"{"type":"error_before","status":500}"#),
        ("429 without effect", r#"{"type":"error_before","status":429}"#),
        ("time-out after", r#"{"type":"no_answer_after"}"#),
        ("time-out before", r#"{"type":"no_answer_before"}"#),
        ("truncate", r#"{"type":"truncate"}"#),
        ("refuse", r#"{"type":"refuse"}"#),
    ] {
        run(label, t("pm_card_visa"), Some(&format!(r#"{{"rules":[{{"operation":"confirm","action":{action}}}]}}"#))).await;
    }
    run("prepare 500 after", t("pm_card_visa"), Some(r#"{"rules":[{"operation":"create","action":{"type":"error_after","status":500}}]}"#)).await;
    println!("{:?}", g.breaker_states());
}
