//! What a message of the gateway does to the order that it is about. The message only says where to look: it may be old,
//! repeated or out of order, so the payment is read.

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

/// What became of one try to apply a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Applied {
    /// It is done with.
    Done(Outcome),
    /// The gateway was not asked, because its breaker is open: no try at all.
    Refused,
    /// The try failed; another one may not.
    TryAgain {
        /// Why, in words.
        reason: String,
    },
}

/// What became of a message that is done with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// Its order was found paid.
    Paid,
    /// Its order failed, and the stock was given back.
    Failed,
    /// Its payment is dead, and its order waits for another attempt.
    Held,
    /// The payment waits for the customer, the bank or our own confirmation: there is nothing to be done.
    Pending,
    /// Money was given back or is disputed, and the books say so now.
    Booked,
    /// The order had ended before, or its books said so already.
    Superseded,
    /// Nothing of ours has this payment.
    UnknownReference,
    /// The sweeper goes on with the order, at once.
    LeftToSweeper,
    /// The order waits for a person, who decides.
    LeftToPerson,
    /// It was tried too often. The sweeper owns the order anyway.
    GivenUp,
}

impl Outcome {
    /// All of them.
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

    /// As it is stored with the message.
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

/// Does what a message asks for, in so far as it has not been done. Can be repeated.
///
/// # Errors
/// When the database fails; to be taken as a failed try.
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
        // These are steps of several calls, which only the sweeper and the request itself know how to go on with.
        OrderStatus::Cancelling | OrderStatus::Refunding => {
            leave_to_sweeper(context, tenant, attempt.order_id).await
        }
        OrderStatus::Paid
        | OrderStatus::Failed
        | OrderStatus::Cancelled
        | OrderStatus::Refunded => Ok(Applied::Done(Outcome::Superseded)),
        // A newer version of the program, beside this one, knows what to do.
        OrderStatus::Other(_) => Ok(Applied::Refused),
    }
}

/// The attempt that has the payment, and where its order is. An order is committed together with its attempt, and the
/// reference before any money can move: what is not found is not ours.
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

/// Only observes: the request that placed the order may be confirming its payment at this moment.
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
        // What only an order comes to that is not pending: somebody else has moved it on.
        Advance::Cancelled | Advance::Refunded | Advance::RefundFailed => Outcome::Superseded,
        Advance::Waiting => Outcome::Pending,
        Advance::Refused => return Ok(Applied::Refused),
        Advance::TryAgain { reason } => return Ok(Applied::TryAgain { reason }),
        // The sweeper finds the same, and is the one who gives up and alerts.
        Advance::NeedsPerson { .. } => {
            return leave_to_sweeper(context, tenant, attempt.order_id).await;
        }
    };
    Ok(Applied::Done(outcome))
}

/// Books what was given back or is disputed, whatever became of the order. `done` is what the message has done before.
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
