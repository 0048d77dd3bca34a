//! Refusing to give money back that the customer has also asked the bank for.

use oms_database::Connection;
use oms_validation::{OrderId, TenantId};

use crate::domain::status::OrderStatus;
use crate::error::OrderError;
use crate::store::disputes;

/// Makes sure that no dispute of the order's payment is open. Lock the order first.
///
/// # Errors
/// `PaymentDisputed` while one is; else when the database does not answer.
pub(crate) async fn refuse_disputed(
    connection: &mut Connection,
    tenant: TenantId,
    order_id: OrderId,
    status: OrderStatus,
) -> Result<(), OrderError> {
    match disputes::find_open(connection, tenant, order_id).await? {
        None => Ok(()),
        Some(dispute) => Err(OrderError::PaymentDisputed {
            order_id,
            status,
            dispute: dispute.reference,
        }),
    }
}
