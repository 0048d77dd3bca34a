//! The history of calls: complete whatever the answer, saved with what the call led to, and without secrets.

use std::sync::Arc;

use diesel::QueryableByName;
use diesel::sql_types::{Bool, Text};
use diesel_async::RunQueryDsl;
use oms_database::transaction;
use oms_payments::{
    CallEffect, Closing, FencePolicy, GatewayCall, GatewayFault, Operation, PaymentError,
    PaymentMethod, PaymentStatus, collect_payment, list_calls, save_calls,
};
use oms_testing::TestDatabase;
use oms_testing::gateway::{Plan, declined};
use oms_validation::TenantId;

use crate::batches::batches;
use crate::closing::close_attempt;
use crate::shop::{Shop, usd};

/// `operation outcome effect` of each call.
fn summaries(calls: &[GatewayCall]) -> Vec<String> {
    calls
        .iter()
        .map(|call| {
            format!(
                "{} {} {}",
                call.operation,
                call.outcome,
                call.effect.as_str()
            )
        })
        .collect()
}

impl Shop {
    /// Collects the payment, and closes the attempt if the outcome allows.
    async fn collect_and_close(&self) -> Vec<String> {
        let collected = self.collect_noting().await;
        if let Some(closing) = collected.closing() {
            assert!(self.close_noting(&closing, &collected.calls).await);
        } else {
            assert!(collected.calls.is_empty(), "{collected:?}");
        }
        summaries(&self.calls().await)
    }

    /// Settles the payment, and closes the attempt if the outcome allows.
    async fn settle_and_close(&self, policy: FencePolicy) -> Vec<String> {
        let before = self.calls().await.len();
        let settled = self.settle_noting(policy).await;
        if let Some(closing) = settled.closing() {
            assert!(self.close_noting(&closing, &settled.calls).await);
        } else {
            assert!(settled.calls.is_empty(), "{settled:?}");
        }
        summaries(&self.calls().await[before..])
    }
}

#[tokio::test]
async fn a_call_is_stored_with_everything_that_the_gateways_support_needs() {
    let shop = Shop::open().await;
    let collected = shop.collect_noting().await;
    // The first call is stored with the reference, the second with the closing.
    assert_eq!(summaries(&shop.calls().await), ["prepare prepared known"]);
    let closing = collected.closing().unwrap();
    assert!(shop.close_noting(&closing, &collected.calls).await);

    let calls = shop.calls().await;
    assert_eq!(
        summaries(&calls),
        ["prepare prepared known", "confirm paid known"]
    );
    let reference = shop.stored().await.reference;
    for (number, call) in (1..).zip(&calls) {
        assert_eq!(call.order_id, shop.attempt.order_id);
        assert_eq!(call.attempt_id, shop.attempt.id);
        assert_eq!((call.attempt_number, call.repetition), (1, 1));
        assert_eq!(call.actor.as_deref(), Some("api"));
        assert_eq!(call.gateway, "scripted");
        assert_eq!(call.reference, reference);
        assert_eq!(call.request_id, Some(format!("req_{number}")));
        assert_eq!(call.effect, CallEffect::Known);
    }
    assert!(calls[0].called_at < calls[1].called_at, "{calls:?}");
}

#[tokio::test]
async fn calls_have_the_time_of_the_databases_clock() {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Bool)]
        in_time: bool,
    }

    let shop = Shop::open().await;
    shop.collect_and_close().await;
    let mut connection = shop.connect().await;
    let sql = "SELECT bool_and(c.called_at BETWEEN a.created_at AND now()) AS in_time
               FROM payments.gateway_calls c JOIN payments.attempts a USING (tenant_id, order_id)";
    let row: Row = sql_query(sql).get_result(&mut connection).await.unwrap();
    assert!(row.in_time);
}

#[expect(clippy::disallowed_methods, reason = "tests write ad-hoc SQL")]
fn sql_query(sql: &str) -> diesel::query_builder::SqlQuery {
    diesel::sql_query(sql)
}

#[tokio::test]
async fn every_outcome_of_a_confirmation_is_in_the_history() {
    let test_database = Arc::new(TestDatabase::create());
    let rejected = GatewayFault::Rejected {
        status: 400,
        code: Some("parameter_unknown".to_owned()),
        param: None,
    };
    let failed = Plan::FailBefore;
    for (plan, expected) in [
        (
            Plan::Become(declined("lost_card")),
            vec!["confirm declined:lost_card known"],
        ),
        (
            Plan::Become(PaymentStatus::Paid { amount: usd(1) }),
            vec!["confirm paid known"],
        ),
        (
            Plan::Become(PaymentStatus::NeedsAction),
            vec!["confirm needs_action known"],
        ),
        (
            Plan::Become(PaymentStatus::Processing),
            vec!["confirm processing known"],
        ),
        (
            Plan::Become(PaymentStatus::Authorised),
            vec!["confirm authorised known"],
        ),
        (
            Plan::Become(PaymentStatus::NotConfirmed),
            vec!["confirm not_confirmed known"],
        ),
        (
            Plan::Become(PaymentStatus::Cancelled),
            vec!["confirm cancelled known"],
        ),
        (
            failed(GatewayFault::NoConnection),
            vec!["confirm no_connection known"],
        ),
        (
            failed(GatewayFault::RateLimited),
            vec!["confirm rate_limited known"],
        ),
        (
            failed(rejected),
            vec!["confirm rejected:400:parameter_unknown known"],
        ),
        (
            failed(GatewayFault::TimedOut),
            vec!["confirm timed_out unknown"],
        ),
        (
            failed(GatewayFault::Interrupted),
            vec!["confirm interrupted unknown", "lookup not_confirmed known"],
        ),
        (
            Plan::FailAfter(GatewayFault::ServerError { status: 502 }),
            vec!["confirm server_error:502 unknown", "lookup paid known"],
        ),
        (
            Plan::FailAfter(GatewayFault::Unintelligible { status: 200 }),
            vec!["confirm unintelligible:200 unknown", "lookup paid known"],
        ),
        (
            Plan::FailAfter(GatewayFault::InProgress),
            vec!["confirm in_progress unknown", "lookup paid known"],
        ),
        (
            Plan::FailAfter(GatewayFault::KeyReused),
            vec!["confirm key_reused unknown", "lookup paid known"],
        ),
        (
            Plan::FailAfter(GatewayFault::Unexplained { status: 424 }),
            vec!["confirm unexplained:424 unknown", "lookup paid known"],
        ),
        (
            Plan::FailAfter(GatewayFault::NotReadBack { unavailable: true }),
            vec!["confirm not_read_back unknown", "lookup paid known"],
        ),
        // A call that the breaker refused was not made.
        (failed(GatewayFault::BreakerOpen), vec![]),
    ] {
        let shop = Shop::open_in(&test_database).await;
        shop.gateway.plan(Operation::Confirm, plan);
        let found = shop.collect_and_close().await;
        assert_eq!(found[0], "prepare prepared known");
        assert_eq!(found[1..], expected);
    }
}

#[tokio::test]
async fn a_payment_that_was_never_prepared_has_a_history_too() {
    let test_database = Arc::new(TestDatabase::create());
    for (plan, expected) in [
        (
            Plan::FailBefore(GatewayFault::NoConnection),
            "prepare no_connection known",
        ),
        (
            Plan::FailAfter(GatewayFault::TimedOut),
            "prepare timed_out unknown",
        ),
    ] {
        let shop = Shop::open_in(&test_database).await;
        shop.gateway.plan(Operation::Prepare, plan);
        assert_eq!(shop.collect_and_close().await, [expected]);
        // A late worker stores its calls, although they change nothing.
        let late = shop.collect_and_close().await;
        assert_eq!(late, [expected, "prepare prepared known"]);
    }
}

#[tokio::test]
async fn every_outcome_of_settling_is_in_the_history() {
    let test_database = Arc::new(TestDatabase::create());
    let unanswered = async || {
        let shop = Shop::open_in(&test_database).await;
        let lost = Plan::FailBefore(GatewayFault::TimedOut);
        shop.gateway.plan(Operation::Confirm, lost);
        shop.collect_and_close().await;
        shop
    };
    let keep = FencePolicy::KeepPending;

    let shop = unanswered().await;
    let fenced = shop.settle_and_close(keep).await;
    let expected = ["lookup not_confirmed known", "cancel cancelled known"];
    assert_eq!(fenced, expected);

    let shop = unanswered().await;
    let silent = Plan::FailBefore(GatewayFault::TimedOut);
    shop.gateway.plan(Operation::Lookup, silent.clone());
    let found = shop.settle_and_close(keep).await;
    assert_eq!(found, ["lookup timed_out unknown"]);
    shop.gateway.plan(Operation::Cancel, silent);
    let found = shop.settle_and_close(keep).await;
    let expected = ["lookup not_confirmed known", "cancel timed_out unknown"];
    assert_eq!(found, expected);

    let shop = unanswered().await;
    let observed = shop.settle_and_close(FencePolicy::Observe).await;
    assert_eq!(observed, ["lookup not_confirmed known"]);

    let never_sent = Shop::open_in(&test_database).await;
    let fenced = never_sent.settle_and_close(keep).await;
    let expected = [
        "prepare prepared known",
        "lookup not_confirmed known",
        "cancel cancelled known",
    ];
    assert_eq!(fenced, expected);
}

#[tokio::test]
async fn the_reason_for_a_cancellation_is_stored_before_it_is_sent() {
    let shop = Shop::open().await;
    drop(shop.collect_noting().await);
    let plan = Plan::Become(PaymentStatus::NotConfirmed);
    shop.gateway.plan(Operation::Lookup, plan);
    let settled = shop.settle_noting(FencePolicy::KeepPending).await;
    // The worker ends with the unsaved answer; what it saw before the cancellation is stored.
    drop(settled);
    let expected = ["prepare prepared known", "lookup not_confirmed known"];
    assert_eq!(summaries(&shop.calls().await), expected);
}

#[tokio::test]
async fn calls_are_stored_once_even_if_their_closing_is_lost() {
    let shop = Shop::open().await;
    let collected = shop.collect_noting().await;
    let closing = collected.closing().unwrap();
    let mut connection = shop.connect().await;
    let (tenant_id, id) = (shop.tenant_id, shop.attempt.id);
    let rolled_back: Result<(), PaymentError> = transaction(&mut connection, async |connection| {
        let calls = &collected.calls;
        assert!(close_attempt(connection, tenant_id, id, &closing, calls).await?);
        Err(oms_database::DbError::LockTimeout.into())
    })
    .await;
    assert!(rolled_back.is_err());
    assert_eq!(shop.calls().await.len(), 1);

    for _ in 0..2 {
        save_calls(&shop.database, tenant_id, &collected.calls).await;
    }
    let expected = ["prepare prepared known", "confirm paid known"];
    assert_eq!(summaries(&shop.calls().await), expected);
    // The closing does not store them again.
    assert!(shop.close_noting(&closing, &collected.calls).await);
    assert_eq!(summaries(&shop.calls().await), expected);
    // Another worker has closed it: the calls are stored nevertheless.
    let late = shop.settle_noting(FencePolicy::KeepPending).await;
    assert!(!shop.close_noting(&Closing::Voided, &late.calls).await);
}

#[tokio::test]
async fn a_failure_to_write_the_history_changes_nothing_else() {
    let shop = Shop::open().await;
    let plan = Plan::Become(PaymentStatus::NeedsAction);
    shop.gateway.plan(Operation::Confirm, plan);
    let collected = shop.collect_noting().await;
    assert!(collected.calls.is_empty());
    let attempt = shop.stored().await;
    shop.database.close();
    save_calls(&shop.database, shop.tenant_id, &collected.calls).await;
    assert_eq!(shop.stored().await, attempt);
}

#[tokio::test]
async fn a_tenant_does_not_see_anothers_calls() {
    let shop = Shop::open().await;
    shop.collect_and_close().await;
    let mut connection = shop.connect().await;
    let stranger = TenantId::generate();
    let seen = list_calls(&mut connection, stranger, shop.attempt.order_id).await;
    assert_eq!(seen.unwrap(), []);
}

#[tokio::test]
async fn the_history_contains_no_secret_and_no_payment_method() {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        row: String,
    }

    const CARD: &str = "4000123412341239";
    const SECRET: &str = "sk_test_verySecret";
    let test_database = Arc::new(TestDatabase::create());
    let echo = |text: &str| GatewayFault::Rejected {
        status: 400,
        code: Some(text.to_owned()),
        param: Some(text.to_owned()),
    };
    // A gateway that repeats what it was sent.
    for plan in [
        Plan::FailBefore(echo(CARD)),
        Plan::FailBefore(echo(SECRET)),
        Plan::Become(declined(CARD)),
        Plan::Become(declined(SECRET)),
        Plan::Become(PaymentStatus::Paid { amount: usd(2000) }),
    ] {
        for method in [
            PaymentMethod::parse_card(CARD).unwrap(),
            PaymentMethod::parse_token("pm_card_visa").unwrap(),
        ] {
            let shop = Shop::open_in(&test_database).await;
            shop.gateway.plan(Operation::Confirm, plan.clone());
            let (database, gateway) = (&shop.database, &shop.gateway);
            let attempt = &shop.attempt;
            let collected = collect_payment(
                &batches(database),
                gateway,
                shop.tenant_id,
                attempt,
                &method.clone().into(),
                "api",
            )
            .await;
            save_calls(database, shop.tenant_id, &collected.calls).await;
            assert_eq!(shop.calls().await.len(), 2, "{plan:?}");
        }
    }
    let mut connection = test_database.connect().await;
    let sql = "SELECT row_to_json(c)::text AS row FROM payments.gateway_calls c";
    let rows: Vec<Row> = sql_query(sql).load(&mut connection).await.unwrap();
    assert_eq!(rows.len(), 20);
    for Row { row } in rows {
        for secret in [CARD, &CARD[4..], SECRET, "verySecret", "pm_card_visa"] {
            assert!(!row.contains(secret), "{row}");
        }
    }
}
