//! Charges over real sockets: pages, single charges, and their refunds.

use chrono::DateTime;

use super::*;
use crate::{Capture, ChargeStatus};

const ORDER: &str = "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb";
const TENANT: &str = "cccccccc-cccc-4ccc-8ccc-cccccccccccc";

fn charge(id: &str) -> Value {
    json!({
        "id": id, "object": "charge", "amount": 2000, "amount_captured": 1900, "amount_refunded": 300,
        "captured": true, "created": 1_790_000_000, "currency": "usd", "payment_intent": "pi_1",
        "metadata": { "order_id": ORDER, "tenant_id": TENANT, "attempt": "1" }, "status": "succeeded",
    })
}

fn with(mut charge: Value, member: &str, value: Value) -> Value {
    charge[member] = value;
    charge
}

fn page(charges: &[Value], has_more: bool) -> Value {
    json!({ "object": "list", "url": "/v1/charges", "has_more": has_more, "data": charges })
}

fn id(text: &str) -> ChargeId {
    ChargeId::parse(text).unwrap()
}

fn window() -> ChargeWindow {
    ChargeWindow {
        from: DateTime::from_timestamp(1_790_000_000, 999_000_000).unwrap(),
        to: DateTime::from_timestamp(1_790_086_400, 1).unwrap(),
    }
}

async fn list(body: Value) -> Result<ChargePage, GatewayError> {
    let (_server, gateway) = scripted([answer(200, &body)]).await;
    gateway.list_charges(&window(), None).await
}

async fn find(status: u16, body: &Value) -> Result<Option<ListedCharge>, GatewayError> {
    let (_server, gateway) = scripted([answer(status, body)]).await;
    gateway.find_charge(&id("ch_1")).await
}

fn is_unintelligible(error: &GatewayError) -> bool {
    matches!(error.fault(), GatewayFault::Unintelligible { .. })
}

#[tokio::test]
async fn charges_are_listed_page_by_page_until_there_are_no_more() {
    let (server, gateway) = scripted([
        answer(200, &page(&[charge("ch_3"), charge("ch_2")], true)),
        answer(200, &page(&[charge("ch_1")], false)),
    ])
    .await;
    let first = gateway.list_charges(&window(), None).await.unwrap();
    assert_eq!(first.next, Some(id("ch_2")));
    let second = gateway.list_charges(&window(), first.next.as_ref()).await;
    let second = second.unwrap();
    assert_eq!(second.next, None);
    let expected = ListedCharge {
        disputed: false,
        id: id("ch_1"),
        reference: Some(reference()),
        amount: usd(2000),
        captured: usd(1900),
        refunded: usd(300),
        status: ChargeStatus::Succeeded,
        capture: Capture::Captured,
        created_at: DateTime::from_timestamp(1_790_000_000, 0).unwrap(),
        order_id: Some(ORDER.parse().unwrap()),
        tenant_id: Some(TENANT.parse().unwrap()),
        installation_id: None,
    };
    assert_eq!(second.charges, [expected]);
    let ids: Vec<&str> = first.charges.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(ids, ["ch_3", "ch_2"]);

    let lines: Vec<String> = server.received().into_iter().map(|it| it.line).collect();
    let query = "limit=100&created%5Bgte%5D=1790000000&created%5Blt%5D=1790086400";
    assert_eq!(
        lines,
        [
            format!("GET /v1/charges?{query}"),
            format!("GET /v1/charges?{query}&starting_after=ch_2")
        ]
    );
}

#[tokio::test]
async fn an_empty_window_is_a_page_without_charges() {
    let found = list(page(&[], false)).await.unwrap();
    assert_eq!((found.charges, found.next), (Vec::new(), None));
}

#[tokio::test]
async fn every_documented_form_of_a_charge_is_read() {
    let one = async |charge: Value| {
        let page = list(page(&[charge], false)).await.unwrap();
        page.charges.into_iter().next().unwrap()
    };
    let alone = with(charge("ch_1"), "payment_intent", Value::Null);
    assert_eq!(one(alone).await.reference, None);
    let reserved = with(charge("ch_1"), "captured", json!(false));
    assert_eq!(one(reserved).await.capture, Capture::Uncaptured);
    for (status, expected) in [
        ("pending", ChargeStatus::Pending),
        ("failed", ChargeStatus::Failed),
    ] {
        let found = one(with(charge("ch_1"), "status", json!(status))).await;
        assert_eq!(found.status, expected);
    }
    for metadata in [
        Value::Null,
        json!({}),
        json!({ "order_id": "42", "tenant_id": "me" }),
    ] {
        let found = one(with(charge("ch_1"), "metadata", metadata)).await;
        assert_eq!((found.order_id, found.tenant_id), (None, None));
    }
}

#[tokio::test]
async fn a_page_that_stripe_would_not_return_is_not_believed() {
    for body in [
        json!({ "data": [] }),
        page(&[], true),
        page(&[with(charge("ch_1"), "id", json!("ch/1"))], true),
        page(&[with(charge("ch_1"), "id", Value::Null)], false),
        page(&[json!("ch_1")], false),
    ] {
        let error = list(body.clone()).await.unwrap_err();
        assert!(is_unintelligible(&error), "{body}: {error:?}");
    }
    // The same page again and again.
    let (_server, gateway) = scripted([answer(200, &page(&[charge("ch_1")], true))]).await;
    let after = id("ch_1");
    let error = gateway.list_charges(&window(), Some(&after)).await;
    assert!(is_unintelligible(&error.unwrap_err()));
}

#[tokio::test]
async fn a_charge_that_can_not_be_read_hides_no_other() {
    for odd in [
        with(charge("ch_2"), "status", json!("of_tomorrow")),
        with(charge("ch_2"), "currency", json!("dollars")),
        // A fraction of a króna.
        with(
            with(charge("ch_2"), "currency", json!("isk")),
            "amount",
            json!(1999),
        ),
        with(charge("ch_2"), "payment_intent", json!("pi/1")),
        with(charge("ch_2"), "amount", Value::Null),
        with(charge("ch_2"), "captured", json!("yes")),
    ] {
        let found = list(page(&[charge("ch_3"), odd.clone()], true)).await;
        let found = found.unwrap_or_else(|error| panic!("{odd}: {error:?}"));
        let ids: Vec<&str> = found.charges.iter().map(|it| it.id.as_str()).collect();
        assert_eq!(ids, ["ch_3"], "{odd}");
        assert_eq!(found.next, Some(id("ch_2")));
        let alone = with(odd, "id", json!("ch_1"));
        assert!(is_unintelligible(&find(200, &alone).await.unwrap_err()));
    }
}

#[tokio::test]
async fn a_full_page_of_large_charges_is_read_but_a_single_answer_of_that_size_is_not() {
    let mut large = charge("ch_1");
    for key in 0..50 {
        large["metadata"][format!("key_{key}")] = json!("x".repeat(500));
    }
    let charges: Vec<Value> = (0..100)
        .map(|number| with(large.clone(), "id", json!(format!("ch_{number}"))))
        .collect();
    let found = list(page(&charges, false)).await.unwrap();
    assert_eq!(found.charges.len(), 100);

    large["description"] = json!("x".repeat(256 * 1024));
    let error = find(200, &large).await.unwrap_err();
    assert!(is_unintelligible(&error), "{error:?}");
}

#[tokio::test]
async fn a_single_charge_is_read_or_reported_as_missing() {
    let found = find(200, &charge("ch_1")).await.unwrap();
    assert_eq!(found.unwrap().id, id("ch_1"));
    let missing = refusal("invalid_request_error", "resource_missing");
    assert_eq!(find(404, &missing).await.unwrap(), None);

    let another = find(200, &charge("ch_2")).await.unwrap_err();
    assert!(is_unintelligible(&another));
    let by_a_proxy = find(404, &json!("not here")).await.unwrap_err();
    assert!(is_unintelligible(&by_a_proxy));
    let refused = find(401, &refusal("invalid_request_error", "api_key_expired")).await;
    let refused = refused.unwrap_err();
    assert!(matches!(refused.fault(), GatewayFault::Rejected { .. }));
    assert_eq!(refused.operation(), Operation::FindCharge);
}

#[tokio::test]
async fn a_charge_is_refunded_by_its_own_id() {
    let refund = |charge: &str| {
        json!({
            "id": "re_1", "charge": charge, "payment_intent": null, "status": "succeeded",
            "amount": 500, "currency": "usd",
        })
    };
    let (server, gateway) = scripted([
        answer(200, &refund("ch_1")),
        answer(
            400,
            &refusal("invalid_request_error", "charge_already_refunded"),
        ),
        answer(200, &refund("ch_2")),
        answer(402, &refusal("card_error", "insufficient_funds")),
    ])
    .await;
    let give_back = async || {
        let key = OperationKey::of_charge(&id("ch_1"), Operation::RefundCharge);
        gateway.refund_charge(&id("ch_1"), usd(500), &key).await
    };
    let refunded = RefundOutcome::Refunded {
        reference: Reference::parse("re_1").unwrap(),
        amount: usd(500),
    };
    assert_eq!(give_back().await.unwrap(), refunded);
    assert_eq!(give_back().await.unwrap(), RefundOutcome::AlreadyRefunded);
    assert!(is_unintelligible(&give_back().await.unwrap_err()));
    let refused = give_back().await.unwrap_err();
    let fault = GatewayFault::Rejected {
        status: 402,
        code: Some("insufficient_funds".to_owned()),
        param: None,
    };
    assert_eq!(*refused.fault(), fault);

    let sent = &server.received()[0];
    assert_eq!(sent.line, "POST /v1/refunds");
    assert_eq!(sent.body, "charge=ch_1&amount=500");
    assert_eq!(sent.header("idempotency-key"), Some("ch_1:refund_charge"));
}

#[tokio::test]
async fn a_list_that_fails_reports_its_fault() {
    for (status, body, expected) in [
        (500, json!({}), GatewayFault::ServerError { status: 500 }),
        (429, json!({}), GatewayFault::RateLimited),
    ] {
        let (_server, gateway) = scripted([answer(status, &body)]).await;
        let error = gateway.list_charges(&window(), None).await.unwrap_err();
        assert_eq!(*error.fault(), expected);
        assert_eq!(error.operation(), Operation::ListCharges);
    }
}
