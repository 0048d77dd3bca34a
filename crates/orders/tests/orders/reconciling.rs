//! Comparing the gateway's charges with our orders.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join;
use oms_orders::{
    ChargeCheck, Finding, FindingFilter, FindingKind, FindingState, Going, OrderError, PlacedOrder,
    Reason, ReconcileObserver, ReconcileSchedule, ReconcileSummary, ReconcileTurn, ReconcileWindow,
    ReconcilingError, check_charge, list_findings, measure_reconciliation, reconcile_charges,
    reconcile_next, resolve_finding, settle_due_findings, sweep_orders,
};
use oms_payments::{
    Capture, ChargeId, ChargeStatus, GatewayFault, ListedCharge, Operation, PaymentStatus,
    Reference,
};
use oms_testing::clock::TestClock;
use oms_testing::gateway::Confirm;
use oms_validation::{Currency, Money, OperatorName, OrderId, PageSize, TenantId};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::shop::{Opening, Shop, other_tenant, tenant};

pub struct Nobody;

impl ReconcileObserver for Nobody {
    fn progressed(&self, _: &ReconcileSummary) -> Going {
        Going::On
    }
}

struct Impatient;

impl ReconcileObserver for Impatient {
    fn progressed(&self, _: &ReconcileSummary) -> Going {
        Going::Stop
    }
}

/// An hour that contains all charges and orders of a test.
fn window() -> ReconcileWindow {
    let now: DateTime<Utc> = SystemTime::now().into();
    let (hour, second) = (TimeDelta::hours(1), TimeDelta::seconds(1));
    ReconcileWindow::new(now - hour, now + second, now).unwrap()
}

pub async fn compare(shop: &Shop) -> ReconcileSummary {
    let compared = reconcile_charges(&shop.context, tenant(), &window(), &Nobody).await;
    compared.unwrap()
}

pub fn kinds(summary: &ReconcileSummary) -> Vec<&'static str> {
    let kinds = summary.found.iter().map(|(_, kind)| kind.as_str());
    kinds.collect()
}

pub async fn findings(shop: &Shop) -> Vec<Finding> {
    let filter = FindingFilter {
        state: FindingState::All,
        kind: None,
    };
    let page = list_findings(&shop.context, tenant(), filter, None, PageSize::DEFAULT).await;
    page.unwrap().items
}

pub fn usd(amount_minor: i64) -> Money {
    Money {
        amount_minor,
        currency: Currency::parse("USD").unwrap(),
    }
}

/// A charge that belongs to no payment of ours.
pub fn foreign(shop: &Shop, tenant: Option<TenantId>, order_id: Option<OrderId>) -> ListedCharge {
    let first = shop.gateway.first_charge_at();
    shop.gateway.with_charges(|charges| {
        let number = charges.len();
        let charge = ListedCharge {
            disputed: false,
            id: ChargeId::parse(&format!("ch_foreign_{number}")).unwrap(),
            reference: Some(Reference::parse(&format!("pi_foreign_{number}")).unwrap()),
            amount: usd(700),
            captured: usd(700),
            refunded: usd(0),
            status: ChargeStatus::Succeeded,
            capture: Capture::Captured,
            created_at: first + TimeDelta::seconds(i64::try_from(number).unwrap()),
            order_id,
            tenant_id: tenant,
            installation_id: None,
        };
        charges.push(charge.clone());
        charge
    })
}

/// A charge of the payment of a pending order that failed afterwards, as if a bank is late.
pub async fn late_charge(shop: &Shop, key: &str) -> OrderId {
    let order_id = shop.pending(key).await;
    assert_eq!(sweep_orders(&shop.context).await.unwrap().failed, 1);
    let reference = Reference::parse(&format!("pi_{}", order_id.as_uuid().simple())).unwrap();
    let mut charge = foreign(shop, Some(tenant()), Some(order_id));
    charge.reference = Some(reference);
    shop.gateway.with_charges(|charges| {
        let last = charges.last_mut().unwrap();
        last.reference = charge.reference.clone();
    });
    order_id
}

pub async fn paid_order(shop: &Shop, key: &str) -> OrderId {
    match shop.order(key).await {
        Ok(PlacedOrder::Paid(order)) => order.id,
        other => panic!("not paid: {other:?}"),
    }
}

/// `findings alerts` of the whole database.
async fn written(shop: &Shop) -> String {
    let sql = "SELECT (SELECT count(*) FROM orders.findings) || ' ' ||
                   (SELECT count(*) FROM events.records WHERE type = 'finding.opened')";
    shop.text(sql).await
}

pub fn left(shop: &Shop) -> i64 {
    shop.gateway.with_charges(|charges| {
        let left = |it: &ListedCharge| it.captured.amount_minor - it.refunded.amount_minor;
        charges.iter().map(left).sum()
    })
}

#[tokio::test]
async fn books_that_agree_have_no_findings_and_cost_no_lookups() {
    let shop = Shop::open(Confirm::Pays).await;
    for key in ["a", "b", "c"] {
        paid_order(&shop, key).await;
    }
    shop.gateway.fail_lookups(Some(GatewayFault::TimedOut));
    let summary = compare(&shop).await;
    let expected = ReconcileSummary {
        charges: 3,
        finished: true,
        ..ReconcileSummary::default()
    };
    assert_eq!(summary, expected);
    assert_eq!(written(&shop).await, "0 0");
}

#[tokio::test]
async fn a_charge_that_arrives_after_the_fence_is_refunded_once_with_one_alert() {
    let shop = Shop::open(Confirm::IsLost).await;
    let order_id = late_charge(&shop, "k").await;
    let summary = compare(&shop).await;
    assert_eq!(kinds(&summary), ["charge_on_ended_order"]);
    assert_eq!((summary.settled.len(), summary.open), (1, 0));
    assert_eq!(left(&shop), 0);
    assert_eq!(
        shop.state().await,
        "FAILED 0 1:PENDING_PAYMENT/api,2:FAILED/sweeper,3:FAILED/reconciler,4:FAILED/reconciler voided 0"
    );
    let found = findings(&shop).await.pop().unwrap();
    assert_eq!(found.order_id, Some(order_id));
    assert_eq!(
        (found.expected, found.found),
        (Some(usd(0)), Some(usd(700)))
    );
    assert_eq!(found.resolved.unwrap().by, "reconciler");

    let again = compare(&shop).await;
    assert_eq!(
        (again.found.len(), again.known.len(), again.open),
        (0, 0, 0)
    );
    assert_eq!(written(&shop).await, "1 1");
    assert_eq!(shop.gateway.calls_of(Operation::RefundCharge), 1);
}

#[tokio::test]
async fn an_authorisation_for_a_failed_order_is_cancelled() {
    let shop = Shop::open(Confirm::IsLost).await;
    late_charge(&shop, "k").await;
    shop.gateway.with_charges(|charges| {
        charges[0].capture = Capture::Uncaptured;
        charges[0].captured = usd(0);
    });
    let summary = compare(&shop).await;
    assert_eq!(kinds(&summary), ["authorisation_on_ended_order"]);
    assert_eq!((summary.settled.len(), summary.open), (1, 0));
    assert_eq!(compare(&shop).await.found, []);
    assert_eq!(shop.gateway.calls_of(Operation::RefundCharge), 0);
}

#[tokio::test]
async fn a_charge_without_an_attempt_is_reported_but_not_refunded_whatever_it_names() {
    let shop = Shop::open(Confirm::Pays).await;
    let order_id = paid_order(&shop, "k").await;
    foreign(&shop, None, None);
    foreign(&shop, None, Some(order_id));
    foreign(&shop, Some(tenant()), None);
    foreign(&shop, Some(other_tenant()), Some(OrderId::generate()));
    foreign(&shop, Some(tenant()), Some(OrderId::generate()));
    foreign(&shop, Some(tenant()), Some(order_id));
    let summary = compare(&shop).await;
    assert_eq!(kinds(&summary), ["charge_without_order"; 6]);
    assert_eq!(
        (summary.charges, summary.settled.len(), summary.open),
        (7, 0, 6)
    );
    let again = compare(&shop).await;
    assert_eq!(
        (again.found.len(), again.known.len(), again.open),
        (0, 6, 6)
    );
    assert_eq!(written(&shop).await, "6 6");
    assert_eq!(left(&shop), 300 + 6 * 700);
}

#[tokio::test]
async fn a_charge_without_an_attempt_that_names_a_failed_order_moves_no_money() {
    let shop = Shop::open(Confirm::IsLost).await;
    let order_id = shop.pending("k").await;
    assert_eq!(sweep_orders(&shop.context).await.unwrap().failed, 1);
    foreign(&shop, Some(tenant()), Some(order_id));
    foreign(&shop, Some(tenant()), Some(order_id));
    shop.gateway.with_charges(|charges| {
        charges[1].capture = Capture::Uncaptured;
        charges[1].captured = usd(0);
    });
    let summary = compare(&shop).await;
    let mut found = kinds(&summary);
    found.sort_unstable();
    assert_eq!(
        found,
        ["authorisation_on_ended_order", "charge_on_ended_order"]
    );
    assert_eq!((summary.settled.len(), summary.open), (0, 2));
    assert_eq!(left(&shop), 700);
}

#[tokio::test]
async fn a_due_refund_of_an_older_version_is_not_made_without_an_attempt() {
    let shop = Shop::open(Confirm::Pays).await;
    foreign(&shop, Some(tenant()), Some(OrderId::generate()));
    compare(&shop).await;
    shop.execute("UPDATE orders.findings SET action = 'refund', due_at = now()")
        .await;
    assert_eq!(settle_due_findings(&shop.context).await.unwrap(), []);
    assert_eq!(left(&shop), 700);
    let left_due = "SELECT count(*) FROM orders.findings WHERE due_at IS NOT NULL";
    assert_eq!(shop.text(left_due).await, "0");
}

#[tokio::test]
async fn an_order_in_progress_is_never_a_finding() {
    let shop = Shop::open(Confirm::Overcharges).await;
    shop.pending("k").await;
    let summary = compare(&shop).await;
    assert_eq!((summary.charges, summary.found.len()), (1, 0));
    for status in ["CANCELLING", "REFUNDING"] {
        shop.execute(&format!("UPDATE orders.orders SET status = '{status}'"))
            .await;
        assert_eq!(compare(&shop).await.found, []);
    }
    assert_eq!(written(&shop).await, "0 0");
}

#[tokio::test]
async fn a_paid_order_with_another_amount_or_without_money_needs_an_operator() {
    let shop = Shop::open(Confirm::Pays).await;
    paid_order(&shop, "a").await;
    let unpaid = paid_order(&shop, "b").await;
    let given_back = paid_order(&shop, "c").await;
    let reference = Reference::parse(&format!("pi_{}", unpaid.as_uuid().simple())).unwrap();
    shop.gateway.with_charges(|charges| {
        charges[0].captured = usd(299);
        charges[2].refunded = usd(300);
        charges.remove(1);
    });
    shop.gateway
        .set_status(&reference, PaymentStatus::NotConfirmed);
    let summary = compare(&shop).await;
    let mut found = kinds(&summary);
    found.sort_unstable();
    let expected = [
        "amount_mismatch",
        "paid_without_charge",
        "paid_without_charge",
    ];
    assert_eq!(found, expected);
    assert_eq!(
        (summary.orders, summary.settled.len(), summary.open),
        (1, 0, 3)
    );
    let about: Vec<_> = findings(&shop)
        .await
        .into_iter()
        .map(|it| it.order_id)
        .collect();
    assert!(about.contains(&Some(unpaid)) && about.contains(&Some(given_back)));
    assert_eq!(compare(&shop).await.known.len(), 3);
    assert_eq!(written(&shop).await, "3 3");
}

#[tokio::test]
async fn a_paid_order_whose_charge_was_not_listed_is_looked_up_and_is_fine() {
    let shop = Shop::open(Confirm::Pays).await;
    paid_order(&shop, "k").await;
    shop.gateway.with_charges(Vec::clear);
    let summary = compare(&shop).await;
    assert_eq!((summary.charges, summary.orders, summary.open), (0, 1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_comparisons_record_each_finding_once() {
    const RUNS: usize = 6;
    let shop = Shop::open(Confirm::IsLost).await;
    late_charge(&shop, "k").await;
    foreign(&shop, None, None);
    let barrier = Arc::new(Barrier::new(RUNS));
    let mut runs = JoinSet::new();
    for _ in 0..RUNS {
        let (barrier, context) = (barrier.clone(), shop.context.clone());
        runs.spawn(async move {
            barrier.wait().await;
            let compared = reconcile_charges(&context, tenant(), &window(), &Nobody).await;
            compared.unwrap().found.len()
        });
    }
    let found: usize = runs.join_all().await.into_iter().sum();
    assert_eq!(found, 2);
    assert_eq!(written(&shop).await, "2 2");
    assert_eq!(left(&shop), 700);
    assert_eq!(
        shop.state().await,
        "FAILED 0 1:PENDING_PAYMENT/api,2:FAILED/sweeper,3:FAILED/reconciler,4:FAILED/reconciler voided 0"
    );
}

#[tokio::test]
async fn a_gateway_that_falls_silent_during_a_comparison_loses_nothing() {
    let shop = Shop::open(Confirm::Pays).await;
    for _ in 0..5 {
        foreign(&shop, None, None);
    }
    shop.gateway.fall_silent_after_lists(1);
    let cut_off = reconcile_charges(&shop.context, tenant(), &window(), &Nobody).await;
    assert!(matches!(cut_off, Err(OrderError::Payment(_))));
    assert_eq!(written(&shop).await, "2 2");

    shop.gateway.fail(Operation::ListCharges, None);
    let summary = compare(&shop).await;
    assert_eq!((summary.found.len(), summary.known.len()), (3, 2));
    assert_eq!(written(&shop).await, "5 5");
}

#[tokio::test]
async fn a_refund_that_fails_at_first_is_retried_later() {
    let clock = TestClock::at_noon();
    let shop = Shop::open_as(Opening {
        confirm: Confirm::IsLost,
        clock: Some(clock),
        ..Opening::default()
    })
    .await;
    late_charge(&shop, "k").await;
    shop.gateway
        .fail(Operation::RefundCharge, Some(GatewayFault::TimedOut));
    let summary = compare(&shop).await;
    assert_eq!(
        (summary.found.len(), summary.settled.len(), summary.open),
        (1, 0, 1)
    );
    let waiting = findings(&shop).await.pop().unwrap();
    assert!(waiting.note.unwrap().contains("no answer in time"));
    assert_eq!(settle_due_findings(&shop.context).await.unwrap(), []);

    shop.gateway.fail(Operation::RefundCharge, None);
    shop.pass(Duration::from_secs(3600));
    let settled = settle_due_findings(&shop.context).await.unwrap();
    assert_eq!(settled, [(tenant(), waiting.id)]);
    assert_eq!((left(&shop), written(&shop).await.as_str()), (0, "1 1"));
}

#[tokio::test]
async fn money_that_comes_back_after_a_refund_reopens_the_finding() {
    let shop = Shop::open(Confirm::IsLost).await;
    late_charge(&shop, "k").await;
    compare(&shop).await;
    // The bank could not accept it, so the gateway has it again.
    shop.gateway
        .with_charges(|charges| charges[0].refunded = usd(0));
    shop.gateway
        .fail(Operation::RefundCharge, Some(GatewayFault::TimedOut));
    let summary = compare(&shop).await;
    assert_eq!((summary.found.len(), summary.open), (1, 1));
    // It alerts again.
    assert_eq!(written(&shop).await, "1 2");
}

#[tokio::test]
async fn money_that_was_refunded_while_the_gateway_was_asked_does_not_reopen_the_finding() {
    let shop = Shop::open(Confirm::IsLost).await;
    late_charge(&shop, "k").await;
    shop.gateway.hold(Operation::FindCharge);
    let another = async {
        shop.gateway.arrived(Operation::FindCharge, 1).await;
        // What another instance has found and corrected in the meantime.
        let corrected = format!(
            "INSERT INTO orders.findings
                 (tenant_id, id, kind, gateway, subject, charge_reference, detail, action, resolved_at, resolved_by)
             VALUES ('{}', gen_random_uuid(), 'charge_on_ended_order', 'scripted', 'ch_foreign_0', 'ch_foreign_0', 'late',
                 'refund', now(), 'reconciler')",
            tenant()
        );
        shop.execute(&corrected).await;
        shop.gateway.release(Operation::FindCharge, 1);
    };
    let (summary, ()) = join(compare(&shop), another).await;
    assert_eq!(
        (summary.found.len(), summary.known.len(), summary.open),
        (0, 1, 0)
    );
    assert_eq!(written(&shop).await, "1 0");
    assert_eq!(shop.gateway.calls_of(Operation::RefundCharge), 0);
}

#[tokio::test]
async fn a_finding_that_an_operator_resolved_stays_resolved() {
    let shop = Shop::open(Confirm::Pays).await;
    foreign(&shop, None, None);
    let id = compare(&shop).await.found[0].0;
    let ann = OperatorName::parse("ann").unwrap();
    let reason = Reason::parse("the web shop's").unwrap();
    let resolve = async || resolve_finding(&shop.context, tenant(), id, None, &ann, &reason).await;
    let resolved = resolve().await.unwrap().into_inner();
    assert_eq!(resolved.note.as_deref(), Some("the web shop's"));
    assert_eq!(resolved.resolved.unwrap().by, "operator:ann");
    assert!(matches!(
        resolve().await,
        Err(ReconcilingError::FindingResolved)
    ));
    let theirs = resolve_finding(&shop.context, other_tenant(), id, None, &ann, &reason).await;
    assert!(matches!(theirs, Err(ReconcilingError::FindingNotFound)));
    let summary = compare(&shop).await;
    assert_eq!(
        (summary.found.len(), summary.known.len(), summary.open),
        (0, 1, 0)
    );
}

#[tokio::test]
async fn a_single_charge_is_checked_like_all_others() {
    let shop = Shop::open(Confirm::IsLost).await;
    late_charge(&shop, "k").await;
    let charge = shop.gateway.with_charges(|charges| charges[0].clone());
    let check = async || {
        check_charge(&shop.context, tenant(), &charge)
            .await
            .unwrap()
    };
    let ChargeCheck::Found { kind, settled, .. } = check().await else {
        panic!("not found")
    };
    assert_eq!((kind, settled), (FindingKind::ChargeOnEndedOrder, true));
    // It is judged by its current state, not by the one that was read first.
    assert_eq!(check().await, ChargeCheck::Fine);
    assert_eq!(written(&shop).await, "1 1");
}

fn schedule() -> ReconcileSchedule {
    ReconcileSchedule {
        interval: Duration::from_secs(3600),
        overlap: Duration::from_secs(86_400),
        lease: Duration::from_secs(60),
    }
}

pub async fn turn(
    shop: &Shop,
    observer: &dyn ReconcileObserver,
) -> Result<ReconcileTurn, ReconcilingError> {
    reconcile_next(&shop.context, tenant(), &schedule(), observer).await
}

#[tokio::test]
async fn turns_run_one_at_a_time_and_continue_where_the_last_one_ended() {
    let clock = TestClock::at_noon();
    let shop = Shop::open_as(Opening {
        clock: Some(clock),
        ..Opening::default()
    })
    .await;
    let measure = async || {
        measure_reconciliation(&shop.context, tenant())
            .await
            .unwrap()
    };
    assert_eq!(measure().await.age, None);
    assert!(matches!(
        turn(&shop, &Nobody).await,
        Ok(ReconcileTurn::Done {
            more_due: false,
            ..
        })
    ));
    assert_eq!(turn(&shop, &Nobody).await.unwrap(), ReconcileTurn::NotDue);

    // Three days later it catches up one day per turn.
    shop.pass(Duration::from_secs(3 * 86_400));
    assert_eq!(measure().await.age, Some(Duration::from_secs(3 * 86_400)));
    for expected in [true, true, false] {
        let Ok(ReconcileTurn::Done { more_due, .. }) = turn(&shop, &Nobody).await else {
            panic!("not done")
        };
        assert_eq!(more_due, expected);
    }
    assert_eq!(measure().await.age, Some(Duration::ZERO));

    // The gateway is silent: nothing is skipped, and the next turn is due soon.
    shop.pass(Duration::from_secs(3600));
    shop.gateway.fall_silent_after_lists(0);
    assert!(turn(&shop, &Nobody).await.is_err());
    assert_eq!(measure().await.age, Some(Duration::from_secs(3600)));
    assert_eq!(turn(&shop, &Nobody).await.unwrap(), ReconcileTurn::NotDue);
    shop.gateway.fail(Operation::ListCharges, None);
    shop.pass(Duration::from_secs(60));

    // A stopped turn is due again immediately.
    let Ok(ReconcileTurn::Done { summary, .. }) = turn(&shop, &Impatient).await else {
        panic!("not done")
    };
    assert!(!summary.finished);
    assert_eq!(measure().await.age, Some(Duration::from_secs(3660)));
    let Ok(ReconcileTurn::Done { summary, .. }) = turn(&shop, &Nobody).await else {
        panic!("not done")
    };
    assert!(summary.finished);
}
