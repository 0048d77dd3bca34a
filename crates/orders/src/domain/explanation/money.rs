//! Where the money is.

use oms_payments::{AttemptState, RefundState};

use super::Facts;
use crate::domain::finding::FindingKind;

/// Where the money is.
pub(super) fn money(facts: &Facts<'_>) -> String {
    if facts.is_free() {
        return "Nothing is to be paid.".to_owned();
    }
    let Some(attempt) = facts.payment else {
        return "No money was taken.".to_owned();
    };
    if attempt.captured.is_some() {
        return captured(facts);
    }
    if let Some(taken) = facts.other_amount() {
        return format!(
            "{} took {taken}; the order costs {}.",
            attempt.gateway, facts.order.total
        );
    }
    let (gateway, amount) = (&attempt.gateway, attempt.amount);
    match attempt.state {
        AttemptState::Sent | AttemptState::Unknown | AttemptState::Voiding => {
            format!("Unknown: {gateway} may have taken {amount}.")
        }
        AttemptState::Authorised => {
            format!("{amount} is reserved at the customer's bank, and not taken.")
        }
        AttemptState::Processing => format!("Nothing has arrived, and {amount} still may."),
        AttemptState::Other(_) => {
            format!("Unknown to this version of oms: {gateway} may have taken {amount}.")
        }
        _ => "No money was taken.".to_owned(),
    }
}

fn captured(facts: &Facts<'_>) -> String {
    let captured = facts.payment.and_then(|attempt| attempt.captured);
    let captured = captured.unwrap_or(facts.amount(0));
    let (held, balance) = (facts.ledger.held, facts.ledger.balance);
    let refunded = facts.amount(captured.amount_minor - held.amount_minor);
    let mismatch = facts.finding(FindingKind::AmountMismatch);
    let mismatch = mismatch.and_then(|finding| Some((&finding.gateway, finding.found?)));
    let mut text = match (held.amount_minor, refunded.amount_minor, mismatch) {
        (_, 0, Some((gateway, found))) => {
            format!("Our books have {held}; {gateway} has {found}.")
        }
        (_, 0, None) => format!("We hold {held}."),
        (0, _, _) => format!("We hold nothing: all of the {captured} was refunded."),
        _ => format!("We hold {held} of {captured}; {refunded} was refunded."),
    };
    let pending = facts.refunds.iter();
    let pending = pending.filter(|refund| refund.state == RefundState::Pending);
    let pending: i64 = pending.map(|refund| refund.amount.amount_minor).sum();
    // What a pending refund pays is owed already, or is not owed any more.
    let owing = -balance.amount_minor - pending;
    if pending > 0 {
        let pending = facts.amount(pending);
        text.push_str(&format!(" {pending} is being refunded."));
    }
    if owing > 0 {
        let owing = facts.amount(owing);
        text.push_str(&format!(" {owing} of it is owed to the customer."));
    }
    if balance.amount_minor > 0 {
        text.push_str(&format!(" The customer owes {balance}."));
    }
    if let Some(dispute) = facts.open_dispute() {
        let amount = dispute.amount;
        text.push_str(&format!(
            " The bank may give {amount} of it to the customer."
        ));
    }
    text
}
