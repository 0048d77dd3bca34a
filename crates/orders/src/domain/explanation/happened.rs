//! What happened.

use oms_payments::{
    Attempt, AttemptState, CallEffect, Refund, RefundActor, RefundState, dispute_in_words,
};

use super::Facts;
use super::words::{no_warehouse, sentence, time, unknown_call};
use crate::domain::dead_letter::DeadLetter;
use crate::domain::finding::{Finding, FindingKind};
use crate::domain::status::OrderStatus;

/// What happened: first what needs somebody, then the order itself.
pub(super) fn happened(facts: &Facts<'_>) -> String {
    let given_up = facts
        .dead_letter
        .map(|dead_letter| given_up(facts, dead_letter));
    let findings = facts.findings.iter();
    let findings = findings.filter_map(|finding| found(facts, finding));
    let disputed = facts.open_dispute().map(|dispute| {
        let (amount, why) = (dispute.amount, dispute_in_words(&dispute.reason));
        format!("The customer disputes {amount} of the payment at the bank: {why}.")
    });
    let parts = given_up.into_iter().chain(findings).chain(disputed);
    let parts = parts.chain([of_status(facts)]);
    let parts: Vec<String> = parts.filter(|part| !part.is_empty()).collect();
    parts.join(" ")
}

/// A difference to the gateway's books, unless another sentence says it.
fn found(facts: &Facts<'_>, finding: &Finding) -> Option<String> {
    let gateway = &finding.gateway;
    match (finding.kind, finding.found) {
        (FindingKind::PaymentDisputed, Some(amount)) => facts
            .open_dispute()
            .is_none()
            .then(|| format!("The bank decided a dispute for the customer, who keeps {amount}.")),
        (FindingKind::RefundFailed, Some(amount)) => {
            let mut refunds = facts.refunds.iter();
            let failed = refunds.find(|refund| refund.name().as_str() == finding.subject);
            let code = failed.and_then(|refund| refund.failure_code.as_ref());
            let why = code.map_or_else(String::new, |code| format!(": {}", code.in_words()));
            Some(format!(
                "{gateway} reported that the refund of {amount} failed{why}. The customer does not have the money."
            ))
        }
        (FindingKind::AmountMismatch, Some(amount)) => {
            let expected = finding.expected;
            let instead = expected.map_or_else(String::new, |it| format!(" instead of {it}"));
            Some(format!(
                "The comparison with {gateway} found that it took {amount}{instead}."
            ))
        }
        _ => Some(format!(
            "The comparison with {gateway} found: {}",
            sentence(&finding.detail)
        )),
    }
}

fn given_up(facts: &Facts<'_>, dead_letter: &DeadLetter) -> String {
    let at = time(dead_letter.created_at);
    let reason = match facts.other_amount() {
        Some(taken) => format!(
            "{} took {taken} instead of {}.",
            facts.gateway(),
            facts.order.total
        ),
        None => sentence(&dead_letter.reason),
    };
    match dead_letter.tries {
        0 => format!("The order was left to operators at {at}: {reason}"),
        1 => format!("oms gave up after 1 try at {at}: {reason}"),
        tries => format!("oms gave up after {tries} tries at {at}: {reason}"),
    }
}

fn of_status(facts: &Facts<'_>) -> String {
    match facts.order.status {
        // What was charged says it already.
        OrderStatus::PendingPayment if facts.other_amount().is_some() => String::new(),
        OrderStatus::PendingPayment => pending(facts),
        OrderStatus::Paid if facts.is_free() => {
            "The order was placed, and costs nothing.".to_owned()
        }
        OrderStatus::Paid => paid(facts),
        OrderStatus::Failed => {
            let failure = facts.order.failure.as_ref();
            let reason = failure.map(|failure| sentence(&failure.in_words()));
            format!(
                "The order failed: {}",
                reason.unwrap_or_else(|| "the reason is not recorded.".to_owned())
            )
        }
        OrderStatus::Cancelling if facts.other_amount().is_some() => {
            "The order is being cancelled.".to_owned()
        }
        OrderStatus::Cancelling => {
            let why = match (facts.pending_refund(), facts.payment) {
                (Some(refund), _) => refunding(facts, refund),
                (None, Some(attempt)) => payment(facts, attempt),
                (None, None) => "No payment was begun.".to_owned(),
            };
            format!("The order is being cancelled. {why}{}", last_try(facts))
        }
        OrderStatus::Cancelled => "The order was cancelled.".to_owned(),
        OrderStatus::Refunding => {
            let refund = facts.pending_refund();
            let what = refund.map(|refund| refunding(facts, refund));
            let what = what.unwrap_or_else(|| "A refund is in progress.".to_owned());
            format!("{what}{}", last_try(facts))
        }
        OrderStatus::Refunded
            if facts.is_refund_left_to_the_gateway() || was_taken_by_a_dispute(facts) =>
        {
            "The order was closed as refunded.".to_owned()
        }
        OrderStatus::Refunded => "All of the money was refunded.".to_owned(),
        OrderStatus::Other(word) => {
            format!("The order is {word}, a status that only a newer version of oms knows.")
        }
    }
}

fn was_taken_by_a_dispute(facts: &Facts<'_>) -> bool {
    let mut refunds = facts.refunds.iter();
    refunds.any(|refund| refund.actor == RefundActor::Dispute)
}

fn pending(facts: &Facts<'_>) -> String {
    let happened = match facts.payment {
        Some(attempt) => payment(facts, attempt),
        None => "The order was placed, and its payment has not begun.".to_owned(),
    };
    format!("{happened}{}", last_try(facts))
}

fn payment(facts: &Facts<'_>, attempt: &Attempt) -> String {
    let (gateway, amount) = (&attempt.gateway, attempt.amount);
    // Says more than the state of the attempt.
    let unknown = facts
        .last_change
        .filter(|call| call.effect == CallEffect::Unknown && call.attempt_id == attempt.id);
    match attempt.state {
        AttemptState::Created => match unknown {
            Some(call) => sentence(&unknown_call(call)),
            None => format!(
                "The payment of {amount} was recorded, and {gateway} was not asked to collect it."
            ),
        },
        AttemptState::Sent | AttemptState::Unknown => match unknown {
            Some(call) => sentence(&unknown_call(call)),
            None => {
                format!("{gateway} was asked to collect {amount}, and its answer is not recorded.")
            }
        },
        AttemptState::Authorised => format!("The bank has reserved {amount} for us."),
        AttemptState::NeedsAction => {
            "The bank wants the customer to confirm the payment, for example with 3-D Secure."
                .to_owned()
        }
        AttemptState::Processing => "The bank has not decided about the payment.".to_owned(),
        AttemptState::Voiding => match unknown {
            Some(call) => sentence(&unknown_call(call)),
            None => format!(
                "{gateway} was asked to cancel the payment, and its answer is not recorded."
            ),
        },
        AttemptState::Voided => "The payment was cancelled before any money moved.".to_owned(),
        AttemptState::Declined => match &attempt.decline_code {
            Some(code) => format!("The payment was declined: {}.", code.in_words()),
            None => "The payment was declined.".to_owned(),
        },
        AttemptState::Paid => "The payment was collected.".to_owned(),
        AttemptState::Refunding => "A part of the payment was refunded.".to_owned(),
        AttemptState::Refunded => "The payment was collected and refunded.".to_owned(),
        AttemptState::Other(word) => {
            format!("The payment is {word}, a state that only a newer version of oms knows.")
        }
    }
}

fn paid(facts: &Facts<'_>) -> String {
    // Only the latest one: an earlier one that failed was followed by another.
    let failed = facts.refunds.last();
    let failed = failed.filter(|refund| refund.state == RefundState::Failed);
    let failed = failed.filter(|_| facts.finding(FindingKind::RefundFailed).is_none());
    match failed {
        Some(refund) => {
            let code = refund.failure_code.as_ref();
            let why = code.map_or_else(String::new, |code| format!(": {}", code.in_words()));
            format!(
                "The order is paid. A refund of {} failed{why}.",
                refund.amount
            )
        }
        None => format!("The order is paid.{}", without_warehouse(facts)),
    }
}

/// Why goods are held that no warehouse can send.
fn without_warehouse(facts: &Facts<'_>) -> String {
    let mut orders = facts.open_work();
    let Some(hold) = orders.find_map(no_warehouse) else {
        return String::new();
    };
    let note = hold
        .note
        .as_ref()
        .map(|note| format!(": {}", note.as_str()));
    let why = sentence(&note.unwrap_or_default());
    format!(" Its goods are held because no warehouse can send them{why}")
}

fn refunding(facts: &Facts<'_>, refund: &Refund) -> String {
    let (gateway, amount, at) = (facts.gateway(), refund.amount, time(refund.created_at));
    match refund.reference {
        Some(_) => format!(
            "{gateway} accepted a refund of {amount} at {at}, and the bank has not booked it."
        ),
        None => {
            format!("A refund of {amount} was begun at {at}, and {gateway} has not confirmed it.")
        }
    }
}

fn last_try(facts: &Facts<'_>) -> String {
    // A dead letter has the reason already.
    let failed = facts.last_try.filter(|_| facts.dead_letter.is_none());
    let failed = failed.filter(|_| facts.waiting.is_some_and(|waiting| waiting.tries > 0));
    failed.map_or_else(String::new, |failed| {
        let (at, reason) = (time(failed.at), sentence(&failed.reason));
        format!(" The latest try, at {at}, failed: {reason}")
    })
}
