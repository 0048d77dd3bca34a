//! An order.

use chrono::{DateTime, Utc};
use oms_inventory::{RoutingTrace, WarehouseId};
use oms_validation::{Money, OrderId};

use crate::domain::address::ShippingAddress;
use crate::domain::failure::Failure;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::id::CustomerId;
use crate::domain::line::OrderLine;
use crate::domain::status::OrderStatus;

/// What a storefront asks for: valid in itself, not yet routed or priced.
#[derive(Clone, Debug)]
pub struct OrderRequest {
    /// Who buys.
    pub customer_id: CustomerId,
    /// Where to.
    pub shipping_address: ShippingAddress,
    /// What: 1 to 100 lines, no product twice.
    pub lines: Vec<crate::RequestedLine>,
    /// How it is paid.
    pub payment_method: oms_payments::PaymentMethod,
}

/// An order as it is stored.
#[derive(Clone, Debug)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// Which request it came from.
    pub fingerprint: Fingerprint,
    /// Who buys.
    pub customer_id: CustomerId,
    /// Where it is in its life.
    pub status: OrderStatus,
    /// Why it failed, when it did.
    pub failure: Option<Failure>,
    /// Where it is sent from.
    pub warehouse_id: WarehouseId,
    /// The sum of its lines.
    pub total: Money,
    /// Where it is sent to.
    pub shipping_address: ShippingAddress,
    /// Why that warehouse.
    pub routing: RoutingTrace,
    /// What it consists of, in the order of the request.
    pub lines: Vec<OrderLine>,
    /// When it was placed.
    pub created_at: DateTime<Utc>,
}
