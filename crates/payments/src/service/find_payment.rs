//! Reading the payment of an order.

use oms_database::Connection;
use oms_validation::{OrderId, TenantId};

use crate::store::attempts;
use crate::{Attempt, PaymentError};

/// The latest attempt to collect an order's payment; none for another tenant's order.
///
/// # Errors
/// When the database does not answer.
pub async fn find_payment(
    connection: &mut Connection,
    tenant_id: TenantId,
    order_id: OrderId,
) -> Result<Option<Attempt>, PaymentError> {
    Ok(attempts::find_latest_by_order(connection, tenant_id, order_id).await?)
}
