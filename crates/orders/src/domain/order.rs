//! Orders.

use chrono::{DateTime, Utc};
use oms_inventory::{PriceListCode, RoutingTrace};
use oms_validation::{Fingerprint, Money, OrderId, WarehouseId};

use crate::domain::address::ShippingAddress;
use crate::domain::adjustment::Adjustment;
use crate::domain::credit::Credit;
use crate::domain::external_reference::ExternalReference;
use crate::domain::failure::Failure;
use crate::domain::id::CustomerId;
use crate::domain::line::OrderLine;
use crate::domain::metadata::Metadata;
use crate::domain::pricing::RequestedPricing;
use crate::domain::status::OrderStatus;

/// A storefront's request for an order: valid, but not yet routed or priced.
#[derive(Clone, Debug)]
pub struct OrderRequest {
    /// The customer.
    pub customer_id: CustomerId,
    /// Where to ship it.
    pub shipping_address: ShippingAddress,
    /// What is ordered: 1–100 lines, each product once.
    pub lines: Vec<crate::RequestedLine>,
    /// Its currency and adjustments, and the amounts that the customer has seen.
    pub pricing: RequestedPricing,
    /// How it is paid.
    pub payment: oms_payments::PaymentInstruction,
    /// Its name in another system.
    pub external_reference: Option<ExternalReference>,
    /// The client's own data.
    pub metadata: Metadata,
}

/// A new order.
#[derive(Clone, Debug)]
pub(crate) struct NewOrder {
    pub(crate) id: OrderId,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) customer_id: CustomerId,
    pub(crate) warehouse_id: WarehouseId,
    pub(crate) price_list: Option<PriceListCode>,
    pub(crate) total: Money,
    pub(crate) shipping_address: ShippingAddress,
    pub(crate) routing: RoutingTrace,
    pub(crate) lines: Vec<OrderLine>,
    pub(crate) adjustments: Vec<Adjustment>,
    pub(crate) external_reference: Option<ExternalReference>,
    pub(crate) metadata: Metadata,
}

impl NewOrder {
    /// The units of all lines.
    pub(crate) fn units(&self) -> i64 {
        self.lines.iter().map(|line| i64::from(line.quantity)).sum()
    }

    /// The status with which it is placed. Where nothing is to be paid, it is paid.
    pub(crate) fn first_status(&self) -> OrderStatus {
        match self.total.amount_minor {
            0 => OrderStatus::Paid,
            _ => OrderStatus::PendingPayment,
        }
    }

    /// Converts it to a placed order. `created_at` is the database's time.
    pub(crate) fn placed(self, created_at: DateTime<Utc>) -> Order {
        Order {
            id: self.id,
            fingerprint: self.fingerprint,
            customer_id: self.customer_id,
            status: self.first_status(),
            failure: None,
            warehouse_id: self.warehouse_id,
            price_list: self.price_list,
            total: self.total,
            shipping_address: Some(self.shipping_address),
            routing: self.routing,
            lines: self.lines,
            adjustments: self.adjustments,
            credits: Vec::new(),
            external_reference: self.external_reference,
            metadata: self.metadata,
            created_at,
            erased_at: None,
        }
    }
}

/// A stored order.
#[derive(Clone, Debug)]
pub struct Order {
    /// Its ID.
    pub id: OrderId,
    /// The fingerprint of the request that placed it.
    pub fingerprint: Fingerprint,
    /// The customer.
    pub customer_id: CustomerId,
    /// Its status.
    pub status: OrderStatus,
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
    /// The warehouse that ships it.
    pub warehouse_id: WarehouseId,
    /// The price list that the request named.
    pub price_list: Option<PriceListCode>,
    /// The sum of its lines and of the adjustments that prices don't include.
    pub total: Money,
    /// Where to ship it; `None` after erasure.
    pub shipping_address: Option<ShippingAddress>,
    /// Why that warehouse was chosen. After erasure only the warehouse.
    pub routing: RoutingTrace,
    /// Its lines, in the order of the request.
    pub lines: Vec<OrderLine>,
    /// Its discounts, taxes, shipping and fees, in the order of the request.
    pub adjustments: Vec<Adjustment>,
    /// What the customer need not pay or got back by part, oldest first.
    pub credits: Vec<Credit>,
    /// Its name in another system.
    pub external_reference: Option<ExternalReference>,
    /// The client's own data.
    pub metadata: Metadata,
    /// When it was placed.
    pub created_at: DateTime<Utc>,
    /// When its personal data was erased.
    pub erased_at: Option<DateTime<Utc>>,
}
