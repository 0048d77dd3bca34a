//! Ending a refund, in the transaction that also moves its order.

use oms_database::{Connection, DbError};
use oms_validation::{Money, TenantId};

use super::mirror_refunds::{refunds_of, state_after};
use crate::domain::mirroring::sum;
use crate::store::{attempts, refunds};
use crate::{Attempt, AttemptState, PaymentError, Refund, RefundEnd, UnsavedCalls};

/// What a refund that has ended leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    /// What is neither given back nor about to be.
    pub left: Money,
    /// Where the attempt is: `Refunded` when nothing is left and nothing is pending, or else `Paid`.
    pub attempt: AttemptState,
}

/// Ends a pending refund by compare-and-set, and its attempt with it. Returns what it leaves, or none when somebody else has
/// ended it: then change nothing else either.
///
/// What is left is counted anew under the lock of the attempt: others give money back at the gateway meanwhile.
///
/// Take the end from [`RefundResult::end`](crate::RefundResult::end), which gives one only where the gateway has said so.
///
/// # Errors
/// When the database does not answer.
pub async fn finish_refund(
    connection: &mut Connection,
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
    let to = state_after(captured, &refunds);
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
