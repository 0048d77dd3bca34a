//! Refusing to give money back that the customer has also asked the bank for.

use oms_database::Connection;
use oms_validation::{OrderId, TenantId};

use crate::domain::status::OrderStatus;
use crate::error::{OrderError, ReversingError};
use crate::service::transitions::follow_gateway::Reach;
use crate::store::disputes;

/// What to read at the gateway before money of an order is given back: a dispute that our books have as open may have been
/// decided since.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn reach_of(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
) -> Result<Reach, OrderError> {
    Ok(
        match disputes::find_open(connection, tenant, order_id).await? {
            Some(_) => Reach::RefundsAndDisputes,
            None => Reach::Refunds,
        },
    )
}

/// Makes sure that no dispute of the order's payment is open. Lock the order first.
///
/// # Errors
/// `PaymentDisputed` while one is; else when the database does not answer.
pub(crate) async fn refuse_disputed(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    status: OrderStatus,
) -> Result<(), ReversingError> {
    match disputes::find_open(connection, tenant, order_id).await? {
        None => Ok(()),
        Some(dispute) => Err(ReversingError::PaymentDisputed {
            order_id,
            status,
            dispute: dispute.reference,
        }),
    }
}
