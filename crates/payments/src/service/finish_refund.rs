//! Ending a refund, in the transaction that also moves its order.

use oms_database::{Connection, DbError};
use oms_validation::{Money, TenantId};

use crate::store::{attempts, refunds};
use crate::{AttemptState, PaymentError, Refund, RefundEnd, UnsavedCalls};

/// Ends a pending refund by compare-and-set, and its attempt with it: refunded when nothing is left of what was captured,
/// or else paid again. Returns what is left, or none when somebody else has ended it: then change nothing else either.
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
) -> Result<Option<Money>, PaymentError> {
    if !refunds::end_refund(connection, tenant_id, refund.id, end).await? {
        return Ok(None);
    }
    let left = refund.left_after(end);
    let to = match left.amount_minor {
        0 => AttemptState::Refunded,
        _ => AttemptState::Paid,
    };
    let (id, from) = (refund.attempt_id, &[AttemptState::Refunding]);
    let none = UnsavedCalls::none();
    let moved = attempts::move_attempt(connection, tenant_id, id, from, to, &none).await?;
    DbError::unless_changed(moved, "an attempt with a pending refund is being refunded")?;
    Ok(Some(left))
}
