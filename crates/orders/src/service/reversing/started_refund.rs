//! A refund that a transaction has started, to be executed after the commit.

use oms_database::{Connection, DbError};
use oms_payments::{Attempt, Refund, find_payment};
use oms_validation::TenantId;

use crate::context::OrderContext;
use crate::domain::authorship::Authorship;
use crate::domain::status::OrderStatus;
use crate::error::OrderError;
use crate::service::transitions::change_status::change_status;
use crate::service::transitions::worklist::put_on;
use crate::store::orders::{KeyFate, Transition};
use crate::store::reconciliations::{Claim, Stock};

/// A refund that was started.
#[derive(Debug)]
pub(crate) struct StartedRefund {
    pub(super) attempt: Attempt,
    pub(crate) refund: Refund,
    pub(super) claim: Claim,
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
