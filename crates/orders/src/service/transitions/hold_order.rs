//! Holds an order whose payment is dead, with its stock, until its deadline: another attempt may pay it.

use oms_payments::save_calls;
use oms_validation::{IdempotencyKey, OrderId, TenantId};

use crate::context::OrderContext;
use crate::domain::authorship::Authorship;
use crate::domain::status::OrderStatus;
use crate::error::OrderError;
use crate::service::transitions::abort::{Abort, unless_lost};
use crate::service::transitions::change_status::add_note;
use crate::service::transitions::close_payment::{close_payment, note_declined};
use crate::service::transitions::patience::Patience;
use crate::service::transitions::proof::Proof;
use crate::service::transitions::worklist::put_on;
use crate::store::reconciliations::Stock;
use crate::store::{idempotency_keys, orders};

/// Closes an attempt that is proven dead and leaves its order `PENDING_PAYMENT`, for the sweeper to fail at the
/// deadline. `released` is a key that may be used again, because its request came to nothing. Returns `false` if
/// another request or worker was first; then only the history of gateway calls was changed.
pub(crate) async fn hold_order(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
    proof: &Proof,
    authorship: Authorship<'_>,
    released: Option<&IdempotencyKey>,
) -> Result<bool, OrderError> {
    let held = try_to_hold(context, tenant, order_id, proof, authorship, released).await;
    match held {
        Ok(true) => note_declined(context, tenant, proof),
        _ => save_calls(&context.database, tenant, &proof.calls).await,
    }
    held
}

async fn try_to_hold(
    context: &OrderContext,
    tenant: TenantId,
    order_id: OrderId,
    proof: &Proof,
    authorship: Authorship<'_>,
    released: Option<&IdempotencyKey>,
) -> Result<bool, OrderError> {
    let (now, actor) = (context.now(), authorship.actor);
    let mut patience = Patience::new(context, tenant, order_id.as_uuid());
    let held = loop {
        let tried = patience.attempt(async |connection| {
            // Lock the order first, as everywhere.
            let placed = orders::lock_placed(connection, tenant, now, order_id).await?;
            let placed = placed.filter(|it| it.status == OrderStatus::PendingPayment);
            let age = placed.ok_or(Abort::LOST)?.age;
            close_payment(context, connection, tenant, now, order_id, proof).await?;
            add_note(connection, tenant, now, order_id, authorship).await?;
            let left = context
                .settings
                .pending_payment_deadline
                .saturating_sub(age);
            put_on(
                connection,
                tenant,
                now,
                order_id,
                left,
                Stock::Unpaid,
                actor,
            )
            .await?;
            if let Some(key) = released {
                idempotency_keys::release(connection, tenant, &[key]).await?;
            }
            Ok::<_, Abort>(())
        });
        if let Some(held) = tried.await {
            break held;
        }
    };
    Ok(unless_lost(held)?.is_some())
}
