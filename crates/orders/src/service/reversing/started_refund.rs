//! A refund that a transaction has started: it is executed after the commit, and the sweeper continues if that fails.

use oms_database::{Connection, DbError};
use oms_payments::{Attempt, Refund, find_payment};
use oms_validation::TenantId;

use crate::context::OrderContext;
use crate::domain::authorship::Authorship;
use crate::domain::status::OrderStatus;
use crate::error::OrderError;
use crate::service::reversing::advance_refunding::refund_at_gateway;
use crate::service::transitions::advance::Advance;
use crate::service::transitions::change_status::change_status;
use crate::service::transitions::dead_letter_order::dead_letter_order;
use crate::service::transitions::worklist::put_on;
use crate::store::orders::{KeyFate, Transition};
use crate::store::reconciliations::{Claim, Stock};

/// A refund that was started.
#[derive(Debug)]
pub(crate) struct StartedRefund {
    attempt: Attempt,
    pub(crate) refund: Refund,
    claim: Claim,
}

impl StartedRefund {
    /// Changes the locked paid order of a refund that has just begun to `REFUNDING`, and puts it on the work list, for
    /// the case that the refund is interrupted.
    pub(super) async fn mark(
        context: &OrderContext,
        connection: &mut Connection,
        tenant: TenantId,
        refund: Refund,
        authorship: Authorship<'_>,
    ) -> Result<Self, OrderError> {
        let transition = Transition {
            from: OrderStatus::Paid,
            to: OrderStatus::Refunding,
            failure: None,
            key: KeyFate::Keep,
        };
        let (now, order_id) = (context.now(), refund.order_id);
        let changed =
            change_status(connection, tenant, now, order_id, &transition, authorship).await?;
        DbError::unless_changed(changed, "the order is locked")?;
        let (delay, actor) = (context.settings.sweep_after, authorship.actor);
        let entry = put_on(connection, tenant, now, order_id, delay, Stock::Paid, actor).await?;
        let attempt = find_payment(connection, tenant, order_id).await?;
        Ok(Self {
            attempt: attempt.expect("a refund that was started has its attempt"),
            refund,
            claim: Claim::of_request(order_id, OrderStatus::Refunding, entry),
        })
    }
}

/// Executes a refund as far as possible now. Returns whether the gateway has not reported its outcome yet.
pub(crate) async fn go_on(
    context: &OrderContext,
    tenant: TenantId,
    started: &StartedRefund,
    actor: &str,
) -> bool {
    let (order_id, refund_id) = (started.refund.order_id, started.refund.id);
    match try_to_go_on(context, tenant, started, actor).await {
        Ok(advance) => {
            tracing::info!(%order_id, %refund_id, ?advance, "refunding an order");
            matches!(
                advance,
                Advance::Waiting | Advance::Refused | Advance::TryAgain { .. }
            )
        }
        Err(error) => {
            let cause: &dyn std::error::Error = &error;
            tracing::warn!(%order_id, cause, "a refund could not be finished; the sweeper will continue");
            false
        }
    }
}

async fn try_to_go_on(
    context: &OrderContext,
    tenant: TenantId,
    StartedRefund {
        attempt,
        refund,
        claim,
    }: &StartedRefund,
    actor: &str,
) -> Result<Advance, OrderError> {
    let advance = refund_at_gateway(context, tenant, attempt, refund, actor).await?;
    if let Advance::NeedsOperator { reason } = &advance {
        dead_letter_order(context, tenant, claim, reason, actor).await?;
    }
    Ok(advance)
}
