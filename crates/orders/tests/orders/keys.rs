//! Operations that are executed once for each idempotency key.

use std::sync::Arc;

use oms_errors::Problem;
use oms_orders::{
    Cancellation, DeadLetterError, DeadLetterFilter, DeadLetterId, FindingFilter, FindingId,
    FindingState, OrderSettings, Reason, SweepSummary, Verdict, cancel_order, list_dead_letters,
    list_findings, resolve_dead_letter, resolve_finding, retry_dead_letter, sweep_orders,
};
use oms_payments::GatewayFault;
use oms_testing::gateway::Confirm;
use oms_validation::{IdempotencyKey, Once, OperatorName, OrderId, PageSize};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::shop::{Opening, Shop, other_tenant, settings, tenant};

/// How many clients send the same request concurrently.
const TWINS: usize = 8;

fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey::parse(text).unwrap()
}

fn ann() -> OperatorName {
    OperatorName::parse("ann").unwrap()
}

fn reason() -> Reason {
    Reason::parse("seen in the dashboard").unwrap()
}

async fn open(confirm: Confirm) -> Arc<Shop> {
    let shop = Shop::open_as(Opening {
        confirm,
        settings: OrderSettings {
            sweep_max_tries: 1,
            ..settings()
        },
        ..Opening::default()
    });
    Arc::new(shop.await)
}

/// The dead letter of a new order: the gateway was silent for the sweeper, and answers again.
async fn given_up(shop: &Shop, order: &str) -> DeadLetterId {
    shop.pending(order).await;
    shop.gateway.fail_lookups(Some(GatewayFault::TimedOut));
    assert_eq!(sweep_orders(&shop.context).await.unwrap().dead_lettered, 1);
    shop.gateway.fail_lookups(None);
    let filter = DeadLetterFilter::Open;
    let page = list_dead_letters(&shop.context, tenant(), filter, None, PageSize::DEFAULT).await;
    page.unwrap().items[0].id
}

/// The answer to a request: whether it was the first with its key, or its problem.
type Answer = Result<Once<()>, Problem>;

fn code(answer: Answer) -> String {
    let body = answer.unwrap_err().body(None);
    body["code"].as_str().unwrap().to_owned()
}

async fn retry(shop: &Shop, id: DeadLetterId, with: &str) -> Answer {
    let (context, key) = (&shop.context, key(with));
    let retried = retry_dead_letter(context, tenant(), id, Some(&key), &ann()).await;
    let retried = retried.map_err(Problem::from)?;
    Ok(retried.map(|dead_letter| assert!(dead_letter.resolved.is_some())))
}

async fn resolve(shop: &Shop, id: DeadLetterId, with: &str, verdict: Verdict) -> Answer {
    let (context, key, reason) = (&shop.context, key(with), reason());
    let (tenant, key) = (tenant(), Some(&key));
    let resolved = resolve_dead_letter(context, tenant, id, key, verdict, &ann(), &reason).await;
    let resolved = resolved.map_err(Problem::from)?;
    Ok(resolved.map(|dead_letter| assert!(dead_letter.resolved.is_some())))
}

async fn cancel(shop: &Shop, order_id: OrderId, with: &str, reason: Option<&Reason>) -> Answer {
    let key = key(with);
    let (context, key) = (&shop.context, Some(&key));
    let cancelled = cancel_order(context, tenant(), order_id, key, reason, "api").await;
    let cancelled = cancelled.map_err(Problem::from)?;
    Ok(cancelled.map(|_: Cancellation| ()))
}

/// Checks that all requests succeeded and exactly one of them was the first.
fn assert_done_once(answers: &[Answer]) {
    let count = |once| {
        let same = |answer: &&Answer| matches!(answer, Ok(it) if *it == once);
        answers.iter().filter(same).count()
    };
    let counts = (count(Once::Now(())), count(Once::Before(())));
    assert_eq!(counts, (1, answers.len() - 1), "{answers:?}");
}

/// The answers to one request that is sent many times concurrently.
async fn all_at_once<F>(request: impl Fn() -> F) -> Vec<Answer>
where
    F: Future<Output = Answer> + Send + 'static,
{
    let barrier = Arc::new(Barrier::new(TWINS));
    let mut twins = JoinSet::new();
    for _ in 0..TWINS {
        let (barrier, request) = (barrier.clone(), request());
        twins.spawn(async move {
            barrier.wait().await;
            request.await
        });
    }
    twins.join_all().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_retried_once_per_key_and_a_repeat_gets_the_same_answer() {
    let shop = open(Confirm::PaysSilently).await;
    let id = given_up(&shop, "k").await;
    let answers = all_at_once(|| {
        let shop = shop.clone();
        async move { retry(&shop, id, "a").await }
    });
    assert_done_once(&answers.await);
    let actions = "SELECT count(*) FROM orders.events WHERE actor LIKE 'operator:%'";
    assert_eq!(shop.text(actions).await, "1");

    // Even when its order was settled long ago.
    assert_eq!(sweep_orders(&shop.context).await.unwrap().paid, 1);
    assert_eq!(retry(&shop, id, "a").await.unwrap(), Once::Before(()));
    let other = retry(&shop, id, "b").await;
    assert_eq!(code(other), "orders.dead_letter_resolved");
    assert_eq!(
        sweep_orders(&shop.context).await.unwrap(),
        SweepSummary::default()
    );
    // The refused request has not claimed its key.
    let keys = "SELECT string_agg(idempotency_key, ' ') FROM orders.idempotency_keys";
    assert_eq!(shop.text(keys).await, "a");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_resolved_once_per_key_and_a_repeat_gets_the_same_answer() {
    let shop = open(Confirm::IsLost).await;
    let id = given_up(&shop, "k").await;
    let answers = all_at_once(|| {
        let shop = shop.clone();
        async move { resolve(&shop, id, "a", Verdict::Failed).await }
    });
    assert_done_once(&answers.await);
    let actions = "SELECT count(*) FROM orders.events WHERE actor LIKE 'operator:%'";
    assert_eq!(shop.text(actions).await, "1");
    let again = resolve(&shop, id, "a", Verdict::Failed).await;
    assert_eq!(again.unwrap(), Once::Before(()));
    let other = resolve(&shop, id, "b", Verdict::Failed).await;
    assert_eq!(code(other), "orders.dead_letter_resolved");
}

#[tokio::test]
async fn an_unproven_verdict_leaves_its_key_unclaimed() {
    let shop = open(Confirm::IsLost).await;
    let id = given_up(&shop, "k").await;
    let refused = resolve(&shop, id, "a", Verdict::Paid).await;
    assert_eq!(code(refused), "orders.not_proven_paid");
    let failed = resolve(&shop, id, "a", Verdict::Failed).await;
    assert_eq!(failed.unwrap(), Once::Now(()));
}

#[tokio::test]
async fn a_key_stands_for_one_request_and_another_one_changes_nothing() {
    let shop = open(Confirm::IsLost).await;
    let first = given_up(&shop, "1").await;
    assert_eq!(retry(&shop, first, "a").await.unwrap(), Once::Now(()));
    assert_eq!(sweep_orders(&shop.context).await.unwrap().failed, 1);
    let second = given_up(&shop, "2").await;
    let state = "SELECT concat_ws(' ', (SELECT string_agg(status, ' ' ORDER BY id) FROM orders.orders),
                     (SELECT count(*) FROM orders.events), (SELECT count(*) FROM payments.gateway_calls))";
    let before = (shop.text(state).await, shop.dead_letters().await);
    for reused in [
        retry(&shop, second, "a").await,
        resolve(&shop, second, "a", Verdict::Failed).await,
        resolve(&shop, first, "a", Verdict::Failed).await,
        cancel(&shop, OrderId::generate(), "a", None).await,
    ] {
        assert_eq!(code(reused), "orders.idempotency_key_reused");
    }
    // Nor was the gateway asked to cancel a payment.
    assert_eq!((shop.text(state).await, shop.dead_letters().await), before);

    // Each tenant has its own keys.
    let theirs = key("a");
    let context = &shop.context;
    let stranger = retry_dead_letter(context, other_tenant(), first, Some(&theirs), &ann()).await;
    assert!(
        matches!(stranger, Err(DeadLetterError::NotFound)),
        "{stranger:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_cancelled_once_per_key_and_a_repeat_gets_the_same_answer() {
    let shop = open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    let answers = all_at_once(|| {
        let shop = shop.clone();
        async move { cancel(&shop, order_id, "a", None).await }
    });
    assert_done_once(&answers.await);
    assert_eq!((shop.gateway.charges(), shop.gateway.net_minor()), (1, 0));
    // With another key it changes nothing more, and is not a replay.
    assert_eq!(
        cancel(&shop, order_id, "b", None).await.unwrap(),
        Once::Now(())
    );
    let reused = cancel(&shop, order_id, "a", Some(&reason())).await;
    assert_eq!(code(reused), "orders.idempotency_key_reused");
    assert_eq!(shop.refunds().await, "refunded 300");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finding_is_resolved_once_per_key_and_a_repeat_gets_the_same_answer() {
    let shop = open(Confirm::Pays).await;
    shop.execute(&format!(
        "INSERT INTO orders.findings (tenant_id, id, kind, gateway, subject, charge_reference, detail, action)
         VALUES ('{}', gen_random_uuid(), 'charge_without_order', 'stripe', 'ch_1', 'ch_1', 'x', 'none')",
        tenant().as_uuid()
    ))
    .await;
    let filter = FindingFilter {
        state: FindingState::Open,
        kind: None,
    };
    let page = list_findings(&shop.context, tenant(), filter, None, PageSize::DEFAULT).await;
    let id = page.unwrap().items[0].id;
    let resolve = async |shop: Arc<Shop>, id: FindingId, with: &str| {
        let (context, key) = (&shop.context, key(with));
        let resolved = resolve_finding(context, tenant(), id, Some(&key), &ann(), &reason()).await;
        let resolved = resolved.map_err(Problem::from)?;
        Ok(resolved.map(|finding| assert!(finding.resolved.is_some())))
    };
    let answers = all_at_once(|| resolve(shop.clone(), id, "a"));
    assert_done_once(&answers.await);
    let other = resolve(shop.clone(), id, "b").await;
    assert_eq!(code(other), "orders.finding_resolved");
}
