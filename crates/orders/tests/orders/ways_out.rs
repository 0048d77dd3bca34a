//! A way out of every state: whatever the gateway rejects permanently, some call of an operator settles the order.

use std::collections::BTreeMap;

use oms_orders::{
    DeadLetter, DeadLetterError, DeadLetterFilter, FindingAction, FindingKind, GatewaySaid,
    OrderError, OrderSettings, OrderStatus, Reason, Resolution, Verdict, create_dead_letter,
    get_dead_letter, get_order, list_dead_letters, resolve_dead_letter, sweep_orders,
};
use oms_payments::{AttemptState, GatewayFault, Operation, RefundState};
use oms_testing::gateway::{Confirm, Refunding};
use oms_validation::{IdempotencyKey, Once, OperatorName, OrderId, PageSize};

use crate::reconciling::{compare, findings};
use crate::shop::{Opening, Shop, other_tenant, settings, tenant};

/// Permanent rejections: of charges and cards, of the account, and with unknown codes.
fn refusals() -> Vec<GatewayFault> {
    let rejected = |status, code: Option<&str>, param: Option<&str>| GatewayFault::Rejected {
        status,
        code: code.map(str::to_owned),
        param: param.map(str::to_owned),
    };
    vec![
        rejected(400, Some("charge_disputed"), None),
        rejected(400, Some("charge_already_refunded"), None),
        rejected(400, Some("expired_or_canceled_card"), Some("charge")),
        rejected(402, Some("card_declined"), None),
        rejected(403, Some("account_closed"), None),
        rejected(401, None, None),
        rejected(404, Some("resource_missing"), Some("intent")),
        rejected(400, Some("a_code_of_tomorrow"), Some("amount")),
        GatewayFault::Unexplained { status: 400 },
    ]
}

/// The operations that are rejected.
const REFUSED: [&[Operation]; 5] = [
    &[Operation::Refund],
    &[Operation::Cancel],
    &[Operation::Lookup],
    &[Operation::FindRefund],
    &[
        Operation::Refund,
        Operation::Cancel,
        Operation::Lookup,
        Operation::FindRefund,
    ],
];

/// The order's place when the gateway starts to reject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// `PENDING_PAYMENT`; the customer must act.
    WaitsForCustomer,
    /// `PENDING_PAYMENT`; the money was taken, but that is not known.
    PaidSilently,
    /// `PENDING_PAYMENT`; the bank is processing it and allows no cancellation.
    IsProcessed,
    /// `CANCELLING`; the payment is open.
    CancelsOpen,
    /// `CANCELLING`; the payment was collected.
    CancelsPaid,
    /// `REFUNDING` everything that was collected.
    RefundsAll,
    /// `REFUNDING` a part.
    RefundsPart,
}

const PLACES: [Place; 7] = [
    Place::WaitsForCustomer,
    Place::PaidSilently,
    Place::IsProcessed,
    Place::CancelsOpen,
    Place::CancelsPaid,
    Place::RefundsAll,
    Place::RefundsPart,
];

async fn shop() -> Shop {
    let settings = OrderSettings {
        sweep_max_tries: 2,
        sweep_backoff: (std::time::Duration::ZERO, std::time::Duration::ZERO),
        ..settings()
    };
    Shop::open_as(Opening {
        settings,
        pieces: 1_000_000,
        ..Opening::default()
    })
    .await
}

/// Brings an order to a place while the gateway rejects these operations, and lets the sweeper try until it gives up.
async fn stuck(
    shop: &Shop,
    key: &str,
    place: Place,
    refused: (Vec<Operation>, GatewayFault),
) -> OrderId {
    shop.gateway.confirms(match place {
        Place::WaitsForCustomer | Place::CancelsOpen => Confirm::AsksTheCustomer,
        Place::PaidSilently => Confirm::PaysSilently,
        Place::IsProcessed => Confirm::IsProcessed,
        Place::CancelsPaid | Place::RefundsAll | Place::RefundsPart => Confirm::Pays,
    });
    shop.gateway.refunds(Refunding::Pays);
    let order_id = match place {
        Place::CancelsPaid | Place::RefundsAll | Place::RefundsPart => shop.paid(key).await,
        _ => shop.pending(key).await,
    };
    let (operations, fault) = refused;
    for operation in operations {
        shop.gateway.fail(operation, Some(fault.clone()));
    }
    match place {
        Place::CancelsOpen | Place::CancelsPaid => drop(shop.cancel(order_id).await),
        Place::RefundsAll => drop(shop.refund(order_id, &format!("r{key}"), None).await),
        Place::RefundsPart => drop(shop.refund(order_id, &format!("r{key}"), Some(100)).await),
        Place::WaitsForCustomer | Place::PaidSilently | Place::IsProcessed => {}
    }
    for _ in 0..3 {
        sweep_orders(&shop.context).await.unwrap();
    }
    order_id
}

/// The gateway no longer rejects anything.
fn relent(shop: &Shop) {
    for operation in REFUSED.concat() {
        shop.gateway.fail(operation, None);
    }
}

async fn status(shop: &Shop, order_id: OrderId) -> OrderStatus {
    let details = get_order(&shop.context, tenant(), order_id).await;
    details.unwrap().order.status
}

fn ann() -> OperatorName {
    OperatorName::parse("ann").unwrap()
}

fn reason() -> Reason {
    Reason::parse("settled with the customer's bank").unwrap()
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

async fn dead_letter(shop: &Shop, order_id: OrderId) -> DeadLetter {
    let (context, operator) = (&shop.context, ann());
    let reason = Reason::parse("it does not end").unwrap();
    let created = create_dead_letter(context, tenant(), order_id, None, &operator, &reason).await;
    created.unwrap().into_inner()
}

/// Resolves a dead letter, and confirms only if that is required.
async fn resolve_confirming(
    shop: &Shop,
    dead_letter: &DeadLetter,
    verdict: impl Fn(bool) -> Verdict,
) -> Result<DeadLetter, DeadLetterError> {
    match resolve(shop, dead_letter, verdict(false)).await {
        Err(DeadLetterError::ConfirmationRequired(said)) => {
            assert_ne!(said.gateway_said, GatewaySaid::NothingLeft);
            resolve(shop, dead_letter, verdict(true)).await
        }
        answer => answer,
    }
}

/// What must be true of a settled order.
async fn assert_settled(shop: &Shop, order_id: OrderId, case: &str) {
    let details = get_order(&shop.context, tenant(), order_id).await.unwrap();
    assert!(!details.order.status.is_unsettled(), "{case}");
    let id = order_id.as_uuid();
    let facts = shop
        .text(&format!(
            "SELECT concat_ws(' ',
                 (SELECT coalesce(sum(quantity), 0) FROM inventory.reservations WHERE order_id = '{id}'),
                 (SELECT count(*) FROM orders.reconciliations WHERE order_id = '{id}'),
                 (SELECT count(*) FROM orders.dead_letters WHERE order_id = '{id}' AND resolved_at IS NULL),
                 (SELECT count(*) FROM payments.refunds WHERE order_id = '{id}' AND state = 'pending'),
                 (SELECT count(*) - max(sequence) FROM orders.events WHERE order_id = '{id}'),
                 (SELECT sum(reserved) - (SELECT coalesce(sum(quantity), 0) FROM inventory.reservations)
                  FROM inventory.stock_levels))"
        ))
        .await;
    let held = 3 * i32::from(details.order.status == OrderStatus::Paid);
    assert_eq!(facts, format!("{held} 0 0 0 0 0"), "{case}");
    let refunds = details.refunds.iter();
    let refunded: i64 = refunds
        .filter(|refund| refund.state == RefundState::Refunded)
        .map(|refund| refund.amount.amount_minor)
        .sum();
    let payment = details.payment.unwrap();
    let captured = payment.captured.map_or(0, |money| money.amount_minor);
    assert!(refunded <= captured, "{case}");
    // What is left in the books matches the order's status.
    if payment.state == AttemptState::Paid {
        assert!(captured - refunded > 0, "{case}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_state_has_a_way_out_whatever_is_rejected_permanently() {
    let shop = shop().await;
    let mut ends = BTreeMap::<Place, BTreeMap<String, usize>>::new();
    for (number, (place, refused, fault)) in cases().into_iter().enumerate() {
        let case = format!("{place:?}, {refused:?}: {fault}");
        let order_id = stuck(&shop, &format!("k{number}"), place, (refused, fault)).await;
        if status(&shop, order_id).await.is_unsettled() {
            let dead_letter = dead_letter(&shop, order_id).await;
            let settle = |confirmed| Verdict::SettledElsewhere { confirmed };
            let resolved = resolve_confirming(&shop, &dead_letter, settle).await;
            let resolved = resolved.unwrap_or_else(|error| panic!("{case}: {error}"));
            let resolved = resolved.resolved.unwrap();
            assert_eq!(resolved.resolution, Resolution::SettledElsewhere, "{case}");
            assert_eq!(resolved.by, "operator:ann", "{case}");
            assert!(resolved.settlement.is_some(), "{case}");
        }
        relent(&shop);
        assert_settled(&shop, order_id, &case).await;
        let end = status(&shop, order_id).await.to_string();
        *ends.entry(place).or_default().entry(end).or_default() += 1;
    }
    // Each place was left, and only to the statuses that it may lead to.
    for (place, ends) in &ends {
        let allowed: &[&str] = match place {
            Place::WaitsForCustomer | Place::IsProcessed => &["FAILED"],
            Place::PaidSilently => &["FAILED", "PAID"],
            Place::CancelsOpen | Place::CancelsPaid => &["CANCELLED"],
            Place::RefundsAll => &["PAID", "REFUNDED"],
            Place::RefundsPart => &["PAID", "REFUNDED"],
        };
        assert!(
            ends.keys().all(|end| allowed.contains(&end.as_str())),
            "{place:?}: {ends:?}"
        );
    }
    assert_eq!(ends.len(), PLACES.len());
}

fn cases() -> Vec<(Place, Vec<Operation>, GatewayFault)> {
    let mut cases = Vec::new();
    for place in PLACES {
        for refused in REFUSED {
            for fault in refusals() {
                cases.push((place, refused.to_vec(), fault));
            }
        }
    }
    cases
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_is_rejected_or_never_ends_can_be_given_up() {
    let shop = shop().await;
    for (number, fault) in refusals().into_iter().enumerate() {
        for (part, refused) in REFUSED.into_iter().enumerate() {
            let case = format!("{refused:?}: {fault}");
            let key = format!("g{number}-{part}");
            let refused = (refused.to_vec(), fault.clone());
            let order_id = stuck(&shop, &key, Place::RefundsPart, refused).await;
            if status(&shop, order_id).await == OrderStatus::Refunding {
                let dead_letter = dead_letter(&shop, order_id).await;
                let give_up = |confirmed| Verdict::RefundGivenUp { confirmed };
                let resolved = resolve_confirming(&shop, &dead_letter, give_up).await;
                let resolved = resolved.unwrap_or_else(|error| panic!("{case}: {error}"));
                let resolution = resolved.resolved.unwrap().resolution;
                assert_eq!(resolution, Resolution::RefundGivenUp, "{case}");
                assert_eq!(status(&shop, order_id).await, OrderStatus::Paid, "{case}");
            }
            relent(&shop);
            assert_settled(&shop, order_id, &case).await;
        }
    }
}

#[tokio::test]
async fn leaving_money_requires_confirmation_and_stays_in_the_books() {
    let shop = shop().await;
    let disputed = refusals().swap_remove(0);
    let refused = (vec![Operation::Refund], disputed);
    let order_id = stuck(&shop, "k", Place::CancelsPaid, refused).await;
    // A permanent rejection is left to an operator immediately, with the gateway's reason.
    let filter = DeadLetterFilter::Open;
    let open = list_dead_letters(&shop.context, tenant(), filter, None, PageSize::DEFAULT).await;
    let dead_letter = open.unwrap().items.pop().unwrap();
    assert!(
        dead_letter.reason.ends_with("charge_disputed"),
        "{dead_letter:?}"
    );
    assert_eq!(dead_letter.tries, 0);

    let refused = resolve(
        &shop,
        &dead_letter,
        Verdict::SettledElsewhere { confirmed: false },
    )
    .await;
    let Err(DeadLetterError::ConfirmationRequired(said)) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(said.gateway_said, GatewaySaid::MoneyLeft);
    assert_eq!(said.left, Some(crate::shop::usd(300)));
    assert_eq!(status(&shop, order_id).await, OrderStatus::Cancelling);

    let confirmed = Verdict::SettledElsewhere { confirmed: true };
    let resolved = resolve(&shop, &dead_letter, confirmed).await.unwrap();
    assert_eq!(resolved.resolved.unwrap().settlement, Some(said));
    let state = shop.state().await;
    assert!(state.starts_with("CANCELLED 0 "), "{state}");
    assert!(state.contains("CANCELLED/operator:ann"), "{state}");
    let reason = "SELECT reason FROM orders.events WHERE from_status <> to_status ORDER BY sequence DESC LIMIT 1";
    assert_eq!(
        shop.text(reason).await,
        "settled with the customer's bank (the gateway: 3.00 USD is left with the merchant)"
    );
    let details = get_order(&shop.context, tenant(), order_id).await.unwrap();
    assert_eq!(
        details.payment.unwrap().captured,
        Some(crate::shop::usd(300))
    );
    assert_eq!(shop.gateway.net_minor(), 300);

    // The comparison reports what is left, but does not refund an order that an operator has settled.
    relent(&shop);
    compare(&shop).await;
    let finding = findings(&shop).await.pop().unwrap();
    assert_eq!(finding.kind, FindingKind::ChargeOnEndedOrder);
    assert_eq!(finding.action, FindingAction::None);
    assert_eq!(shop.gateway.net_minor(), 300);
}

#[tokio::test]
async fn an_order_that_waits_in_vain_can_be_taken_from_the_sweeper_once() {
    let shop = shop().await;
    shop.gateway.confirms(Confirm::IsProcessed);
    let order_id = shop.pending("k").await;
    let key = IdempotencyKey::parse("c").unwrap();
    let create = async |tenant| {
        let (operator, reason) = (ann(), reason());
        create_dead_letter(
            &shop.context,
            tenant,
            order_id,
            Some(&key),
            &operator,
            &reason,
        )
        .await
    };
    let theirs = create(other_tenant()).await;
    assert!(
        matches!(theirs, Err(DeadLetterError::Order(OrderError::NotFound))),
        "{theirs:?}"
    );
    let Once::Now(created) = create(tenant()).await.unwrap() else {
        panic!("it was created before")
    };
    assert_eq!(shop.dead_letters().await, "0 open + 1 alerts");
    assert!(shop.state().await.ends_with(" 0"), "it is on the work list");
    // Again, with the key and without: the dead letter exists.
    for again in [
        create(tenant()).await.unwrap(),
        Once::Before(dead_letter(&shop, order_id).await),
    ] {
        let Once::Before(again) = again else {
            panic!("{again:?}")
        };
        assert_eq!(again.id, created.id);
    }
    let settle = |confirmed| Verdict::SettledElsewhere { confirmed };
    let resolved = resolve_confirming(&shop, &created, settle).await.unwrap();
    let said = resolved.resolved.unwrap().settlement.unwrap().gateway_said;
    assert_eq!(said, GatewaySaid::Open);
    let late = create_dead_letter(&shop.context, tenant(), order_id, None, &ann(), &reason()).await;
    assert!(
        matches!(late, Err(DeadLetterError::NotUnsettled { .. })),
        "{late:?}"
    );
    let shown = get_dead_letter(&shop.context, tenant(), created.id).await;
    let shown = shown.unwrap().dead_letter.resolved.unwrap();
    assert!(shown.settlement.is_some());
}
