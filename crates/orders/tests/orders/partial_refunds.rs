//! What the gateway may do to a refund of a part of an order, and what is true afterwards.

use oms_fulfilment::ShipmentStatus;
use oms_orders::{
    Disputed, OrderDetails, OrderStatus, Refunded, RequestedCredit, RequestedParts,
    RequestedRefund, cancel_unshipped, get_order, refund_order, sweep_orders,
};
use oms_payments::{GatewayFault, Operation, Reference, RefundFailure, RefundOutcome, RefundState};
use oms_testing::gateway::{Confirm, Plan};
use oms_validation::{IdempotencyKey, Money, OrderId};

use crate::elsewhere::{compare, report};
use crate::shop::{Shop, tenant, usd};

/// What is refunded of an order of three units at 100 each, of which one was shipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Amount,
    Unit,
    Unshipped,
}

impl Part {
    const fn amount_minor(self) -> i64 {
        match self {
            Self::Amount => 70,
            Self::Unit => 100,
            Self::Unshipped => 200,
        }
    }

    /// Requests it. Whatever the answer is, it is settled later.
    async fn request(self, shop: &Shop, order_id: OrderId) {
        let what = match self {
            Self::Amount => Refunded::Amount(usd(70)),
            Self::Unit => Refunded::Parts(RequestedParts {
                lines: vec![RequestedCredit {
                    line: 1,
                    quantity: Some(1),
                    amount: None,
                }],
                ..RequestedParts::default()
            }),
            Self::Unshipped => {
                let (context, key) = (&shop.context, IdempotencyKey::parse("r").unwrap());
                let key = Some(&key);
                drop(cancel_unshipped(context, tenant(), order_id, key, None, "api").await);
                return;
            }
        };
        let request = RequestedRefund {
            what,
            reason: None,
            disputed: Disputed::Refuse,
        };
        let key = IdempotencyKey::parse("r").unwrap();
        drop(refund_order(&shop.context, tenant(), order_id, &key, &request, "api").await);
    }

    /// `on_hand reserved` when the refund was made, or was not.
    const fn level(self, is_made: bool) -> &'static str {
        match (self, is_made) {
            (Self::Unshipped, true) => "9 0",
            _ => "9 2",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    RequestLost,
    TimedOutAfterTheEffect,
    ServerErrorWithoutEffect,
    ServerErrorAfterTheEffect,
    RateLimited,
    PendingThenDone,
    PendingThenFailed,
    Refused,
    ReportedBeforeTheAnswer,
}

impl Fault {
    const ALL: [Self; 10] = [
        Self::None,
        Self::RequestLost,
        Self::TimedOutAfterTheEffect,
        Self::ServerErrorWithoutEffect,
        Self::ServerErrorAfterTheEffect,
        Self::RateLimited,
        Self::PendingThenDone,
        Self::PendingThenFailed,
        Self::Refused,
        Self::ReportedBeforeTheAnswer,
    ];

    fn plan(self) -> Plan {
        let error = GatewayFault::ServerError { status: 500 };
        match self {
            Self::None => Plan::Succeed,
            Self::RequestLost => Plan::FailBefore(GatewayFault::TimedOut),
            Self::TimedOutAfterTheEffect | Self::ReportedBeforeTheAnswer => {
                Plan::FailAfter(GatewayFault::TimedOut)
            }
            Self::ServerErrorWithoutEffect => Plan::FailBefore(error),
            Self::ServerErrorAfterTheEffect => Plan::FailAfter(error),
            Self::RateLimited => Plan::FailBefore(GatewayFault::RateLimited),
            Self::PendingThenDone | Self::PendingThenFailed => Plan::Refund(pending),
            Self::Refused => Plan::Refund(failed),
        }
    }

    /// What the bank decides about a pending refund.
    fn decision(self) -> Option<Plan> {
        match self {
            Self::PendingThenDone => Some(Plan::Refund(done)),
            Self::PendingThenFailed => Some(Plan::Refund(failed)),
            _ => None,
        }
    }

    const fn is_made(self) -> bool {
        !matches!(self, Self::PendingThenFailed | Self::Refused)
    }
}

fn pending(reference: Reference, amount: Money) -> RefundOutcome {
    RefundOutcome::Pending { reference, amount }
}

fn done(reference: Reference, amount: Money) -> RefundOutcome {
    RefundOutcome::Refunded { reference, amount }
}

fn failed(reference: Reference, amount: Money) -> RefundOutcome {
    RefundOutcome::Failed {
        reference,
        amount,
        code: RefundFailure::new("lost_or_stolen_card"),
    }
}

async fn details(shop: &Shop, order_id: OrderId) -> OrderDetails {
    get_order(&shop.context, tenant(), order_id).await.unwrap()
}

/// Lets the sweeper look until the order is settled.
async fn settle(shop: &Shop, order_id: OrderId, fault: Fault) {
    for _ in 0..5 {
        shop.execute("UPDATE orders.reconciliations SET due_at = now()")
            .await;
        sweep_orders(&shop.context).await.unwrap();
        if details(shop, order_id).await.order.status == OrderStatus::Paid {
            return;
        }
    }
    panic!("not settled after {fault:?}: {}", shop.state().await);
}

async fn assert_books(shop: &Shop, order_id: OrderId, fault: Fault, (owed, held): (i64, i64)) {
    let ledger = details(shop, order_id).await.ledger();
    assert_eq!(
        (ledger.owed, ledger.held),
        (usd(owed), usd(held)),
        "{fault:?}"
    );
    assert_eq!(ledger.balance, usd(owed - held));
    assert_eq!(shop.gateway.net_minor(), held);
    shop.assert_sound().await;
}

#[tokio::test]
async fn an_amount_is_refunded_once_or_not_at_all() {
    check(Part::Amount).await;
}

#[tokio::test]
async fn a_unit_is_refunded_once_or_not_at_all() {
    check(Part::Unit).await;
}

#[tokio::test]
async fn what_is_not_shipped_is_cancelled_once_or_not_at_all() {
    check(Part::Unshipped).await;
}

/// Whatever the gateway does, our books are the gateway's afterwards.
async fn check(part: Part) {
    for fault in Fault::ALL {
        let shop = Shop::open(Confirm::Pays).await;
        let order_id = shop.paid("k").await;
        shop.ship(order_id, Some(1), ShipmentStatus::Shipped)
            .await
            .unwrap();
        shop.gateway.plan(Operation::Refund, fault.plan());
        part.request(&shop, order_id).await;
        if fault == Fault::ReportedBeforeTheAnswer {
            report(&shop, "refund.created", order_id).await;
            shop.assert_sound().await;
        }
        if let Some(decision) = fault.decision() {
            shop.assert_sound().await;
            shop.gateway.plan(Operation::FindRefund, decision);
        }
        settle(&shop, order_id, fault).await;
        let given = match fault.is_made() {
            true => part.amount_minor(),
            false => 0,
        };
        assert_books(&shop, order_id, fault, (300 - given, 300 - given)).await;
        assert_eq!(shop.level().await, part.level(fault.is_made()), "{fault:?}");
        // Late and repeated reports, and a repeated request, change nothing.
        for kind in ["refund.created", "refund.updated", "charge.refunded"] {
            report(&shop, kind, order_id).await;
        }
        compare(&shop).await;
        part.request(&shop, order_id).await;
        assert_books(&shop, order_id, fault, (300 - given, 300 - given)).await;
        fail_later(&shop, order_id, fault, given).await;
        assert_eq!(shop.level().await, part.level(fault.is_made()), "{fault:?}");
    }
}

/// A bank returns what was refunded, and it is refunded again.
async fn fail_later(shop: &Shop, order_id: OrderId, fault: Fault, given: i64) {
    let refunds = details(shop, order_id).await.refunds;
    assert_eq!(refunds.len(), 1);
    if refunds[0].state != RefundState::Refunded {
        return;
    }
    assert!(
        shop.gateway
            .fail_refund(refunds[0].reference.as_ref().unwrap())
    );
    report(shop, "refund.failed", order_id).await;
    compare(shop).await;
    assert_books(shop, order_id, fault, (300 - given, 300)).await;
    shop.refund(order_id, "again", Some(given)).await.unwrap();
    assert_books(shop, order_id, fault, (300 - given, 300 - given)).await;
}
