//! Orders as JSON for credentials that may change orders but not read them.

use chrono::{DateTime, Utc};
use oms_payments::{Refund, RefundId, RefundState};
use oms_validation::{Money, OrderId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::order::Order;
use crate::domain::status::OrderStatus;
use crate::service::reading::get_order::OrderDetails;

/// A cancelled order, for credentials that may not read orders.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CancelledOrder {
    order_id: OrderId,
    status: OrderStatus,
    /// Oldest first.
    refunds: Vec<RefundSummary>,
}

/// The amount and the state of a refund.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RefundSummary {
    refund_id: RefundId,
    #[schema(value_type = RefundState)]
    status: &'static str,
    amount: Money,
}

/// A paid order, for credentials that may not read orders.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrderPayment)]
pub(super) struct PaidOrder {
    order_id: OrderId,
    status: OrderStatus,
    total: Money,
}

/// The order of a dead letter, for operators who may not read orders.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct StuckOrder {
    order_id: OrderId,
    status: OrderStatus,
    total: Money,
    created_at: DateTime<Utc>,
    /// Why the order failed, such as `payment_declined:insufficient_funds`.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

impl From<OrderDetails> for CancelledOrder {
    fn from(details: OrderDetails) -> Self {
        Self {
            order_id: details.order.id,
            status: details.order.status,
            refunds: details
                .refunds
                .into_iter()
                .map(RefundSummary::from)
                .collect(),
        }
    }
}

impl From<Refund> for RefundSummary {
    fn from(refund: Refund) -> Self {
        Self {
            refund_id: refund.id,
            status: refund.state.as_str(),
            amount: refund.amount,
        }
    }
}

impl From<&Order> for PaidOrder {
    fn from(order: &Order) -> Self {
        Self {
            order_id: order.id,
            status: order.status,
            total: order.total,
        }
    }
}

impl From<&Order> for StuckOrder {
    fn from(order: &Order) -> Self {
        Self {
            order_id: order.id,
            status: order.status,
            total: order.total,
            created_at: order.created_at,
            failure: order.failure.as_ref().map(ToString::to_string),
        }
    }
}
