//! The lines of an order, its payment, its refunds and its ledger.

use std::collections::HashMap;

use oms_orders::OrderDetails;
use oms_payments::{AttemptState, DisputeState, RefundState, dispute_in_words};
use oms_validation::{Money as Amount, ProductId};

use crate::display;
use crate::words;

/// A line.
pub(super) struct LineRow {
    pub(super) number: usize,
    pub(super) sku: String,
    pub(super) product: String,
    pub(super) quantity: i32,
    pub(super) price: String,
    pub(super) payable: String,
}

/// An adjustment.
pub(super) struct AdjustmentRow {
    pub(super) label: String,
    pub(super) kind: &'static str,
    pub(super) amount: String,
    pub(super) is_included: bool,
}

/// A refund.
pub(super) struct RefundRow {
    pub(super) amount: String,
    pub(super) state: &'static str,
    pub(super) tone: &'static str,
    pub(super) by: String,
    pub(super) reason: Option<String>,
    pub(super) reference: Option<String>,
    /// Why it failed.
    pub(super) failure: Option<String>,
    pub(super) at: String,
}

/// A dispute.
pub(super) struct DisputeRow {
    pub(super) tone: &'static str,
    pub(super) reference: String,
    pub(super) amount: String,
    pub(super) reason: String,
    pub(super) state: String,
    pub(super) due: Option<String>,
}

/// The payment.
pub(super) struct PaymentFacts {
    pub(super) state: &'static str,
    pub(super) tone: &'static str,
    pub(super) number: i32,
    pub(super) gateway: String,
    pub(super) reference: Option<String>,
    pub(super) amount: String,
    pub(super) captured: Option<String>,
    pub(super) declined: Option<String>,
}

/// The money of an order.
pub(super) struct Money {
    pub(super) total: String,
    pub(super) adjustments: Vec<AdjustmentRow>,
    pub(super) owed: String,
    pub(super) held: String,
    pub(super) balance: String,
    pub(super) balance_tone: &'static str,
    pub(super) payment: Option<PaymentFacts>,
    pub(super) refunds: Vec<RefundRow>,
    pub(super) disputes: Vec<DisputeRow>,
}

pub(super) fn lines(details: &OrderDetails, skus: &HashMap<ProductId, String>) -> Vec<LineRow> {
    let lines = details.order.lines.iter().zip(1..);
    let row = |(line, number): (&oms_orders::OrderLine, usize)| LineRow {
        number,
        sku: skus
            .get(&line.product_id)
            .cloned()
            .unwrap_or_else(|| "–".to_owned()),
        product: line.product_id.to_string(),
        quantity: line.quantity,
        price: line.unit_price.to_string(),
        payable: line.payable.to_string(),
    };
    lines.map(row).collect()
}

pub(super) fn money(details: &OrderDetails) -> Money {
    let (order, ledger) = (&details.order, details.ledger());
    let currency = order.total.currency;
    let adjustments = order.adjustments.iter().map(|it| AdjustmentRow {
        label: it.label.clone(),
        kind: it.kind.as_str(),
        amount: Amount {
            amount_minor: it.amount_minor,
            currency,
        }
        .to_string(),
        is_included: it.included,
    });
    // While the outcome is unknown, our books are no statement about the money.
    let is_unknown = details.payment.as_ref().is_some_and(|attempt| {
        let states = [
            AttemptState::Sent,
            AttemptState::Unknown,
            AttemptState::Voiding,
        ];
        attempt.captured.is_none() && states.contains(&attempt.state)
    });
    let known = |words: String| match is_unknown {
        true => "Unknown".to_owned(),
        false => words,
    };
    let (balance, balance_tone) = words::balance(ledger.balance);
    Money {
        total: order.total.to_string(),
        adjustments: adjustments.collect(),
        owed: ledger.owed.to_string(),
        held: known(ledger.held.to_string()),
        balance: known(balance),
        balance_tone,
        payment: payment(details),
        refunds: refunds(details),
        disputes: disputes(details),
    }
}

fn payment(details: &OrderDetails) -> Option<PaymentFacts> {
    let attempt = details.payment.as_ref()?;
    let (state, tone) = match attempt.state {
        AttemptState::Created => ("Created", "busy"),
        AttemptState::Sent => ("Sent to the gateway", "busy"),
        AttemptState::Authorised => ("Authorised", "busy"),
        AttemptState::NeedsAction => ("Needs the customer", "wait"),
        AttemptState::Processing => ("The bank decides", "wait"),
        AttemptState::Unknown => ("Outcome unknown", "bad"),
        AttemptState::Voiding => ("Being voided", "busy"),
        AttemptState::Voided => ("Voided", "idle"),
        AttemptState::Declined => ("Declined", "idle"),
        AttemptState::Paid => ("Paid", "ok"),
        AttemptState::Refunding => ("Being refunded", "busy"),
        AttemptState::Refunded => ("Refunded", "idle"),
        AttemptState::Other(word) => (word, "note"),
    };
    Some(PaymentFacts {
        state,
        tone,
        number: attempt.number,
        gateway: attempt.gateway.clone(),
        reference: attempt.reference.as_ref().map(ToString::to_string),
        amount: attempt.amount.to_string(),
        captured: attempt.captured.map(|captured| captured.to_string()),
        declined: attempt
            .decline_code
            .as_ref()
            .map(|code| display::capital(&code.in_words())),
    })
}

fn refunds(details: &OrderDetails) -> Vec<RefundRow> {
    let row = |refund: &oms_payments::Refund| {
        let (state, tone) = match refund.state {
            RefundState::Pending => ("In progress", "busy"),
            RefundState::Refunded => ("Refunded", "ok"),
            RefundState::Failed => ("Failed", "bad"),
            RefundState::Other(word) => (word, "note"),
        };
        let by = refund.requested_by.clone();
        RefundRow {
            amount: refund.amount.to_string(),
            state,
            tone,
            by: by.unwrap_or_else(|| words::refunder(refund.actor).to_owned()),
            reason: refund.reason.clone(),
            reference: refund.reference.as_ref().map(ToString::to_string),
            failure: refund
                .failure_code
                .as_ref()
                .map(|code| display::capital(&code.in_words())),
            at: display::time(refund.created_at),
        }
    };
    details.refunds.iter().map(row).collect()
}

fn disputes(details: &OrderDetails) -> Vec<DisputeRow> {
    let row = |dispute: &oms_orders::Dispute| DisputeRow {
        reference: dispute.reference.to_string(),
        amount: dispute.amount.to_string(),
        reason: display::capital(&dispute_in_words(&dispute.reason)),
        state: display::capital(dispute.state.in_words()),
        due: dispute
            .evidence_due_at
            .filter(|_| dispute.state.is_open())
            .map(display::time),
        tone: match dispute.state {
            state if state.is_open() => "bad",
            DisputeState::Lost => "idle",
            _ => "ok",
        },
    };
    details.disputes.iter().map(row).collect()
}
