//! Pays a placed order by another method, while its stock is held: starts a new attempt once the previous one is proven
//! dead.
//!
//! Run it in a task that is never cancelled, so that a client that disconnects does not change the outcome.

use std::sync::Arc;

use oms_database::Connection;
use oms_fulfilment::NewFulfilmentOrder;
use oms_payments::{
    Attempt, AttemptId, AttemptState, FencePolicy, NewAttempt, PaymentInstruction, ReturnUrl,
    find_payment, record_attempts,
};
use oms_validation::{IdempotencyKey, Keyed, Once, OrderId, TenantId};

use crate::context::{DeclinePolicy, OrderContext};
use crate::domain::authorship::Authorship;
use crate::domain::fingerprint::of_method;
use crate::domain::open_payment::{MAX_ATTEMPTS, attempt_begins};
use crate::domain::placed_order::PlacedOrder;
use crate::domain::status::OrderStatus;
use crate::error::{NotPaid, OrderError, PayingError};
use crate::service::placing::bounds::refuse_declined;
use crate::service::placing::collect::{Collection, WhenNotStarted, collect};
use crate::service::placing::stored_answer::answer_as_stored;
use crate::service::settling::settle_pending::settle_attempt;
use crate::service::transitions::advance::Advance;
use crate::service::transitions::change_status::add_note;
use crate::service::transitions::claim_key::{claim_key, was_done};
use crate::service::transitions::open_fulfilment::to_send;
use crate::service::transitions::patience::Patience;
use crate::service::transitions::worklist::put_on;
use crate::store::orders;
use crate::store::reconciliations::Stock;

/// How many times a request looks at an order that others keep changing, before the client is asked to retry.
const MOST_LOOKS: usize = 4;

/// What the first transaction found or started.
enum Begun {
    /// An earlier request with the key started an attempt.
    Before,
    /// The order was paid by something else.
    Paid,
    /// The previous attempt may still take money.
    Fence(Attempt),
    /// This request started an attempt.
    Now(Attempt),
}

/// Pays an order by another method in the name of `actor`, once for each key. Returns [`PlacedOrder::PaidBefore`] if
/// something else paid the order, such as the previous attempt when it was too late to cancel it.
///
/// # Errors
/// `NotFound` if the tenant has no such order, `KeyReused` if the key belongs to another request, `NotPaid` as
/// `Cancelled` and `Closed` if the order is not pending, `Exceeded` after too many declined payments, `Expired` after
/// its deadline, `TooManyPayments` after too many attempts, `InProgress` while an attempt is in progress: no attempt
/// was started. `NotPaid` as `Unpaid` and `Failed` if the payment was declined; otherwise if the gateway or the
/// database can't be reached.
pub async fn pay_order(
    context: &Arc<OrderContext>,
    tenant: TenantId,
    order_id: OrderId,
    key: &IdempotencyKey,
    instruction: &PaymentInstruction,
    actor: &str,
) -> Result<Once<PlacedOrder>, PayingError> {
    let return_url = instruction.return_url.as_ref().map(ReturnUrl::as_str);
    let request = (order_id, of_method(&instruction.method), return_url);
    let keyed = Keyed::new(key, "pay order v1", &request);
    for _ in 0..MOST_LOOKS {
        let begun = begin(context, tenant, order_id, &keyed, actor).await;
        if let Err(PayingError::Exceeded(exceeded)) = &begun {
            context.count_exceeded(exceeded);
        }
        match begun? {
            Begun::Before => {
                let answer = answer_as_stored(context, tenant, order_id, true).await??;
                return Ok(Once::Before(answer));
            }
            Begun::Paid => {
                let answer = answer_as_stored(context, tenant, order_id, true).await??;
                return Ok(Once::Now(answer.paid_before()));
            }
            Begun::Fence(attempt) => fence(context, tenant, &attempt, actor).await?,
            Begun::Now(attempt) => {
                oms_failpoints::reached("orders.paying_again");
                let paid = pay(context, tenant, &attempt, key, instruction, actor).await?;
                return Ok(Once::Now(paid));
            }
        }
    }
    Err(PayingError::InProgress(order_id))
}

async fn begin(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
    keyed: &Keyed<'_>,
    actor: &str,
) -> Result<Begun, PayingError> {
    let mut patience = Patience::new(context, tenant, order_id.as_uuid());
    loop {
        let tried = patience.attempt(async |connection| {
            begin_in(context, connection, tenant, order_id, keyed, actor).await
        });
        if let Some(done) = tried.await {
            break done;
        }
    }
}

/// Decides under the order's lock, which every transaction that settles, cancels or pays the order takes first.
async fn begin_in(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    keyed: &Keyed<'_>,
    actor: &str,
) -> Result<Begun, PayingError> {
    let placed = orders::lock_placed(connection, tenant, context.now(), order_id).await?;
    let placed = placed.ok_or(OrderError::NotFound)?;
    if was_done(connection, tenant, Some(keyed)).await? {
        return Ok(Begun::Before);
    }
    match placed.status {
        OrderStatus::PendingPayment => {}
        OrderStatus::Paid => return Ok(Begun::Paid),
        status @ (OrderStatus::Cancelling | OrderStatus::Cancelled) => {
            return Err(NotPaid::Cancelled { order_id, status }.into());
        }
        status => return Err(PayingError::Closed { order_id, status }),
    }
    if placed.age >= context.settings.pending_payment_deadline {
        return Err(PayingError::Expired(order_id));
    }
    if !context.gateway.is_available() {
        return Err(PayingError::GatewayUnavailable);
    }
    refuse_declined(context, connection, tenant, order_id, actor).await?;
    let former = find_payment(connection, tenant, order_id).await?;
    let former = former.ok_or(PayingError::InProgress(order_id))?;
    match former.state {
        state if state.is_dead() => {
            record(context, connection, tenant, &former, keyed, actor).await
        }
        AttemptState::NeedsAction
        | AttemptState::Authorised
        | AttemptState::Unknown
        | AttemptState::Voiding => Ok(Begun::Fence(former)),
        // Another request is collecting it, or the bank is processing it.
        _ => Err(PayingError::InProgress(order_id)),
    }
}

async fn record(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    former: &Attempt,
    keyed: &Keyed<'_>,
    actor: &str,
) -> Result<Begun, PayingError> {
    let (now, order_id) = (context.now(), former.order_id);
    if former.number >= MAX_ATTEMPTS {
        return Err(PayingError::TooManyPayments(order_id));
    }
    if claim_key(connection, tenant, Some(keyed)).await? == Once::Before(()) {
        return Ok(Begun::Before);
    }
    let new = NewAttempt {
        id: AttemptId::generate(),
        order_id,
        number: former.number + 1,
        amount: former.amount,
        gateway: context.gateway.name().to_owned(),
    };
    let reason = attempt_begins(new.number);
    let authorship = Authorship {
        actor,
        reason: &reason,
    };
    add_note(connection, tenant, now, order_id, authorship).await?;
    let mut recorded = record_attempts(connection, tenant, &[new]).await?;
    let delay = context.settings.sweep_after;
    put_on(
        connection,
        tenant,
        now,
        order_id,
        delay,
        Stock::Unpaid,
        actor,
    )
    .await?;
    Ok(Begun::Now(recorded.remove(0)))
}

/// Makes sure that the previous attempt can't take money any more, or finds that it has paid the order.
async fn fence(
    context: &OrderContext,
    tenant: TenantId,
    attempt: &Attempt,
    actor: &str,
) -> Result<(), PayingError> {
    let (policy, when_dead) = (FencePolicy::CancelPending, DeclinePolicy::Hold);
    match settle_attempt(context, tenant, attempt, policy, when_dead, actor).await? {
        Advance::Refused => Err(PayingError::GatewayUnavailable),
        // The gateway did not answer, did not cancel, or charged an amount that only an operator can accept.
        Advance::TryAgain { .. } | Advance::Waiting | Advance::NeedsOperator { .. } => {
            Err(PayingError::InProgress(attempt.order_id))
        }
        // The next look finds the outcome.
        Advance::Paid
        | Advance::Held
        | Advance::Failed
        | Advance::Cancelled
        | Advance::Refunded
        | Advance::RefundFailed
        | Advance::Superseded => Ok(()),
    }
}

async fn pay(
    context: &Arc<OrderContext>,
    tenant: TenantId,
    attempt: &Attempt,
    key: &IdempotencyKey,
    instruction: &PaymentInstruction,
    actor: &str,
) -> Result<PlacedOrder, PayingError> {
    let order_id = attempt.order_id;
    let when_not_started = WhenNotStarted::KeepOrder(key);
    let sends = find_sends(context, tenant, order_id).await;
    let sends = sends.map_err(OrderError::after_commit)?;
    match collect(
        context,
        tenant,
        (attempt, sends),
        instruction,
        when_not_started,
        actor,
    )
    .await
    {
        Collection::NotStarted(error) => Err(error.into()),
        Collection::Failed(failure) => Err(NotPaid::Failed { order_id, failure }.into()),
        Collection::Paid | Collection::Stored { .. } => {
            Ok(answer_as_stored(context, tenant, order_id, true).await??)
        }
    }
}

/// What the warehouse of the order has to send.
async fn find_sends(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<NewFulfilmentOrder, OrderError> {
    let mut connection = context.database.acquire().await?;
    let order = orders::find(&mut connection, tenant, order_id).await?;
    Ok(to_send(&order.ok_or(OrderError::NotFound)?))
}
