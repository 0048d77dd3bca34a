//! Credits the customer for the units of a return, and starts the refund, in the transaction that accepts the units.

use oms_database::Connection;
use oms_validation::{OrderId, TenantId};

use crate::context::OrderContext;
use crate::error::ReturningError;
use crate::service::reversing::go_on_refunding::go_on;
use crate::service::reversing::pay_out_returns::start_waiting_payout;
use crate::service::reversing::started_refund::StartedRefund;
use crate::service::transitions::credit_returns::credit_returns;

/// Credits what was accepted of an order's returns and is not credited yet, and starts the refund of everything that
/// waits. The order must be locked.
pub(super) async fn credit_return(
    context: &OrderContext,
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    actor: &str,
) -> Result<Option<StartedRefund>, ReturningError> {
    credit_returns(context, connection, tenant, order_id, actor).await?;
    Ok(start_waiting_payout(context, connection, tenant, order_id, actor).await?)
}

/// Executes a refund that was started, if one was. If that fails, the sweeper continues.
pub(super) async fn execute(
    context: &OrderContext,
    tenant: TenantId,
    started: Option<&StartedRefund>,
    actor: &str,
) {
    if let Some(started) = started {
        go_on(context, tenant, started, actor).await;
    }
}
