//! Finding a refund in the list of its payment's refunds.

use super::*;

fn refund(name: &str, refund_id: Option<RefundId>, status: &str) -> Value {
    let metadata = refund_id.map(|id| json!({ "refund_id": id }));
    json!({
        "id": name, "payment_intent": "pi_1", "status": status, "amount": 500, "currency": "usd",
        "metadata": metadata,
    })
}

fn page(refunds: &[Value], has_more: bool) -> Step {
    let list = json!({ "object": "list", "data": refunds, "has_more": has_more });
    answer(200, &list)
}

async fn find(
    gateway: &StripeGateway,
    refund_id: RefundId,
) -> Result<Option<RefundOutcome>, GatewayError> {
    let found = gateway.find_refund(&reference(), refund_id).await?;
    assert_eq!(found.request_id.as_deref(), Some("req_test"));
    Ok(found.value)
}

#[tokio::test]
async fn a_refund_is_found_by_our_own_id_on_any_page() {
    let (ours, other) = (RefundId::generate(), RefundId::generate());
    let (server, gateway) = scripted([
        page(
            &[
                refund("re_3", Some(other), "succeeded"),
                refund("re_2", None, "failed"),
            ],
            true,
        ),
        page(&[refund("re_1", Some(ours), "pending")], true),
    ])
    .await;
    let pending = RefundOutcome::Pending {
        reference: Reference::parse("re_1").unwrap(),
        amount: usd(500),
    };
    assert_eq!(find(&gateway, ours).await.unwrap(), Some(pending));
    let lines: Vec<String> = server.received().into_iter().map(|it| it.line).collect();
    let expected = [
        "GET /v1/refunds?payment_intent=pi_1&limit=100",
        "GET /v1/refunds?payment_intent=pi_1&limit=100&starting_after=re_2",
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn only_the_last_page_proves_that_there_is_no_such_refund() {
    let other = refund("re_1", Some(RefundId::generate()), "succeeded");
    let (_server, gateway) = scripted([
        page(&[], false),
        page(std::slice::from_ref(&other), true),
        page(&[], false),
        page(std::slice::from_ref(&other), true),
        answer(500, &refusal("api_error", "")),
    ])
    .await;
    let ours = RefundId::generate();
    assert_eq!(find(&gateway, ours).await.unwrap(), None);
    assert_eq!(find(&gateway, ours).await.unwrap(), None);
    let error = find(&gateway, ours).await.unwrap_err();
    assert_eq!(*error.fault(), GatewayFault::ServerError { status: 500 });
}

#[tokio::test]
async fn an_unintelligible_list_proves_nothing() {
    let ours = RefundId::generate();
    let mut of_another = refund("re_1", None, "succeeded");
    of_another["payment_intent"] = json!("pi_2");
    let steps = [
        page(&[of_another], false),
        page(&[refund("re_1", Some(ours), "a_status_of_tomorrow")], false),
        page(&[refund("../x", Some(ours), "succeeded")], false),
        page(&[json!({ "id": "re_1", "amount": null })], false),
        // There are more refunds, but the page does not say after which.
        page(&[], true),
        page(&[refund("../x", None, "succeeded")], true),
        answer(200, &refund("re_1", Some(ours), "succeeded")),
    ];
    for step in steps {
        let (_server, gateway) = scripted([step.clone()]).await;
        let error = find(&gateway, ours).await.unwrap_err();
        let unintelligible = GatewayFault::Unintelligible { status: 200 };
        assert_eq!(*error.fault(), unintelligible, "{step:?}");
    }
}

#[tokio::test]
async fn an_endless_list_is_given_up() {
    let pages = (0..20).map(|_| page(&[refund("re_1", None, "succeeded")], true));
    let (server, gateway) = scripted(pages).await;
    let error = find(&gateway, RefundId::generate()).await.unwrap_err();
    assert_eq!(*error.fault(), GatewayFault::Unexplained { status: 200 });
    assert_eq!(server.received().len(), 20);
}

#[tokio::test]
async fn a_change_that_was_read_back_has_the_request_id_of_the_change() {
    let step = |status: u16, id: &str, body: &Value| {
        let body = body.to_string();
        Step::Raw(format!(
            "HTTP/1.1 {status} X\r\nrequest-id: {id}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        ))
    };
    let late = refusal("invalid_request_error", "payment_intent_unexpected_state");
    let (_server, gateway) = scripted([
        step(400, "req_cancel", &late),
        step(200, "req_lookup", &intent("succeeded")),
        step(400, "req_cancel", &late),
        step(500, "req_lookup", &refusal("api_error", "")),
    ])
    .await;
    let key = key(Operation::Cancel);
    let cancelled = gateway.cancel(&reference(), &key).await.unwrap();
    assert_eq!(cancelled.request_id.as_deref(), Some("req_cancel"));
    let error = gateway.cancel(&reference(), &key).await.unwrap_err();
    assert_eq!(error.request_id(), Some("req_cancel"));
}
