//! Who acts next, and when.

use chrono::{DateTime, Utc};
use oms_fulfilment::{
    FulfilmentOrder, Hold, HoldReason, Return, ReturnStatus, Shipment, ShipmentStatus,
};
use oms_payments::AttemptState;
use oms_validation::Money;

use super::words::{count_of, no_warehouse, time, units};
use super::{Facts, Next, Waiting, Who};
use crate::domain::finding::{Finding, FindingAction, FindingKind};
use crate::domain::status::OrderStatus;

/// Who acts next, and when. Of several, the one without whom nothing goes on.
pub(super) fn next(facts: &Facts<'_>) -> Next {
    let next = first(facts);
    let at = next.at.filter(|at| *at > facts.now);
    Next { at, ..next }
}

fn first(facts: &Facts<'_>) -> Next {
    if let Some(taken) = facts.other_amount() {
        return of(Who::Operator, None, other_amount(facts, taken));
    }
    if facts.dead_letter.is_some() {
        return of(
            Who::Operator,
            None,
            "An operator leaves the order to oms again when the cause is gone, or settles it by hand. oms does nothing more by itself.",
        );
    }
    if facts.order.status.is_unsettled() {
        return unsettled(facts);
    }
    let steps = [
        finding(facts),
        dispute(facts),
        refund(facts),
        owed(facts),
        held(facts),
        return_for_operator(facts),
        sending(facts),
        returns(facts),
    ];
    let first = steps.into_iter().flatten().next();
    first.unwrap_or_else(|| complete(facts))
}

fn of(who: Who, at: Option<DateTime<Utc>>, text: impl Into<String>) -> Next {
    let text = text.into();
    Next { who, at, text }
}

/// What an operator does about another amount than the order's total.
fn other_amount(facts: &Facts<'_>, taken: Money) -> String {
    let (gateway, currency) = (facts.gateway(), facts.order.total.currency);
    if facts.can_refund(taken) {
        return format!(
            "An operator cancels the order, which refunds {taken}, or accepts {taken} by settling it as paid. oms does nothing more \
             by itself."
        );
    }
    if taken.amount_minor <= 0 {
        return format!(
            "An operator finds out at {gateway} why nothing was taken, and settles the order as settled elsewhere."
        );
    }
    format!(
        "oms can refund only {currency}. An operator refunds {taken} at {gateway}, and then settles the order as settled elsewhere."
    )
}

fn complete(facts: &Facts<'_>) -> Next {
    let is_under_way = |shipment: &Shipment| shipment.status == ShipmentStatus::Shipped;
    match facts.order.status {
        OrderStatus::Other(_) => of(
            Who::Nobody,
            None,
            "Only a newer version of oms knows what comes next.",
        ),
        OrderStatus::Paid if facts.goods.fulfilment_orders.is_empty() => {
            of(Who::Oms, None, "oms opens the work for the warehouse.")
        }
        _ if facts.goods.shipments.iter().any(is_under_way) => of(
            Who::Nobody,
            None,
            "Nobody needs to do anything: what was sent is on its way.",
        ),
        _ => of(Who::Nobody, None, "Nobody needs to do anything."),
    }
}

fn unsettled(facts: &Facts<'_>) -> Next {
    let is_pending = facts.order.status == OrderStatus::PendingPayment;
    if let Some(until) = facts
        .expires_at
        .filter(|_| is_pending && facts.waits_for_customer())
    {
        return customer(facts, until);
    }
    let Some(waiting) = facts.waiting else {
        return of(Who::Oms, None, "A request is working on the order.");
    };
    let (at, gateway) = (Some(waiting.due_at), facts.gateway());
    let when = when(facts, waiting);
    let state = facts.payment.map(|attempt| attempt.state);
    let is_accepted = facts
        .pending_refund()
        .is_some_and(|refund| refund.reference.is_some());
    if is_accepted {
        let text = format!("The bank books the refund. oms asks {gateway} again {when}.");
        return of(Who::Bank, at, text);
    }
    if state == Some(AttemptState::Processing) {
        let text = format!("The bank decides. oms asks {gateway} again {when}.");
        return of(Who::Bank, at, text);
    }
    let does = match facts.order.status {
        OrderStatus::Refunding => "goes on with the refund",
        OrderStatus::Cancelling => "goes on with the cancellation",
        _ => "settles the payment",
    };
    let (number, of_all) = (waiting.tries.saturating_add(1), facts.max_tries);
    let text = format!("oms {does} {when}: try {number} of {of_all}.");
    of(Who::Oms, at, text)
}

/// When the sweeper looks at the order.
fn when(facts: &Facts<'_>, waiting: Waiting) -> String {
    match waiting.due_at > facts.now {
        true => format!("at {}", time(waiting.due_at)),
        false => "as soon as it can".to_owned(),
    }
}

/// A payment that only the customer can continue, until its time is over.
fn customer(facts: &Facts<'_>, until: DateTime<Utc>) -> Next {
    let needs_action = AttemptState::NeedsAction;
    let is_asked = facts.payment.is_some_and(|it| it.state == needs_action);
    let at = time(until);
    if facts.may_still_be_paid() {
        let does = match is_asked {
            true => "The customer confirms the payment",
            false => "The customer pays in another way",
        };
        let text =
            format!("{does} until {at}; otherwise the order fails and its stock is released.");
        return of(Who::Customer, Some(until), text);
    }
    let left_out = match is_asked {
        true => "The customer did not confirm the payment",
        false => "The customer did not pay in another way",
    };
    let Some(waiting) = facts.waiting else {
        let text = format!("{left_out} by {at}. A request is working on the order.");
        return of(Who::Oms, None, text);
    };
    let when = when(facts, waiting);
    let text = format!(
        "{left_out} by {at}. oms ends the order {when}: it fails, and its stock is released."
    );
    of(Who::Oms, Some(waiting.due_at), text)
}

fn finding(facts: &Facts<'_>) -> Option<Next> {
    // An open dispute and money that is owed say what to do themselves.
    let says_itself = |finding: &&Finding| match finding.kind {
        FindingKind::PaymentDisputed => facts.open_dispute().is_some(),
        FindingKind::RefundFailed => {
            facts.order.status == OrderStatus::Paid && facts.owed().amount_minor > 0
        }
        _ => false,
    };
    let finding = facts.findings.iter().find(|it| !says_itself(it))?;
    let gateway = &finding.gateway;
    let next = match finding.action {
        _ if finding.kind == FindingKind::RefundFailed => {
            let text = format!(
                "An operator pays the customer, at {gateway} or outside it, and resolves the finding."
            );
            of(Who::Operator, None, text)
        }
        _ if finding.kind == FindingKind::PaymentDisputed => of(
            Who::Operator,
            None,
            "An operator books the loss, and resolves the finding.",
        ),
        FindingAction::Refund => of(Who::Oms, None, "oms refunds what is left of the charge."),
        FindingAction::Void => of(Who::Oms, None, "oms cancels the payment that is left."),
        _ => of(
            Who::Operator,
            None,
            "An operator settles the difference at the gateway.",
        ),
    };
    Some(next)
}

fn dispute(facts: &Facts<'_>) -> Option<Next> {
    let dispute = facts.open_dispute()?;
    // An operator who has submitted evidence resolves the finding.
    let is_answered = facts.finding(FindingKind::PaymentDisputed).is_none();
    let due = dispute.evidence_due_at.filter(|_| !is_answered);
    let next = match due.filter(|due| *due > facts.now) {
        Some(due) => {
            let mut text = format!(
                "An operator submits evidence at the gateway until {}, and then resolves the finding.",
                time(due)
            );
            if facts.goods.shipped() == 0 {
                text.push_str(
                    " Nothing was sent, so there is no proof of delivery: accept the dispute at the gateway, or send the goods only \
                     after the bank decided.",
                );
            }
            of(Who::Operator, Some(due), text)
        }
        None => of(Who::Bank, None, "The bank decides about the dispute."),
    };
    Some(next)
}

/// A refund of a part, while the order stays paid.
fn refund(facts: &Facts<'_>) -> Option<Next> {
    let refund = facts.pending_refund()?;
    let (amount, gateway) = (refund.amount, facts.gateway());
    let next = match refund.reference {
        Some(_) => of(
            Who::Bank,
            None,
            format!("The bank books the refund of {amount}."),
        ),
        None => of(
            Who::Oms,
            None,
            format!("oms asks {gateway} to refund {amount}."),
        ),
    };
    Some(next)
}

/// What is owed although no refund pays it.
fn owed(facts: &Facts<'_>) -> Option<Next> {
    let owed = facts.owed();
    let is_owed = facts.order.status == OrderStatus::Paid && owed.amount_minor > 0;
    is_owed.then(|| {
        of(
            Who::Operator,
            None,
            format!("An operator refunds {owed}, which is owed to the customer."),
        )
    })
}

/// What an operator does about a return. It comes before what the warehouse has to send; what the customer has to send back
/// comes after it.
pub(super) fn return_for_operator(facts: &Facts<'_>) -> Option<Next> {
    returns(facts).filter(|next| next.who == Who::Operator)
}

fn return_with<'a>(facts: &Facts<'a>, status: ReturnStatus) -> Option<&'a Return> {
    let mut returns = facts.goods.returns.iter();
    returns.find(|it| it.status == status)
}

fn returns(facts: &Facts<'_>) -> Option<Next> {
    let with = |status| return_with(facts, status);
    if let Some(asked) = with(ReturnStatus::Requested) {
        let text = format!("An operator approves or declines return {}.", asked.number);
        return Some(of(Who::Operator, None, text));
    }
    if let Some(partly) = with(ReturnStatus::Received) {
        let expected: i64 = partly
            .lines
            .iter()
            .map(|line| {
                i64::from(
                    line.quantity
                        - line.restocked
                        - line.quarantined
                        - line.discarded
                        - line.missing,
                )
            })
            .sum();
        let text = match expected {
            0 => format!("An operator closes return {}.", partly.number),
            _ => format!(
                "The customer sends {} more of return {}, or an operator closes the return.",
                units(expected),
                partly.number
            ),
        };
        let who = match expected {
            0 => Who::Operator,
            _ => Who::Customer,
        };
        return Some(of(who, None, text));
    }
    let approved = with(ReturnStatus::Approved)?;
    let until = approved.expires_at;
    if let Some(over) = until.filter(|until| *until <= facts.now) {
        let (number, at) = (approved.number, time(over));
        let text = format!("Nothing of return {number} arrived by {at}. oms closes it.");
        return Some(of(Who::Oms, None, text));
    }
    let until_words = until.map_or_else(String::new, |at| format!(" until {}", time(at)));
    let text = format!(
        "The customer sends return {} back{until_words}.",
        approved.number
    );
    Some(of(Who::Customer, until, text))
}

fn sending(facts: &Facts<'_>) -> Option<Next> {
    let orders = || facts.open_work();
    let ready = |order: &&FulfilmentOrder| !order.is_scheduled;
    let Some(due) = orders().filter(ready).min_by_key(|order| order.due_at()) else {
        let scheduled = orders().filter_map(|order| order.not_before).min()?;
        let text = format!("The warehouse may begin at {}.", time(scheduled));
        return Some(of(Who::Warehouse, Some(scheduled), text));
    };
    let next = match due.ship_by {
        Some(by) => {
            let (units, at) = (units(due.outstanding()), time(by));
            let text = match by > facts.now {
                true => format!("The warehouse sends {units} until {at}."),
                false => format!("The warehouse sends {units}, which was due at {at}."),
            };
            of(Who::Warehouse, Some(by), text)
        }
        None => of(
            Who::Warehouse,
            None,
            format!("The warehouse sends {}.", units(due.outstanding())),
        ),
    };
    Some(next)
}

/// What an operator does about goods that are on hold, and about a return that was requested besides.
fn held(facts: &Facts<'_>) -> Option<Next> {
    let text = holds(facts)?;
    let text = match return_with(facts, ReturnStatus::Requested) {
        Some(asked) => format!(
            "{text} Besides, return {} must be approved or declined.",
            asked.number
        ),
        None => text,
    };
    Some(of(Who::Operator, None, text))
}

/// What an operator does about goods that are on hold, in words.
fn holds(facts: &Facts<'_>) -> Option<String> {
    let holds = facts.open_work().flat_map(|order| &order.holds);
    let others = holds.filter(|hold| hold.reason != HoldReason::NoWarehouse);
    let others: Vec<String> = others.map(hold_in_words).collect();
    let (count, reasons) = (count_of(len(&others), "hold"), others.join("; "));
    let has_nowhere = facts.open_work().any(|it| no_warehouse(it).is_some());
    match (has_nowhere, others.is_empty()) {
        (true, is_all) => {
            let text = "An operator moves the goods to a warehouse that can send them, or cancels the order.";
            Some(match is_all {
                true => text.to_owned(),
                false => format!("{text} Besides, {count} must be released: {reasons}."),
            })
        }
        (false, true) => None,
        (false, false) => Some(format!("An operator releases {count}: {reasons}.")),
    }
}

fn hold_in_words(hold: &Hold) -> String {
    match &hold.note {
        Some(note) => format!("{} ({})", hold.reason.in_words(), note.as_str()),
        None => hold.reason.in_words().to_owned(),
    }
}

fn len<T>(things: &[T]) -> i64 {
    i64::try_from(things.len()).unwrap_or(i64::MAX)
}
