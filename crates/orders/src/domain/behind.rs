//! Detects that our books of a payment may be behind the gateway's. If so, the payment's refunds and disputes are read.

use oms_payments::{Attempt, Capture, ChargeStatus, ListedCharge};

use crate::domain::status::OrderStatus;
use crate::domain::suspicion::FoundOrder;

/// Whether a charge of one of our payments shows other refunds than our books, whose sum is `given_back_minor`, or was
/// ever disputed. An order that waits for its payment has no refunds.
pub(crate) fn is_behind(
    charge: &ListedCharge,
    attempt: &Attempt,
    order: Option<FoundOrder>,
    given_back_minor: i64,
) -> bool {
    let is_open = matches!(
        order.map(|order| order.status),
        None | Some(OrderStatus::PendingPayment | OrderStatus::Other(_))
    );
    let is_taken = charge.status == ChargeStatus::Succeeded && charge.capture == Capture::Captured;
    // Our books count a lost dispute as a refund, but the charge does not.
    let differs = charge.disputed || charge.refunded.amount_minor != given_back_minor;
    !is_open && is_taken && attempt.captured.is_some() && differs
}
