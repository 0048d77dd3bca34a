//! Applies a gateway event to its order. The event only says where to look: it may be old, repeated or out of order, so
//! the payment is read.

use oms_payments::{
    Attempt, FencePolicy, GatewayEvent, GatewayFault, PaymentError, find_attempt_by_reference,
};
use oms_validation::{OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::actor::WEBHOOK;
use crate::domain::status::OrderStatus;
use crate::error::OrderError;
use crate::service::settling::settle_pending::settle_attempt;
use crate::service::transitions::advance::Advance;
use crate::service::transitions::book_reported::{Followed, GoesOn};
use crate::service::transitions::follow_gateway::{Reach, follow_gateway};
use crate::store::{orders, reconciliations};

/// The result of one try to apply a gateway event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Applied {
    /// The event is finished.
    Done(Outcome),
    /// The gateway was not called, because its breaker is open. Not a try.
    Refused,
    /// The try failed; another may succeed.
    TryAgain {
        /// Why, in words.
        reason: String,
    },
}

/// The outcome of a finished event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// Its order is paid.
    Paid,
    /// Its order failed, and the stock was released.
    Failed,
    /// Its payment is dead, and its order waits for another attempt.
    Held,
    /// The payment waits for the customer, the bank or our own confirmation: nothing to do.
    Pending,
    /// A refund or a dispute was booked.
    Booked,
    /// The order was settled before, or the books already agreed.
    Superseded,
    /// No attempt has this payment.
    UnknownReference,
    /// The order is due for the sweeper now.
    LeftToSweeper,
    /// The order waits for an operator's decision.
    LeftToPerson,
    /// It failed too often. The sweeper owns the order anyway.
    GivenUp,
}

impl Outcome {
    /// All outcomes.
    pub(crate) const ALL: [Self; 10] = [
        Self::Paid,
        Self::Failed,
        Self::Held,
        Self::Pending,
        Self::Booked,
        Self::Superseded,
        Self::UnknownReference,
        Self::LeftToSweeper,
        Self::LeftToPerson,
        Self::GivenUp,
    ];

    /// The value stored with the event.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::Failed => "failed",
            Self::Held => "held",
            Self::Pending => "pending",
            Self::Booked => "booked",
            Self::Superseded => "superseded",
            Self::UnknownReference => "unknown_reference",
            Self::LeftToSweeper => "left_to_sweeper",
            Self::LeftToPerson => "left_to_person",
            Self::GivenUp => "given_up",
        }
    }
}

/// Applies a gateway event. Can be repeated: what was done before is not done again.
///
/// # Errors
/// If the database fails; the caller treats it as a failed try.
pub(crate) async fn apply_gateway_event(
    context: &OrderContext,
    tenant: TenantId,
    event: &GatewayEvent,
) -> Result<Applied, OrderError> {
    let Some((attempt, status)) = find_order(context, tenant, event).await? else {
        return Ok(Applied::Done(Outcome::UnknownReference));
    };
    let applied = apply_to_order(context, tenant, &attempt, status).await?;
    match (&applied, event.is_about_money_given_back()) {
        (Applied::Done(done), true) => follow(context, tenant, &attempt, *done).await,
        _ => Ok(applied),
    }
}

async fn apply_to_order(
    context: &OrderContext,
    tenant: TenantId,
    attempt: &Attempt,
    status: OrderStatus,
) -> Result<Applied, OrderError> {
    match status {
        OrderStatus::PendingPayment => settle(context, tenant, attempt).await,
        // These take several calls, which only the sweeper and the request itself can continue.
        OrderStatus::Cancelling | OrderStatus::Refunding => {
            leave_to_sweeper(context, tenant, attempt.order_id).await
        }
        OrderStatus::Paid
        | OrderStatus::Failed
        | OrderStatus::Cancelled
        | OrderStatus::Refunded => Ok(Applied::Done(Outcome::Superseded)),
        // A newer version of the program, which runs beside this one, knows what to do.
        OrderStatus::Other(_) => Ok(Applied::Refused),
    }
}

/// The attempt that has the payment, and the status of its order. An order is committed together with its attempt, and
/// the reference before any money can move, so a payment that is not found is not ours.
async fn find_order(
    context: &OrderContext,
    tenant: TenantId,
    event: &GatewayEvent,
) -> Result<Option<(Attempt, OrderStatus)>, OrderError> {
    let mut connection = context.database.acquire().await?;
    let (gateway, reference) = (event.gateway.as_str(), &event.reference);
    let attempt = find_attempt_by_reference(&mut connection, tenant, gateway, reference).await?;
    let Some(attempt) = attempt else {
        return Ok(None);
    };
    let status = orders::find_status(&mut connection, tenant, attempt.order_id).await?;
    Ok(status.map(|status| (attempt, status)))
}

/// Only observes: the request that placed the order may be confirming its payment right now.
async fn settle(
    context: &OrderContext,
    tenant: TenantId,
    attempt: &Attempt,
) -> Result<Applied, OrderError> {
    let (policy, when_dead) = (FencePolicy::Observe, context.settings.decline_policy);
    let settled = settle_attempt(context, tenant, attempt, policy, when_dead, WEBHOOK).await?;
    let outcome = match settled {
        Advance::Paid => Outcome::Paid,
        Advance::Failed => Outcome::Failed,
        Advance::Held => Outcome::Held,
        Advance::Superseded => Outcome::Superseded,
        // A pending order never reaches these: another request or worker has moved it on.
        Advance::Cancelled | Advance::Refunded | Advance::RefundFailed => Outcome::Superseded,
        Advance::Waiting => Outcome::Pending,
        Advance::Refused => return Ok(Applied::Refused),
        Advance::TryAgain { reason } => return Ok(Applied::TryAgain { reason }),
        // The sweeper finds the same, gives the order up, and raises the alert.
        Advance::NeedsOperator { .. } => {
            return leave_to_sweeper(context, tenant, attempt.order_id).await;
        }
    };
    Ok(Applied::Done(outcome))
}

/// Books refunds and disputes, whatever the status of the order. `done` is the outcome of the event so far.
async fn follow(
    context: &OrderContext,
    tenant: TenantId,
    attempt: &Attempt,
    done: Outcome,
) -> Result<Applied, OrderError> {
    let (reach, goes_on) = (Reach::RefundsAndDisputes, GoesOn::Sweeper);
    let followed = match follow_gateway(context, tenant, attempt, reach, goes_on).await {
        Err(OrderError::Payment(PaymentError::Gateway(error)))
            if *error.fault() == GatewayFault::BreakerOpen =>
        {
            return Ok(Applied::Refused);
        }
        followed => followed?,
    };
    Ok(match (followed, done) {
        (Followed::Changed, _) => Applied::Done(Outcome::Booked),
        (Followed::Unchanged, done) => Applied::Done(done),
        (Followed::Deferred, _) => Applied::TryAgain {
            reason: "our own refund of the payment has not ended".to_owned(),
        },
        (Followed::Overtaken, _) => Applied::TryAgain {
            reason: "the order kept changing while its payment was read".to_owned(),
        },
    })
}

async fn leave_to_sweeper(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<Applied, OrderError> {
    let mut connection = context.database.acquire().await?;
    let now = context.now();
    let listed = reconciliations::bring_forward(&mut connection, tenant, now, order_id).await?;
    Ok(Applied::Done(match listed {
        true => Outcome::LeftToSweeper,
        false => Outcome::LeftToPerson,
    }))
}
