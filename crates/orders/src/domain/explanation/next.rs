//! Who acts next, and when.

use chrono::{DateTime, Utc};
use oms_fulfilment::{FulfilmentOrder, Hold, Return, ReturnStatus, Shipment, ShipmentStatus};
use oms_payments::AttemptState;

use super::words::{count_of, has_no_warehouse, time, units};
use super::{Facts, Next, Who};
use crate::domain::finding::{Finding, FindingAction, FindingKind};
use crate::domain::status::OrderStatus;

/// Who acts next, and when. Of several, the one without whom nothing goes on.
pub(super) fn next(facts: &Facts<'_>) -> Next {
    if let Some(taken) = facts.other_amount() {
        let text = format!(
            "An operator cancels the order, which refunds {taken}, or settles it by hand. oms does nothing more by itself."
        );
        return of(Who::Operator, None, text);
    }
    if facts.dead_letter.is_some() {
        return of(
            Who::Operator,
            None,
            "An operator decides. oms does nothing more by itself.",
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
        returns(facts),
        sending(facts),
    ];
    let first = steps.into_iter().flatten().next();
    first.unwrap_or_else(|| complete(facts))
}

fn of(who: Who, at: Option<DateTime<Utc>>, text: impl Into<String>) -> Next {
    let text = text.into();
    Next { who, at, text }
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
        let does = match facts.payment.map(|attempt| attempt.state) {
            Some(AttemptState::NeedsAction) => "The customer confirms the payment",
            _ => "The customer pays in another way",
        };
        let text = format!(
            "{does} until {}; otherwise the order fails and its stock is released.",
            time(until)
        );
        return of(Who::Customer, Some(until), text);
    }
    let Some(waiting) = facts.waiting else {
        return of(Who::Oms, None, "A request is working on the order.");
    };
    let (at, gateway) = (Some(waiting.due_at), facts.gateway());
    let when = time(waiting.due_at);
    let state = facts.payment.map(|attempt| attempt.state);
    let is_accepted = facts
        .pending_refund()
        .is_some_and(|refund| refund.reference.is_some());
    if is_accepted {
        let text =
            format!("The bank books the refund. The sweeper asks {gateway} again at {when}.");
        return of(Who::Bank, at, text);
    }
    if state == Some(AttemptState::Processing) {
        let text = format!("The bank decides. The sweeper asks {gateway} again at {when}.");
        return of(Who::Bank, at, text);
    }
    let does = match facts.order.status {
        OrderStatus::Refunding => "goes on with the refund",
        OrderStatus::Cancelling => "goes on with the cancellation",
        _ => "settles the payment",
    };
    let (number, of_all) = (waiting.tries.saturating_add(1), facts.max_tries);
    let text = format!("The sweeper {does} at {when}: try {number} of {of_all}.");
    of(Who::Oms, at, text)
}

fn finding(facts: &Facts<'_>) -> Option<Next> {
    // An open dispute and money that is owed say what to do themselves.
    let says_itself = |finding: &&Finding| match finding.kind {
        FindingKind::PaymentDisputed => facts.open_dispute().is_some(),
        FindingKind::RefundFailed => {
            facts.order.status == OrderStatus::Paid && facts.ledger.balance.amount_minor < 0
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
    let next = match dispute.evidence_due_at {
        Some(due) => {
            let text = format!(
                "An operator submits evidence at the gateway until {}.",
                time(due)
            );
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
    let owed = facts.amount(-facts.ledger.balance.amount_minor);
    let is_owed = facts.order.status == OrderStatus::Paid && owed.amount_minor > 0;
    is_owed.then(|| {
        of(
            Who::Operator,
            None,
            format!("An operator refunds {owed}, which is owed to the customer."),
        )
    })
}

fn returns(facts: &Facts<'_>) -> Option<Next> {
    let with = |status| {
        let mut returns = facts.goods.returns.iter();
        returns.find(move |it: &&Return| it.status == status)
    };
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
                "The customer sends {} more of return {}.",
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
    let until_words = until.map_or_else(String::new, |at| format!(" until {}", time(at)));
    let text = format!(
        "The customer sends return {} back{until_words}.",
        approved.number
    );
    Some(of(Who::Customer, until, text))
}

fn sending(facts: &Facts<'_>) -> Option<Next> {
    let orders = || {
        facts
            .goods
            .fulfilment_orders
            .iter()
            .filter(|order| order.is_open())
    };
    if orders().any(has_no_warehouse) {
        let text = "An operator moves the goods to another warehouse once it has enough, or cancels the order.";
        return Some(of(Who::Operator, None, text));
    }
    if let Some(held) = orders().find(|order| !order.holds.is_empty()) {
        let reasons: Vec<String> = held.holds.iter().map(hold_in_words).collect();
        let text = format!(
            "An operator releases {}: {}.",
            count_of(len(&held.holds), "hold"),
            reasons.join("; ")
        );
        return Some(of(Who::Operator, None, text));
    }
    let ready = |order: &&FulfilmentOrder| !order.is_scheduled;
    let Some(due) = orders().filter(ready).min_by_key(|order| order.due_at()) else {
        let scheduled = orders().filter_map(|order| order.not_before).min()?;
        let text = format!("The warehouse may begin at {}.", time(scheduled));
        return Some(of(Who::Warehouse, Some(scheduled), text));
    };
    let next = match due.ship_by {
        Some(by) => {
            let text = format!(
                "The warehouse sends {} until {}.",
                units(due.outstanding()),
                time(by)
            );
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

fn hold_in_words(hold: &Hold) -> String {
    match &hold.note {
        Some(note) => format!("{} ({})", hold.reason, note.as_str()),
        None => hold.reason.to_string(),
    }
}

fn len<T>(things: &[T]) -> i64 {
    i64::try_from(things.len()).unwrap_or(i64::MAX)
}
