//! Refuses to refund money that the customer has also claimed from the bank.

use oms_database::Connection;
use oms_validation::{OrderId, TenantId};

use crate::domain::status::OrderStatus;
use crate::error::{OrderError, ReversingError};
use crate::service::transitions::follow_gateway::Reach;
use crate::store::disputes;

/// What to read at the gateway before a refund of an order: a dispute that is open in our books may have been decided
/// since.
///
/// # Errors
/// If the database does not answer.
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

/// Checks that no dispute of the order's payment is open. The caller must hold the lock of the order.
///
/// # Errors
/// `PaymentDisputed` while one is open; otherwise if the database does not answer.
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
