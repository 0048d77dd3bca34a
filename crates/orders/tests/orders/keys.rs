//! What is done to orders once for each idempotency key.

use std::sync::Arc;

use oms_orders::{
    Cancellation, DeadLetterFilter, DeadLetterId, FindingFilter, FindingId, FindingState,
    OrderError, OrderSettings, Reason, SweepSummary, Verdict, cancel_order, list_dead_letters,
    list_findings, resolve_dead_letter, resolve_finding, retry_dead_letter, sweep_orders,
};
use oms_payments::GatewayFault;
use oms_testing::gateway::Confirm;
use oms_validation::{IdempotencyKey, Once, OperatorName, OrderId, PageSize};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::shop::{Opening, Shop, other_tenant, settings, tenant};

/// How many send the same request at the same time.
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

/// The dead letter of a new order: the sweeper met a silent gateway, which answers again by now.
async fn given_up(shop: &Shop, order: &str) -> DeadLetterId {
    shop.pending(order).await;
    shop.gateway.fail_lookups(Some(GatewayFault::TimedOut));
    assert_eq!(sweep_orders(&shop.context).await.unwrap().dead_lettered, 1);
    shop.gateway.fail_lookups(None);
    let filter = DeadLetterFilter::Open;
    let page = list_dead_letters(&shop.context, tenant(), filter, None, PageSize::DEFAULT).await;
    page.unwrap().items[0].id
}

async fn retry(shop: &Shop, id: DeadLetterId, with: &str) -> Result<Once<()>, OrderError> {
    let (context, key) = (&shop.context, key(with));
    let retried = retry_dead_letter(context, tenant(), id, Some(&key), &ann()).await;
    retried.map(|once| once.map(|dead_letter| assert!(dead_letter.resolved.is_some())))
}

async fn resolve(
    shop: &Shop,
    id: DeadLetterId,
    with: &str,
    verdict: Verdict,
) -> Result<Once<()>, OrderError> {
    let (context, key, reason) = (&shop.context, key(with), reason());
    let (tenant, key) = (tenant(), Some(&key));
    let resolved = resolve_dead_letter(context, tenant, id, key, verdict, &ann(), &reason).await;
    resolved.map(|once| once.map(|dead_letter| assert!(dead_letter.resolved.is_some())))
}

async fn cancel(
    shop: &Shop,
    order_id: OrderId,
    with: &str,
    reason: Option<&Reason>,
) -> Result<Once<()>, OrderError> {
    let key = key(with);
    let (context, key) = (&shop.context, Some(&key));
    let cancelled = cancel_order(context, tenant(), order_id, key, reason, "api").await;
    cancelled.map(|once| once.map(|_: Cancellation| ()))
}

/// Whether all of them were answered, one of them as the first.
fn assert_done_once(answers: &[Result<Once<()>, OrderError>]) {
    let count = |once| {
        let same = |answer: &&Result<Once<()>, OrderError>| matches!(answer, Ok(it) if *it == once);
        answers.iter().filter(same).count()
    };
    let counts = (count(Once::Now(())), count(Once::Before(())));
    assert_eq!(counts, (1, answers.len() - 1), "{answers:?}");
}

/// The answers to one request that is sent by many at once.
async fn all_at_once<F>(request: impl Fn() -> F) -> Vec<Result<Once<()>, OrderError>>
where
    F: Future<Output = Result<Once<()>, OrderError>> + Send + 'static,
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
async fn a_dead_letter_is_retried_once_for_a_key_and_a_repeat_is_answered_alike() {
    let shop = open(Confirm::PaysSilently).await;
    let id = given_up(&shop, "k").await;
    let answers = all_at_once(|| {
        let shop = shop.clone();
        async move { retry(&shop, id, "a").await }
    });
    assert_done_once(&answers.await);
    let actions = "SELECT count(*) FROM orders.events WHERE actor LIKE 'operator:%'";
    assert_eq!(shop.text(actions).await, "1");

    // Also when its order has long ended.
    assert_eq!(sweep_orders(&shop.context).await.unwrap().paid, 1);
    assert_eq!(retry(&shop, id, "a").await.unwrap(), Once::Before(()));
    let other = retry(&shop, id, "b").await;
    assert!(
        matches!(other, Err(OrderError::DeadLetterResolved)),
        "{other:?}"
    );
    assert_eq!(
        sweep_orders(&shop.context).await.unwrap(),
        SweepSummary::default()
    );
    // What was refused has not claimed its key.
    let keys = "SELECT string_agg(idempotency_key, ' ') FROM orders.idempotency_keys";
    assert_eq!(shop.text(keys).await, "a");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_resolved_once_for_a_key_and_a_repeat_is_answered_alike() {
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
    assert!(
        matches!(other, Err(OrderError::DeadLetterResolved)),
        "{other:?}"
    );
}

#[tokio::test]
async fn a_verdict_that_is_not_proven_leaves_its_key_free() {
    let shop = open(Confirm::IsLost).await;
    let id = given_up(&shop, "k").await;
    let refused = resolve(&shop, id, "a", Verdict::Paid).await;
    assert!(
        matches!(refused, Err(OrderError::NotProvenPaid)),
        "{refused:?}"
    );
    let failed = resolve(&shop, id, "a", Verdict::Failed).await;
    assert_eq!(failed.unwrap(), Once::Now(()));
}

#[tokio::test]
async fn a_key_stands_for_one_request_and_nothing_is_done_for_another() {
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
        assert!(matches!(reused, Err(OrderError::KeyReused)), "{reused:?}");
    }
    // The gateway was not asked to give up a payment either.
    assert_eq!((shop.text(state).await, shop.dead_letters().await), before);

    // Another store's keys are its own.
    let theirs = key("a");
    let context = &shop.context;
    let stranger = retry_dead_letter(context, other_tenant(), first, Some(&theirs), &ann()).await;
    assert!(
        matches!(stranger, Err(OrderError::DeadLetterNotFound)),
        "{stranger:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_cancelled_once_for_a_key_and_a_repeat_is_answered_alike() {
    let shop = open(Confirm::Pays).await;
    let order_id = shop.paid("k").await;
    let answers = all_at_once(|| {
        let shop = shop.clone();
        async move { cancel(&shop, order_id, "a", None).await }
    });
    assert_done_once(&answers.await);
    assert_eq!((shop.gateway.charges(), shop.gateway.net_minor()), (1, 0));
    // With another key it changes nothing more, and is no replay.
    assert_eq!(
        cancel(&shop, order_id, "b", None).await.unwrap(),
        Once::Now(())
    );
    let reused = cancel(&shop, order_id, "a", Some(&reason())).await;
    assert!(matches!(reused, Err(OrderError::KeyReused)), "{reused:?}");
    assert_eq!(shop.refunds().await, "refunded 300");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finding_is_resolved_once_for_a_key_and_a_repeat_is_answered_alike() {
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
        let resolved =
            resolve_finding(context, tenant(), id, Some(&key), &ann(), &reason()).await?;
        Ok(resolved.map(|finding| assert!(finding.resolved.is_some())))
    };
    let answers = all_at_once(|| resolve(shop.clone(), id, "a"));
    assert_done_once(&answers.await);
    let other = resolve(shop.clone(), id, "b").await;
    assert!(
        matches!(other, Err(OrderError::FindingResolved)),
        "{other:?}"
    );
}
