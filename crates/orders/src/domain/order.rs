//! An order.

use chrono::{DateTime, Utc};
use oms_inventory::{RoutingTrace, WarehouseId};
use oms_validation::{Fingerprint, Money, OrderId};

use crate::domain::address::ShippingAddress;
use crate::domain::external_reference::ExternalReference;
use crate::domain::failure::Failure;
use crate::domain::id::CustomerId;
use crate::domain::line::OrderLine;
use crate::domain::metadata::Metadata;
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
    pub payment: oms_payments::PaymentInstruction,
    /// What it is called elsewhere.
    pub external_reference: Option<ExternalReference>,
    /// What the client keeps with it.
    pub metadata: Metadata,
}

/// An order that is about to be placed.
#[derive(Clone, Debug)]
pub(crate) struct NewOrder {
    pub(crate) id: OrderId,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) customer_id: CustomerId,
    pub(crate) warehouse_id: WarehouseId,
    pub(crate) total: Money,
    pub(crate) shipping_address: ShippingAddress,
    pub(crate) routing: RoutingTrace,
    pub(crate) lines: Vec<OrderLine>,
    pub(crate) external_reference: Option<ExternalReference>,
    pub(crate) metadata: Metadata,
}

impl NewOrder {
    /// The units of all lines.
    pub(crate) fn units(&self) -> i64 {
        self.lines.iter().map(|line| i64::from(line.quantity)).sum()
    }

    /// The order, placed at a time that the database tells.
    pub(crate) fn placed(self, created_at: DateTime<Utc>) -> Order {
        Order {
            id: self.id,
            fingerprint: self.fingerprint,
            customer_id: self.customer_id,
            status: OrderStatus::PendingPayment,
            failure: None,
            warehouse_id: self.warehouse_id,
            total: self.total,
            shipping_address: Some(self.shipping_address),
            routing: self.routing,
            lines: self.lines,
            external_reference: self.external_reference,
            metadata: self.metadata,
            created_at,
            erased_at: None,
        }
    }
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
    /// Where it is sent to; `None` once that was erased.
    pub shipping_address: Option<ShippingAddress>,
    /// Why that warehouse. Once the address was erased, only which.
    pub routing: RoutingTrace,
    /// What it consists of, in the order of the request.
    pub lines: Vec<OrderLine>,
    /// What it is called elsewhere.
    pub external_reference: Option<ExternalReference>,
    /// What the client keeps with it.
    pub metadata: Metadata,
    /// When it was placed.
    pub created_at: DateTime<Utc>,
    /// When its personal data was erased.
    pub erased_at: Option<DateTime<Utc>>,
}
