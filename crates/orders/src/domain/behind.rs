//! Whether our books of a payment are behind the gateway's: a sign only, for which the payment's refunds and disputes are then
//! read.

use oms_payments::{Attempt, Capture, ChargeStatus, ListedCharge};

use crate::domain::status::OrderStatus;
use crate::domain::suspicion::FoundOrder;

/// Whether a charge of a payment of ours shows other refunds than our books, of which `given_back_minor` is the sum, or was
/// ever disputed. Nothing is given back of an order that waits for its payment.
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
    // A dispute that was lost is given back in our books, and is no refund of the charge.
    let differs = charge.disputed || charge.refunded.amount_minor != given_back_minor;
    !is_open && is_taken && attempt.captured.is_some() && differs
}
