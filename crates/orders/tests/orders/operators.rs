//! Operators' work on dead letters.

use std::collections::HashSet;
use std::sync::Arc;

use oms_orders::{
    DeadLetter, DeadLetterError, DeadLetterFilter, OrderError, OrderSettings, OrderStatus, Reason,
    Resolution, Verdict, get_dead_letter, list_dead_letters, resolve_dead_letter,
    retry_dead_letter, sweep_orders,
};
use oms_payments::{GatewayFault, PaymentStatus, Reference};
use oms_testing::gateway::Confirm;
use oms_validation::{Once, OperatorName, PageSize};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::shop::{Opening, Shop, other_tenant, settings, tenant};

/// A shop whose sweeper gives up after one try.
async fn shop(confirm: Confirm) -> Arc<Shop> {
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

/// The only dead letter of a shop: the gateway was silent for the sweeper, and answers again.
async fn given_up(shop: &Shop) -> DeadLetter {
    shop.gateway.fail_lookups(Some(GatewayFault::TimedOut));
    assert_eq!(sweep_orders(&shop.context).await.unwrap().dead_lettered, 1);
    shop.gateway.fail_lookups(None);
    open(shop).await.pop().unwrap()
}

async fn open(shop: &Shop) -> Vec<DeadLetter> {
    let filter = DeadLetterFilter::Open;
    let page = list_dead_letters(&shop.context, tenant(), filter, None, PageSize::DEFAULT).await;
    page.unwrap().items
}

fn ann() -> OperatorName {
    OperatorName::parse("ann").unwrap()
}

fn reason() -> Reason {
    Reason::parse("seen in the dashboard").unwrap()
}

async fn resolve(
    shop: &Shop,
    dead_letter: &DeadLetter,
    verdict: Verdict,
) -> Result<DeadLetter, DeadLetterError> {
    let (id, reason) = (dead_letter.id, reason());
    let resolved =
        resolve_dead_letter(&shop.context, tenant(), id, None, verdict, &ann(), &reason).await;
    resolved.map(Once::into_inner)
}

fn reference(dead_letter: &DeadLetter) -> Reference {
    Reference::parse(&format!("pi_{}", dead_letter.order_id.as_uuid().simple())).unwrap()
}

#[tokio::test]
async fn a_dead_letter_shows_the_whole_history_of_its_order() {
    let shop = shop(Confirm::PaysSilently).await;
    let order_id = shop.pending("k").await;
    let dead_letter = given_up(&shop).await;
    let details = get_dead_letter(&shop.context, tenant(), dead_letter.id).await;
    let details = details.unwrap();
    assert_eq!(details.dead_letter, dead_letter);
    assert_eq!(details.order.id, order_id);
    let notes: Vec<_> = details
        .timeline
        .iter()
        .map(|event| (event.sequence, event.from, event.to, event.actor.as_str()))
        .collect();
    let pending = OrderStatus::PendingPayment;
    assert_eq!(
        notes,
        [
            (1, None, pending, "api"),
            (2, Some(pending), pending, "sweeper")
        ]
    );
    assert_eq!(details.attempts.len(), 1);
    assert_eq!(details.attempts[0].order_id, order_id);
}

#[tokio::test]
async fn a_retried_order_belongs_to_the_sweeper_again() {
    let shop = shop(Confirm::PaysSilently).await;
    shop.pending("k").await;
    let dead_letter = given_up(&shop).await;
    let retried = retry_dead_letter(&shop.context, tenant(), dead_letter.id, None, &ann()).await;
    let resolved = retried.unwrap().into_inner().resolved.unwrap();
    assert_eq!(
        (resolved.resolution, resolved.by.as_str()),
        (Resolution::Retried, "operator:ann")
    );
    assert_eq!(
        shop.text("SELECT tries FROM orders.reconciliations WHERE due_at <= now()")
            .await,
        "0"
    );

    assert_eq!(sweep_orders(&shop.context).await.unwrap().paid, 1);
    assert_eq!(
        shop.state().await,
        "PAID 3 1:PENDING_PAYMENT/api,2:PENDING_PAYMENT/sweeper,3:PENDING_PAYMENT/operator:ann,4:PAID/sweeper paid 0"
    );
    assert_eq!(
        shop.dead_letters().await,
        "1 retried operator:ann + 1 alerts"
    );
}

#[tokio::test]
async fn an_order_that_is_given_up_twice_has_two_dead_letters_and_two_alerts() {
    let shop = shop(Confirm::PaysSilently).await;
    shop.pending("k").await;
    let first = given_up(&shop).await;
    retry_dead_letter(&shop.context, tenant(), first.id, None, &ann())
        .await
        .unwrap();
    let second = given_up(&shop).await;
    assert_ne!(first.id, second.id);
    assert_eq!(
        shop.dead_letters().await,
        "1 retried operator:ann, 1 open + 2 alerts"
    );
}

#[tokio::test]
async fn a_payment_of_another_amount_can_be_resolved_as_paid_but_not_as_failed() {
    let shop = shop(Confirm::Overcharges).await;
    shop.pending("k").await;
    assert_eq!(sweep_orders(&shop.context).await.unwrap().dead_lettered, 1);
    let dead_letter = open(&shop).await.pop().unwrap();

    let refused = resolve(&shop, &dead_letter, Verdict::Failed).await;
    assert!(
        matches!(refused, Err(DeadLetterError::PaymentWasTaken)),
        "{refused:?}"
    );
    assert_eq!(shop.dead_letters().await, "1 open + 1 alerts");

    let resolved = resolve(&shop, &dead_letter, Verdict::Paid).await.unwrap();
    assert_eq!(resolved.order_status, OrderStatus::Paid);
    let resolved = resolved.resolved.unwrap();
    assert_eq!(resolved.note.as_deref(), Some("seen in the dashboard"));
    assert_eq!(
        shop.state().await,
        "PAID 3 1:PENDING_PAYMENT/api,2:PENDING_PAYMENT/sweeper,3:PAID/operator:ann paid 0"
    );
    assert_eq!(shop.dead_letters().await, "1 paid operator:ann + 1 alerts");
    let last = "SELECT reason FROM orders.events ORDER BY sequence DESC LIMIT 1";
    assert_eq!(shop.text(last).await, "seen in the dashboard");
}

#[tokio::test]
async fn resolving_an_unproven_payment_as_paid_fails_and_cancels_nothing() {
    let shop = shop(Confirm::IsLost).await;
    shop.pending("k").await;
    let dead_letter = given_up(&shop).await;
    let refused = resolve(&shop, &dead_letter, Verdict::Paid).await;
    assert!(
        matches!(refused, Err(DeadLetterError::NotProvenPaid)),
        "{refused:?}"
    );
    let status = shop.gateway.status(&reference(&dead_letter));
    assert_eq!(status, PaymentStatus::NotConfirmed);
    assert_eq!(shop.dead_letters().await, "1 open + 1 alerts");

    let resolved = resolve(&shop, &dead_letter, Verdict::Failed).await.unwrap();
    assert_eq!(resolved.order_status, OrderStatus::Failed);
    let status = shop.gateway.status(&reference(&dead_letter));
    assert_eq!(status, PaymentStatus::Cancelled);
    assert_eq!(
        shop.state().await,
        "FAILED 0 1:PENDING_PAYMENT/api,2:PENDING_PAYMENT/sweeper,3:FAILED/operator:ann voided 0"
    );
    assert_eq!(
        shop.dead_letters().await,
        "1 failed operator:ann + 1 alerts"
    );
}

#[tokio::test]
async fn a_correctly_paid_order_cannot_be_resolved_as_failed() {
    let shop = shop(Confirm::PaysSilently).await;
    shop.pending("k").await;
    let dead_letter = given_up(&shop).await;
    let refused = resolve(&shop, &dead_letter, Verdict::Failed).await;
    assert!(
        matches!(refused, Err(DeadLetterError::PaymentWasTaken)),
        "{refused:?}"
    );
    assert_eq!(shop.dead_letters().await, "1 open + 1 alerts");
}

#[tokio::test]
async fn a_payment_that_the_bank_has_not_decided_proves_nothing() {
    let shop = shop(Confirm::IsProcessed).await;
    shop.pending("k").await;
    let dead_letter = given_up(&shop).await;
    let refused = resolve(&shop, &dead_letter, Verdict::Failed).await;
    assert!(
        matches!(refused, Err(DeadLetterError::NotProvenFailed)),
        "{refused:?}"
    );
    let refused = resolve(&shop, &dead_letter, Verdict::Paid).await;
    assert!(
        matches!(refused, Err(DeadLetterError::NotProvenPaid)),
        "{refused:?}"
    );
    assert_eq!(shop.dead_letters().await, "1 open + 1 alerts");
}

#[tokio::test]
async fn a_gateway_that_does_not_answer_decides_nothing() {
    let shop = shop(Confirm::PaysSilently).await;
    shop.pending("k").await;
    let dead_letter = given_up(&shop).await;
    shop.gateway.fail_lookups(Some(GatewayFault::TimedOut));
    for verdict in [Verdict::Paid, Verdict::Failed] {
        let refused = resolve(&shop, &dead_letter, verdict).await;
        assert!(
            matches!(refused, Err(DeadLetterError::Order(OrderError::Payment(_)))),
            "{refused:?}"
        );
    }
    assert_eq!(
        shop.state().await,
        "PENDING_PAYMENT 3 1:PENDING_PAYMENT/api,2:PENDING_PAYMENT/sweeper unknown 0"
    );
}

#[tokio::test]
async fn an_order_that_does_not_wait_for_its_payment_can_only_be_retried() {
    let shop = shop(Confirm::PaysSilently).await;
    shop.pending("k").await;
    let dead_letter = given_up(&shop).await;
    shop.execute("UPDATE orders.orders SET status = 'CANCELLING'")
        .await;
    for verdict in [Verdict::Paid, Verdict::Failed] {
        let refused = resolve(&shop, &dead_letter, verdict).await;
        assert!(
            matches!(
                refused,
                Err(DeadLetterError::NotResolvable(OrderStatus::Cancelling))
            ),
            "{refused:?}"
        );
    }
    retry_dead_letter(&shop.context, tenant(), dead_letter.id, None, &ann())
        .await
        .unwrap();
    let note = "SELECT from_status || ' ' || to_status FROM orders.events WHERE sequence = 3";
    assert_eq!(shop.text(note).await, "CANCELLING CANCELLING");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_of_many_concurrent_operators_decides() {
    const OPERATORS: usize = 8;
    let shop = shop(Confirm::IsLost).await;
    shop.pending("k").await;
    let dead_letter = given_up(&shop).await;
    let barrier = Arc::new(Barrier::new(OPERATORS));
    let mut operators = JoinSet::new();
    for number in 0..OPERATORS {
        let (shop, barrier, id) = (shop.clone(), barrier.clone(), dead_letter.id);
        operators.spawn(async move {
            let name = OperatorName::parse(&format!("o{number}")).unwrap();
            let context = &shop.context;
            barrier.wait().await;
            match number % 2 {
                0 => retry_dead_letter(context, tenant(), id, None, &name).await,
                _ => {
                    let (failed, reason) = (Verdict::Failed, reason());
                    resolve_dead_letter(context, tenant(), id, None, failed, &name, &reason).await
                }
            }
        });
    }
    let mut winners = Vec::new();
    for answer in operators.join_all().await {
        match answer {
            Ok(dead_letter) => winners.push(dead_letter.into_inner().resolved.unwrap()),
            Err(error) => assert!(matches!(error, DeadLetterError::Resolved), "{error:?}"),
        }
    }
    let [winner] = winners.as_slice() else {
        panic!("{winners:?}")
    };
    let expected = format!("1 {} {} + 1 alerts", winner.resolution.as_str(), winner.by);
    assert_eq!(shop.dead_letters().await, expected);
    let actions = "SELECT count(*) FROM orders.events WHERE actor LIKE 'operator:%'";
    assert_eq!(shop.text(actions).await, "1");
}

#[tokio::test]
async fn another_tenants_dead_letter_is_not_found() {
    let shop = shop(Confirm::IsLost).await;
    shop.pending("k").await;
    let id = given_up(&shop).await.id;
    let (context, stranger) = (&shop.context, other_tenant());
    let shown = get_dead_letter(context, stranger, id).await.map(|_| ());
    let retried = retry_dead_letter(context, stranger, id, None, &ann())
        .await
        .map(|_| ());
    let verdict = Verdict::Failed;
    let resolved =
        resolve_dead_letter(context, stranger, id, None, verdict, &ann(), &reason()).await;
    for answer in [shown, retried, resolved.map(|_| ())] {
        assert!(
            matches!(answer, Err(DeadLetterError::NotFound)),
            "{answer:?}"
        );
    }
    let filter = DeadLetterFilter::All;
    let listed = list_dead_letters(context, stranger, filter, None, PageSize::DEFAULT).await;
    assert!(listed.unwrap().items.is_empty());
    assert_eq!(shop.dead_letters().await, "1 open + 1 alerts");
}

#[tokio::test]
async fn pages_contain_every_dead_letter_once_newest_first_despite_changes_between_them() {
    let shop = Shop::open_as(Opening {
        confirm: Confirm::Overcharges,
        pieces: 100,
        ..Opening::default()
    })
    .await;
    for number in 0..7 {
        shop.pending(&format!("k{number}")).await;
    }
    assert_eq!(sweep_orders(&shop.context).await.unwrap().dead_lettered, 7);
    // Some with the same time, which are ordered by ID.
    shop.execute(
        "UPDATE orders.dead_letters SET created_at = date_trunc('day', created_at)
                  WHERE id IN (SELECT id FROM orders.dead_letters ORDER BY id LIMIT 3)",
    )
    .await;

    let (size, filter) = (PageSize::new(2).unwrap(), DeadLetterFilter::All);
    let (mut seen, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = list_dead_letters(&shop.context, tenant(), filter, after, size);
        let page = page.await.unwrap();
        pages += 1;
        seen.extend(page.items.iter().map(|item| (item.created_at, item.id)));
        if pages == 1 {
            // One of the second page is resolved, and a new one appears in front.
            let next = list_dead_letters(&shop.context, tenant(), filter, page.next, size);
            let id = next.await.unwrap().items[0].id;
            retry_dead_letter(&shop.context, tenant(), id, None, &ann())
                .await
                .unwrap();
            sweep_orders(&shop.context).await.unwrap();
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((pages, seen.len()), (4, 7));
    assert!(seen.is_sorted_by(|left, right| left > right), "{seen:?}");
    let distinct: HashSet<_> = seen.iter().map(|(_, id)| *id).collect();
    assert_eq!(distinct.len(), 7);

    let count = async |filter| {
        let size = PageSize::new(100).unwrap();
        let page = list_dead_letters(&shop.context, tenant(), filter, None, size).await;
        page.unwrap().items.len()
    };
    assert_eq!(count(DeadLetterFilter::Open).await, 7);
    assert_eq!(count(DeadLetterFilter::Resolved).await, 1);
    assert_eq!(count(DeadLetterFilter::All).await, 8);
}
