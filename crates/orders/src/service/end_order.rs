//! Phase 3, the one way out of `PENDING_PAYMENT`: order, attempt, stock, event and worklist change in one commit, or not
//! at all.

use oms_database::{Connection, DbError, transaction};
use oms_inventory::release;
use oms_payments::{AttemptId, Closing, PaymentError, UnsavedCalls, close_attempt, save_calls};
use oms_validation::{OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::failure::Failure;
use crate::domain::status::OrderStatus;
use crate::error::OrderError;
use crate::store::events::{self, Event};
use crate::store::orders::{self, KeyFate};
use crate::store::reconciliations;

/// How an order leaves `PENDING_PAYMENT`.
#[derive(Clone, Debug)]
pub(crate) enum Ending {
    /// The payment was collected.
    Paid,
    /// It was not, and it is proven that it won't be.
    Failed(Failure),
}

/// What the gateway's answer makes of the order's payment.
pub(crate) struct Proof {
    pub(crate) attempt_id: AttemptId,
    /// Without it no stock is given back.
    pub(crate) closing: Closing,
    /// The calls by which it was learnt.
    pub(crate) calls: UnsavedCalls,
}

/// Why the transaction was rolled back.
enum Abort {
    /// Somebody else ended the order or moved its attempt.
    Lost,
    Order(OrderError),
}

impl From<DbError> for Abort {
    fn from(error: DbError) -> Self {
        Self::Order(error.into())
    }
}

impl From<PaymentError> for Abort {
    fn from(error: PaymentError) -> Self {
        Self::Order(error.into())
    }
}

/// Ends an order by compare-and-set. False when somebody else was first; nothing but the history of calls was changed
/// then.
pub(crate) async fn end_order(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
    proof: &Proof,
    ending: &Ending,
    actor: &str,
) -> Result<bool, OrderError> {
    let ended = try_to_end(context, tenant, order_id, proof, ending, actor).await;
    if !matches!(ended, Ok(true)) {
        save_calls(&context.database, tenant, &proof.calls).await;
    }
    ended
}

async fn try_to_end(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
    proof: &Proof,
    ending: &Ending,
    actor: &str,
) -> Result<bool, OrderError> {
    let Proof {
        attempt_id,
        closing,
        calls,
    } = proof;
    let mut connection = context.database.acquire().await?;
    let ended = transaction(&mut connection, async |connection| {
        write(connection, tenant, order_id, ending, actor).await?;
        if !close_attempt(connection, tenant, *attempt_id, closing, calls).await? {
            return Err(Abort::Lost);
        }
        Ok(())
    });
    match ended.await {
        Ok(()) => Ok(true),
        Err(Abort::Lost) => Ok(false),
        Err(Abort::Order(error)) => Err(error),
    }
}

async fn write(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    ending: &Ending,
    actor: &str,
) -> Result<(), Abort> {
    let (status, failure, reason) = match ending {
        Ending::Paid => (
            OrderStatus::Paid,
            None,
            "the payment was collected".to_owned(),
        ),
        Ending::Failed(failure) => (OrderStatus::Failed, Some(failure), failure.reason()),
    };
    let key = match failure {
        Some(Failure::GatewayUnavailable) => KeyFate::GiveBack,
        _ => KeyFate::Keep,
    };
    let version = orders::end_pending(connection, tenant, order_id, failure, key).await?;
    let Some(sequence) = version else {
        return Err(Abort::Lost);
    };
    if failure.is_some() {
        release(connection, tenant, order_id).await?;
    }
    let from = Some(OrderStatus::PendingPayment);
    let event = Event {
        sequence,
        from,
        to: status,
        actor,
        reason: &reason,
    };
    events::insert(connection, tenant, order_id, &event).await?;
    reconciliations::delete(connection, tenant, order_id).await?;
    Ok(())
}
