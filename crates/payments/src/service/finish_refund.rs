//! Finishing a refund, in the transaction that also moves its order.

use oms_database::{Connection, DbError};
use oms_validation::{Money, TenantId};

use super::mirror_refunds::{refunds_of, state_after};
use crate::domain::mirroring::sum;
use crate::store::{attempts, refunds};
use crate::{Attempt, AttemptState, PaymentError, PaymentGateway, Refund, RefundEnd, UnsavedCalls};

/// What remains after a refund has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    /// What is neither refunded nor pending.
    pub left: Money,
    /// The attempt's new state: `Refunded` if nothing is left that the gateway can refund, and nothing is pending;
    /// otherwise `Paid`.
    pub attempt: AttemptState,
}

/// Ends a pending refund and moves its attempt, by compare-and-set. Returns what remains, or `None` when another worker
/// has ended the refund: then change nothing else either.
///
/// The remainder is counted again under the lock of the attempt, because refunds may have been made at the gateway
/// meanwhile.
///
/// Take the end from [`RefundResult::end`](crate::RefundResult::end), which has one only if the gateway confirmed it.
///
/// # Errors
/// When the database does not answer.
pub async fn finish_refund(
    connection: &mut Connection,
    gateway: &dyn PaymentGateway,
    tenant_id: TenantId,
    refund: &Refund,
    end: &RefundEnd,
) -> Result<Option<Finished>, PaymentError> {
    let attempt = attempts::lock(connection, tenant_id, refund.attempt_id).await?;
    let Some((attempt, captured)) = attempt.and_then(captured) else {
        return Ok(None);
    };
    if !refunds::end_refund(connection, tenant_id, refund.id, end).await? {
        return Ok(None);
    }
    let refunds = refunds_of(connection, tenant_id, &attempt).await?;
    let left = Money {
        amount_minor: captured.amount_minor - sum(&refunds),
        ..captured
    };
    let to = state_after(captured, &refunds, gateway.step(captured.currency));
    let (id, from) = (attempt.id, &[AttemptState::Refunding]);
    let none = UnsavedCalls::none();
    let moved = attempts::move_attempt(connection, tenant_id, id, from, to, &none).await?;
    DbError::unless_changed(moved, "an attempt with a pending refund is being refunded")?;
    Ok(Some(Finished { left, attempt: to }))
}

fn captured(attempt: Attempt) -> Option<(Attempt, Money)> {
    let captured = attempt.captured?;
    Some((attempt, captured))
}
