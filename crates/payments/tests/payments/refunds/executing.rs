//! Executing refunds, with every call failing in every way: the money is refunded once.

use std::sync::Arc;

use oms_payments::{
    Asked, Attempt, AttemptState, GatewayFault, LaterCause, Operation, Refund, RefundActor,
    RefundEnd, RefundFailure, RefundOutcome, RefundResult, execute_refund,
};
use oms_testing::TestDatabase;
use oms_testing::gateway::Plan;

use super::till::Till;
use crate::shop::{PRICE, UNKNOWN, usd};

/// Part of the payment, and all of it.
const AMOUNTS: [Option<i64>; 2] = [Some(500), None];

fn rejected(status: u16, code: &str) -> GatewayFault {
    GatewayFault::Rejected {
        status,
        code: Some(code.to_owned()),
        param: None,
    }
}

fn is_later(result: &RefundResult) -> bool {
    matches!(result, RefundResult::Later(LaterCause::Gateway(_)))
}

/// The outcomes of refund calls in the history.
async fn history(till: &Till) -> Vec<String> {
    let calls = till.shop.calls().await.into_iter();
    let about_refunds = calls.filter(|call| call.operation.contains("refund"));
    about_refunds
        .map(|call| format!("{} {}", call.operation, call.outcome))
        .collect()
}

async fn finish(till: &Till, refund: &Refund, result: &RefundResult) {
    let end = result.end().unwrap();
    till.finish(refund, &end).await.unwrap();
}

#[tokio::test]
async fn a_refund_whose_answer_was_lost_is_read_back_and_made_once() {
    let test_database = Arc::new(TestDatabase::create());
    for fault in UNKNOWN {
        for amount in AMOUNTS {
            for (plan, asked) in [
                (Plan::FailAfter(fault.clone()), 1),
                (Plan::FailBefore(fault.clone()), 2),
            ] {
                let till = Till::open_in(&test_database).await;
                let refund = till.begin(amount).await;
                till.shop.gateway.plan(Operation::Refund, plan.clone());
                let unknown = till.execute(&refund).await;
                assert!(is_later(&unknown), "{plan:?}: {unknown:?}");
                assert_eq!(unknown.end(), None);
                assert_eq!(till.state().await, AttemptState::Refunding);

                let known = till.execute_again().await;
                assert!(matches!(known, RefundResult::Refunded), "{known:?}");
                assert_eq!(till.refunded_minor().await, refund.amount.amount_minor);
                assert_eq!(till.shop.gateway.refund_keys().len(), asked, "{plan:?}");
                finish(&till, &refund, &known).await;
            }
        }
    }
}

#[tokio::test]
async fn a_new_key_avoids_a_replayed_failure_only_where_that_is_safe() {
    let replayed = || Plan::FailKey(GatewayFault::ServerError { status: 500 });
    // A partial refund is always requested with the same key, however long that takes.
    let till = Till::open().await;
    let refund = till.begin(Some(500)).await;
    till.shop.gateway.plan(Operation::Refund, replayed());
    for _ in 0..3 {
        let result = match till.shop.gateway.refund_keys().len() {
            0 => till.execute(&refund).await,
            _ => till.execute_again().await,
        };
        assert!(is_later(&result), "{result:?}");
    }
    let keys = till.shop.gateway.refund_keys();
    assert_eq!(keys, vec![format!("{}:refund:1", refund.order_id); 3]);
    assert_eq!(till.refunded_minor().await, 0);
    assert_eq!(
        history(&till).await,
        [
            "refund server_error:500",
            "find_refund not_found",
            "refund server_error:500",
            "find_refund not_found",
            "refund server_error:500",
        ]
    );

    // The rest of a payment can be refunded only once.
    let till = Till::open().await;
    let refund = till.begin(None).await;
    till.shop.gateway.plan(Operation::Refund, replayed());
    assert!(is_later(&till.execute(&refund).await));
    let result = till.execute_again().await;
    assert!(matches!(result, RefundResult::Refunded), "{result:?}");
    assert_eq!(till.refunded_minor().await, PRICE);
    let keys = till.shop.gateway.refund_keys();
    assert_eq!(keys.len(), 2);
    assert_ne!(keys[0], keys[1]);
}

#[tokio::test]
async fn a_refund_that_was_never_requested_stays_pending() {
    let test_database = Arc::new(TestDatabase::create());
    for fault in [
        GatewayFault::BreakerOpen,
        GatewayFault::NoConnection,
        GatewayFault::RateLimited,
        rejected(401, "api_key_expired"),
        rejected(403, "none"),
        rejected(400, "balance_insufficient"),
    ] {
        let till = Till::open_in(&test_database).await;
        let refund = till.begin(Some(500)).await;
        let plan = Plan::FailBefore(fault.clone());
        till.shop.gateway.plan(Operation::Refund, plan);
        let result = till.execute(&refund).await;
        assert!(is_later(&result), "{fault}: {result:?}");
        assert_eq!(till.refunded_minor().await, 0);
        assert_eq!(till.pending().await.unwrap().id, refund.id);

        let result = till.execute_again().await;
        assert!(matches!(result, RefundResult::Refunded), "{fault}");
        assert_eq!(till.refunded_minor().await, 500);
    }
}

#[tokio::test]
async fn a_refund_is_not_requested_again_while_the_list_is_unavailable() {
    let test_database = Arc::new(TestDatabase::create());
    for fault in UNKNOWN {
        let till = Till::open_in(&test_database).await;
        let refund = till.begin(None).await;
        let lost = Plan::FailAfter(GatewayFault::TimedOut);
        till.shop.gateway.plan(Operation::Refund, lost);
        assert!(is_later(&till.execute(&refund).await));
        let plan = Plan::FailBefore(fault);
        till.shop.gateway.plan(Operation::FindRefund, plan);
        assert!(is_later(&till.execute_again().await));
        assert_eq!(till.shop.gateway.refund_keys().len(), 1);
    }
}

#[tokio::test]
async fn a_definite_rejection_fails_the_refund_and_we_keep_the_money() {
    let test_database = Arc::new(TestDatabase::create());
    for (fault, expected) in [
        (rejected(400, "charge_disputed"), "charge_disputed"),
        (rejected(404, "resource_missing"), "resource_missing"),
        (rejected(400, "Card 4242424242424242"), "unknown"),
        (
            GatewayFault::Rejected {
                status: 400,
                code: None,
                param: Some("amount".to_owned()),
            },
            "refused",
        ),
    ] {
        let till = Till::open_in(&test_database).await;
        let refund = till.begin(Some(500)).await;
        till.shop
            .gateway
            .plan(Operation::Refund, Plan::FailBefore(fault));
        let result = till.execute(&refund).await;
        let code = RefundFailure::new(expected);
        assert_eq!(result.end(), Some(RefundEnd::Failed(code)));
        finish(&till, &refund, &result).await;
        assert_eq!(till.state().await, AttemptState::Paid);
        assert_eq!(till.refunded_minor().await, 0);
    }
}

#[tokio::test]
async fn a_rejection_caused_by_our_earlier_request_is_not_a_failure() {
    let till = Till::open().await;
    let refund = till.begin(None).await;
    let lost = Plan::FailBefore(GatewayFault::TimedOut);
    till.shop.gateway.plan(Operation::Refund, lost);
    assert!(is_later(&till.execute(&refund).await));
    // It was delayed, and arrives between the read of the list and the second request.
    let reference = till.shop.stored().await.reference.unwrap();
    let gateway = &till.shop.gateway;
    let pending = till.pending().await.unwrap();
    gateway.give_back(refund.id, &reference, refund.amount);
    let result = till
        .execute(&Refund {
            asked: Asked::Never,
            ..pending
        })
        .await;
    assert!(matches!(result, RefundResult::Refunded), "{result:?}");
    assert_eq!(till.refunded_minor().await, PRICE);
    let expected = [
        "refund timed_out",
        "refund already_refunded",
        "find_refund refunded",
    ];
    assert_eq!(history(&till).await, expected);
}

#[tokio::test]
async fn money_that_was_refunded_at_the_gateway_itself_is_not_refunded_again() {
    let test_database = Arc::new(TestDatabase::create());
    for amount in [None, Some(500)] {
        let till = Till::open_in(&test_database).await;
        let refund = till.begin(amount).await;
        let reference = till.shop.stored().await.reference.unwrap();
        let by_hand = oms_payments::RefundId::generate();
        till.shop.gateway.give_back(by_hand, &reference, usd(PRICE));
        assert_eq!(till.mirror().await.map(|it| it.deferred), Some(true));
        let end = till.execute(&refund).await.end().unwrap();
        let refused = RefundEnd::Failed(RefundFailure::new("charge_already_refunded"));
        assert_eq!(end, refused, "{amount:?}");
        assert_eq!(till.finish(&refund, &end).await, Some(usd(PRICE)));

        let mirrored = till.mirror().await.unwrap();
        assert_eq!(mirrored.booked.len(), 1);
        assert_eq!(mirrored.booked[0].actor, RefundActor::Gateway);
        assert_eq!((mirrored.left, mirrored.deferred), (usd(0), false));
        assert_eq!(till.state().await, AttemptState::Refunded);
        assert!(!till.mirror().await.unwrap().is_news());
        assert_eq!(till.refunded_minor().await, PRICE);
    }
}

#[tokio::test]
async fn a_refund_that_waits_for_the_bank_is_read_and_not_requested_again() {
    let test_database = Arc::new(TestDatabase::create());
    let pending = |reference, amount| RefundOutcome::Pending { reference, amount };
    for refused in [false, true] {
        let till = Till::open_in(&test_database).await;
        let refund = till.begin(Some(500)).await;
        till.shop
            .gateway
            .plan(Operation::Refund, Plan::Refund(pending));
        for result in [till.execute(&refund).await, till.execute_again().await] {
            assert!(matches!(result, RefundResult::Pending), "{result:?}");
            assert_eq!(result.end(), None);
        }
        // The reference is stored from the first answer on.
        assert!(till.pending().await.unwrap().reference.is_some());

        let decided: fn(_, _) -> RefundOutcome = match refused {
            false => |reference, amount| RefundOutcome::Refunded { reference, amount },
            true => |reference, amount| RefundOutcome::Failed {
                reference,
                amount,
                code: RefundFailure::new("lost_or_stolen_card"),
            },
        };
        let gateway = &till.shop.gateway;
        gateway.plan(Operation::FindRefund, Plan::Refund(decided));
        let result = till.execute_again().await;
        let expected = match refused {
            false => RefundEnd::Refunded,
            true => RefundEnd::Failed(RefundFailure::new("lost_or_stolen_card")),
        };
        assert_eq!(result.end(), Some(expected));
        assert_eq!(gateway.refund_keys().len(), 1);
    }
}

#[tokio::test]
async fn a_refund_of_another_amount_ends_nothing() {
    let till = Till::open().await;
    let refund = till.begin(Some(500)).await;
    let reference = till.shop.stored().await.reference.unwrap();
    till.shop.gateway.give_back(refund.id, &reference, usd(501));
    let result = till.execute_again().await;
    assert!(
        matches!(result, RefundResult::Later(LaterCause::OtherRefund { amount }) if amount == usd(501)),
        "{result:?}"
    );
}

#[tokio::test]
async fn another_payments_gateway_is_not_called() {
    let till = Till::open().await;
    let refund = till.begin(None).await;
    let foreign = Attempt {
        gateway: "another".to_owned(),
        ..till.shop.stored().await
    };
    let calls = till.shop.gateway.calls().len();
    let (database, gateway) = (&till.shop.database, &till.shop.gateway);
    let tenant_id = till.shop.tenant_id;
    let result = execute_refund(database, gateway, tenant_id, &refund, &foreign, "sweeper").await;
    assert!(
        matches!(result, RefundResult::Later(LaterCause::OtherGateway(_))),
        "{result:?}"
    );
    assert_eq!(gateway.calls().len(), calls);
}

#[tokio::test]
async fn a_refund_of_an_inherited_payment_is_read_and_not_requested() {
    let till = Till::open().await;
    let refund = till.begin(None).await;
    let inherited = Attempt {
        is_inherited: true,
        ..till.shop.stored().await
    };
    let (database, gateway) = (&till.shop.database, &till.shop.gateway);
    let tenant_id = till.shop.tenant_id;
    let execute = || execute_refund(database, gateway, tenant_id, &refund, &inherited, "sweeper");
    let result = execute().await;
    assert!(
        matches!(result, RefundResult::Later(LaterCause::Inherited)),
        "{result:?}"
    );
    assert!(!gateway.calls().contains(&Operation::Refund));

    // By the database that this one was copied from.
    let reference = inherited.reference.as_ref().unwrap();
    gateway.give_back(refund.id, reference, refund.amount);
    let result = execute().await;
    assert!(matches!(result, RefundResult::Refunded), "{result:?}");
    assert!(!gateway.calls().contains(&Operation::Refund));
}
