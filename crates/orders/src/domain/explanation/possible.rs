//! What an operator can do.

use oms_fulfilment::{Action, FulfilmentOrder, ReturnStatus};

use super::next::return_for_operator;
use super::words::{no_warehouse, units};
use super::{Facts, Possible, Step};
use crate::domain::finding::FindingKind;
use crate::domain::status::OrderStatus;

/// What an operator can do, the most useful first.
pub(super) fn possible(facts: &Facts<'_>) -> Vec<Possible> {
    let mut steps = Vec::new();
    dead_letter(facts, &mut steps);
    // The refund of what is owed also resolves the finding that an earlier one failed.
    let owes = is_refundable(facts) && facts.owed().amount_minor > 0;
    if owes {
        refund(facts, &mut steps);
    }
    findings(facts, &mut steps);
    // As the one who acts next: a return waits while goods are on hold.
    let is_held = facts.open_work().any(|order| !order.holds.is_empty());
    if !is_held && return_for_operator(facts).is_some() {
        returns(facts, &mut steps);
        goods(facts, &mut steps);
    } else {
        goods(facts, &mut steps);
        returns(facts, &mut steps);
    }
    if is_refundable(facts) {
        cancellation(facts, &mut steps);
    }
    if is_refundable(facts) && !owes {
        refund(facts, &mut steps);
    }
    steps
}

fn post(step: Step, text: impl Into<String>, path: String) -> Possible {
    Possible {
        step,
        text: text.into(),
        method: "POST",
        path,
    }
}

fn dead_letter(facts: &Facts<'_>, steps: &mut Vec<Possible>) {
    let status = facts.order.status;
    let Some(dead_letter) = facts.dead_letter else {
        if status.is_unsettled() && !(facts.waits_for_customer() && facts.may_still_be_paid()) {
            let text = "Take the order from oms, to settle it by hand.";
            steps.push(post(
                Step::CreateDeadLetter,
                text,
                "/operations/dead-letters".to_owned(),
            ));
        }
        if status == OrderStatus::PendingPayment {
            steps.push(cancel(
                facts,
                "Cancel the order. oms makes sure that no money is taken, or refunds it.",
            ));
        }
        return;
    };
    let path = |what: &str| format!("/operations/dead-letters/{}/{what}", dead_letter.id);
    let retry = || {
        let text = "Leave the order to oms again, when the cause is gone.";
        post(Step::RetryDeadLetter, text, path("retry"))
    };
    let resolve = |text: String| post(Step::ResolveDeadLetter, text, path("resolve"));
    if let Some(taken) = facts.other_amount() {
        if facts.can_refund(taken) && status == OrderStatus::PendingPayment {
            steps.push(cancel(
                facts,
                format!("Cancel the order, and refund {taken}."),
            ));
            let text = format!(
                "Settle the order as `paid`, which accepts {taken}, or as `settled_elsewhere`. oms asks the gateway first."
            );
            steps.push(resolve(text));
        } else {
            let text = "Settle the order as `settled_elsewhere`, once the money is settled at the gateway.";
            steps.push(resolve(text.to_owned()));
        }
        // Another try finds the same amount, unless it changed at the gateway.
        steps.push(retry());
        return;
    }
    steps.push(retry());
    let verdicts = match status {
        OrderStatus::PendingPayment => {
            "Settle the order as `paid`, `failed` or `settled_elsewhere`. oms asks the gateway first."
        }
        OrderStatus::Refunding => {
            "Settle the order as `settled_elsewhere`, or give the refund up with `refund_given_up`. oms asks the gateway first."
        }
        _ => "Settle the order as `settled_elsewhere`. oms asks the gateway first.",
    };
    steps.push(resolve(verdicts.to_owned()));
    if status == OrderStatus::PendingPayment {
        let text = "Cancel the order. What was taken is refunded.";
        steps.push(cancel(facts, text));
    }
}

fn findings(facts: &Facts<'_>, steps: &mut Vec<Possible>) {
    for finding in facts.findings {
        let text = match finding.kind {
            FindingKind::PaymentDisputed if facts.open_dispute().is_some() => {
                "Answer or accept the dispute at the gateway first, and then say so here."
            }
            FindingKind::PaymentDisputed => "Say that the loss was booked.",
            FindingKind::RefundFailed => "Say that the customer was paid.",
            _ => "Say that the difference was settled at the gateway.",
        };
        let path = format!("/operations/findings/{}/resolve", finding.id);
        steps.push(post(Step::ResolveFinding, text, path));
    }
}

fn returns(facts: &Facts<'_>, steps: &mut Vec<Possible>) {
    for it in &facts.goods.returns {
        let (step, text, what) = match it.status {
            ReturnStatus::Requested => (Step::ApproveReturn, "Approve return", "approve"),
            ReturnStatus::Approved | ReturnStatus::Received => (
                Step::ReceiveReturn,
                "Record what came back of return",
                "receipts",
            ),
            _ => continue,
        };
        let text = format!("{text} {}.", it.number);
        steps.push(post(step, text, format!("/returns/{}/{what}", it.id)));
    }
}

fn goods(facts: &Facts<'_>, steps: &mut Vec<Possible>) {
    for order in facts.open_work() {
        let path = |what: &str| format!("/fulfilment-orders/{}/{what}", order.id);
        let may_move = order.actions().contains(&Action::Move);
        let to_another = || {
            let text = "Move what is left to send to another warehouse.";
            post(Step::Move, text, path("move"))
        };
        if may_move && no_warehouse(order).is_some() {
            steps.push(to_another());
        }
        for hold in &order.holds {
            steps.push(Possible {
                step: Step::ReleaseHold,
                text: format!("Release the hold `{}`.", hold.handle),
                method: "DELETE",
                path: path(&format!("holds/{}", hold.handle)),
            });
        }
        let actions = order.actions();
        if actions.contains(&Action::CreateShipment) {
            let text = format!("Send {}.", units(order.outstanding()));
            steps.push(post(Step::Ship, text, path("shipments")));
        }
        if may_move && no_warehouse(order).is_none() {
            steps.push(to_another());
        }
    }
}

/// Whether money can be refunded now, by a cancellation too.
fn is_refundable(facts: &Facts<'_>) -> bool {
    let is_paid = facts.order.status == OrderStatus::Paid;
    is_paid && facts.open_dispute().is_none() && facts.pending_refund().is_none()
}

fn cancellation(facts: &Facts<'_>, steps: &mut Vec<Possible>) {
    let orders = &facts.goods.fulfilment_orders;
    let left: i64 = orders.iter().map(FulfilmentOrder::outstanding).sum();
    match (facts.goods.shipped(), left) {
        (0, _) => steps.push(cancel(facts, "Cancel the order, and refund what is held.")),
        (_, 0) => {}
        (_, left) => {
            let text = format!(
                "Cancel the {} not sent, with `scope: unshipped`, and refund them.",
                units(left)
            );
            steps.push(cancel(facts, text));
        }
    }
}

fn refund(facts: &Facts<'_>, steps: &mut Vec<Possible>) {
    let held = facts.ledger.held;
    if held.amount_minor > 0 {
        let owed = facts.owed();
        let text = match owed.amount_minor > 0 {
            true => format!("Refund {owed}, which is owed to the customer, or up to {held}."),
            false => format!("Refund up to {held}."),
        };
        let text = match is_card_gone(facts) {
            true => format!(
                "{text} The money goes to the same card. If the card can't receive it, pay the customer in another way, and resolve \
                 the finding as settled outside oms."
            ),
            false => text,
        };
        let path = format!("/orders/{}/refunds", facts.order.id);
        steps.push(post(Step::Refund, text, path));
    }
}

/// Whether a refund failed because the card of the payment does not work any more.
fn is_card_gone(facts: &Facts<'_>) -> bool {
    let Some(finding) = facts.finding(FindingKind::RefundFailed) else {
        return false;
    };
    let mut refunds = facts.refunds.iter();
    let failed = refunds.find(|refund| refund.name().as_str() == finding.subject);
    let code = failed.and_then(|refund| refund.failure_code.as_ref());
    code.is_some_and(|code| {
        matches!(
            code.as_str(),
            "lost_or_stolen_card" | "expired_or_canceled_card"
        )
    })
}

fn cancel(facts: &Facts<'_>, text: impl Into<String>) -> Possible {
    post(
        Step::Cancel,
        text,
        format!("/orders/{}/cancel", facts.order.id),
    )
}
