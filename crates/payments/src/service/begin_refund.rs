//! Beginning a refund, in the transaction that also moves its order.

use oms_database::{Connection, DbError};
use oms_validation::{Money, TenantId};

use crate::store::refunds::Tally;
use crate::store::{attempts, refunds};
use crate::{
    Asked, Attempt, AttemptState, NewRefund, PaymentError, PaymentGateway, Refund, UnsavedCalls,
};

/// The result of [`begin_refund`]. Only `Begun` changed anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BeginRefund {
    /// The refund is recorded as pending, and its attempt is `Refunding`. Execute it after the transaction commits.
    Begun(Refund),
    /// The idempotency key belongs to this refund. It may be of another order or amount: compare them.
    KeyTaken(Refund),
    /// The amount exceeds what remains of the captured amount, or is in another currency.
    ExceedsCaptured {
        /// What remains.
        available: Money,
    },
    /// The order has no paid payment, another refund of it is pending, or nothing remains of it.
    NotRefundable,
}

/// Begins to refund money of an order's payment. The attempt stays locked until the caller's transaction ends, and the
/// remainder is counted under that lock, so that the sum of refunds never exceeds what was captured. All that remains is
/// rounded down to what the gateway can express; the gateway is not called.
///
/// # Errors
/// When the database does not answer, or rejects what [`NewRefund`] does not allow.
pub async fn begin_refund(
    connection: &mut Connection,
    gateway: &dyn PaymentGateway,
    tenant_id: TenantId,
    new: &NewRefund,
) -> Result<BeginRefund, PaymentError> {
    let attempt = attempts::lock_latest_by_order(connection, tenant_id, new.order_id).await?;
    if let Some(key) = &new.idempotency_key {
        // After the lock, so that a concurrent request with the same key is seen.
        let taken = refunds::find_by_key(connection, tenant_id, key).await?;
        if let Some(refund) = taken {
            return Ok(BeginRefund::KeyTaken(refund));
        }
    }
    let Some((attempt, captured)) = attempt.and_then(refundable) else {
        return Ok(BeginRefund::NotRefundable);
    };
    let tally = refunds::count(connection, tenant_id, new.order_id, attempt.id).await?;
    let rest_minor = captured.amount_minor - tally.refunded_minor;
    let available = Money {
        amount_minor: gateway.step(captured.currency).floor(rest_minor),
        ..captured
    };
    let amount = new.amount.unwrap_or(available);
    // The remainder can be zero while a refund that was made at the gateway itself is pending.
    let is_too_much = amount.amount_minor > available.amount_minor || available.amount_minor == 0;
    if amount.currency != available.currency || is_too_much {
        return Ok(BeginRefund::ExceedsCaptured { available });
    }
    let left = Money {
        amount_minor: rest_minor - amount.amount_minor,
        ..captured
    };
    record(connection, tenant_id, new, &attempt, tally, (amount, left)).await
}

/// Returns a paid attempt and the amount that it captured.
fn refundable(attempt: Attempt) -> Option<(Attempt, Money)> {
    let captured = attempt.captured?;
    (attempt.state == AttemptState::Paid).then_some((attempt, captured))
}

async fn record(
    connection: &mut Connection,
    tenant_id: TenantId,
    new: &NewRefund,
    attempt: &Attempt,
    tally: Tally,
    (amount, left): (Money, Money),
) -> Result<BeginRefund, PaymentError> {
    let number = tally.last_number + 1;
    let inserted =
        refunds::insert_refund(connection, tenant_id, new, attempt.id, number, amount, left)
            .await?;
    let Some(refund) = inserted else {
        // A refund of another order has claimed the key meanwhile.
        let key = new.idempotency_key.as_ref();
        let key = key.expect("only a request with a key can conflict on it");
        let taken = refunds::find_by_key(connection, tenant_id, key).await?;
        return Ok(taken.map_or(BeginRefund::NotRefundable, BeginRefund::KeyTaken));
    };
    let (from, to) = (&[AttemptState::Paid], AttemptState::Refunding);
    let none = UnsavedCalls::none();
    let moved = attempts::move_attempt(connection, tenant_id, attempt.id, from, to, &none).await?;
    DbError::unless_changed(moved, "the attempt is locked and was paid")?;
    Ok(BeginRefund::Begun(Refund {
        asked: Asked::Never,
        ..refund
    }))
}
