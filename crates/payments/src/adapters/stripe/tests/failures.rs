//! Everything that can go wrong on the way to the gateway and back.

use super::*;

#[tokio::test]
async fn an_answer_about_another_payment_is_not_believed() {
    let mut other = intent("succeeded");
    other["id"] = json!("pi_2");
    let refund = json!({
        "id": "re_1", "payment_intent": "pi_2", "status": "succeeded", "amount": 1, "currency": "usd",
    });
    let (_server, gateway) = scripted([
        answer(200, &other),
        answer(200, &other),
        answer(200, &refund),
    ])
    .await;
    let unintelligible = GatewayFault::Unintelligible { status: 200 };
    assert_eq!(
        *confirm(&gateway).await.unwrap_err().fault(),
        unintelligible
    );
    let looked_up = gateway.lookup(&reference()).await.unwrap_err();
    assert_eq!(*looked_up.fault(), unintelligible);
    let key = key(Operation::Refund);
    let refunded = gateway.refund(&refund_request(usd(1)), &key).await;
    let refunded = refunded.unwrap_err();
    assert_eq!(*refunded.fault(), unintelligible);
}

#[tokio::test]
async fn a_truncated_answer_is_unknown_and_the_call_is_not_repeated() {
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"id\"\r\n";
    for step in [
        Step::Truncate,
        Step::Reset,
        Step::Raw(chunked.to_owned()),
        Step::Raw(String::new()),
    ] {
        let (server, gateway) = scripted([step.clone()]).await;
        let error = confirm(&gateway).await.unwrap_err();
        assert_eq!(*error.fault(), GatewayFault::Interrupted, "{step:?}");
        assert_eq!(error.effect(), Effect::Unknown);
        assert_eq!(server.received().len(), 1, "{step:?}");
    }
}

#[tokio::test]
async fn an_unintelligible_answer_is_unknown() {
    let redirect = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    for (step, status) in [
        (Step::Answer(200, "<html>".into()), 200),
        (Step::Answer(200, "{}".into()), 200),
        (answer(200, &intent("a_status_of_tomorrow")), 200),
        (Step::Answer(402, "{}".into()), 402),
        (Step::Answer(200, " ".repeat(300_000)), 200),
        (Step::Raw(redirect.into()), 302),
    ] {
        let (server, gateway) = scripted([step]).await;
        let error = confirm(&gateway).await.unwrap_err();
        assert_eq!(*error.fault(), GatewayFault::Unintelligible { status });
        assert_eq!(error.effect(), Effect::Unknown);
        assert_eq!(server.received().len(), 1);
    }
}

#[tokio::test]
async fn a_time_out_is_unknown_but_a_refused_connection_is_known_to_have_had_no_effect() {
    let server = ScriptedGateway::start([Step::Hang]).await;
    let impatient = StripeConfig {
        timeout: Duration::from_millis(200),
        ..config(&server.url())
    };
    let error = confirm(&gateway(&impatient)).await.unwrap_err();
    assert_eq!(*error.fault(), GatewayFault::TimedOut);
    assert_eq!(error.effect(), Effect::Unknown);

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = confirm(&gateway(&config(&nobody))).await.unwrap_err();
    assert_eq!(*error.fault(), GatewayFault::NoConnection);
    assert_eq!(error.effect(), Effect::DidNotHappen);
}

fn touchy(url: &str) -> StripeConfig {
    StripeConfig {
        breaker: BreakerConfig {
            failures: 1,
            cool_down: Duration::from_secs(3600),
            max_cool_down: Duration::from_secs(3600),
            half_open_probes: 1,
        },
        ..config(url)
    }
}

#[tokio::test]
async fn a_failing_gateway_opens_the_breaker_and_gets_no_further_calls() {
    let failing = answer(500, &refusal("api_error", ""));
    for step in [failing, Step::Truncate, Step::Answer(200, "<html>".into())] {
        let server = ScriptedGateway::start([step]).await;
        let gateway = gateway(&touchy(&server.url()));
        assert!(gateway.is_available());
        assert_eq!(gateway.breaker_states(), [("stripe", BreakerState::Closed)]);

        assert!(confirm(&gateway).await.unwrap_err().is_unavailable());
        assert!(!gateway.is_available());
        assert_eq!(gateway.breaker_states(), [("stripe", BreakerState::Open)]);
        let refused = confirm(&gateway).await.unwrap_err();
        assert_eq!(*refused.fault(), GatewayFault::BreakerOpen);
        assert_eq!(refused.effect(), Effect::DidNotHappen);
        assert_eq!(server.received().len(), 1);
    }
}

#[tokio::test]
async fn a_rejection_does_not_open_the_breaker() {
    let refusals = [
        (402, "card_error"),
        (400, "invalid_request_error"),
        (401, "invalid_request_error"),
        (404, "invalid_request_error"),
        (409, "idempotency_error"),
        (429, "invalid_request_error"),
    ];
    let steps = refusals.map(|(status, kind)| answer(status, &refusal(kind, "parameter_unknown")));
    let server = ScriptedGateway::start(steps).await;
    let gateway = gateway(&touchy(&server.url()));
    for _ in refusals {
        let _ = confirm(&gateway).await;
        assert!(gateway.is_available());
    }
    assert_eq!(server.received().len(), refusals.len());
}
