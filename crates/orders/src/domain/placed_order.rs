//! The successful answers to a request to place or pay an order.

use oms_validation::OrderId;

use crate::domain::open_payment::OpenPayment;
use crate::domain::order::Order;
use crate::domain::status::OrderStatus;

/// An order that was placed, now or by an earlier request with the same key.
#[derive(Debug)]
pub enum PlacedOrder {
    /// This request placed and paid it.
    Paid(Order),
    /// An earlier request placed and paid it. It may have been refunded since, in full or in part.
    PaidBefore(Order),
    /// It was placed; the outcome of the payment is unknown, or the customer must act.
    Pending(PendingOrder),
    /// An earlier request placed it; the customer must act.
    PendingBefore(PendingOrder),
}

impl PlacedOrder {
    /// Turns `Paid` into `PaidBefore`, because another request is known to have paid the order.
    pub(crate) fn paid_before(self) -> Self {
        match self {
            Self::Paid(order) => Self::PaidBefore(order),
            other => other,
        }
    }
}

/// An unsettled order.
#[derive(Clone, Debug)]
pub struct PendingOrder {
    /// The order.
    pub order_id: OrderId,
    /// Its status.
    pub status: OrderStatus,
    /// The payment that it waits for, if known.
    pub payment: Option<Box<OpenPayment>>,
}

impl PendingOrder {
    /// An order that this request placed, and that no other request is known to have changed.
    pub(crate) const fn placed(order_id: OrderId) -> Self {
        Self {
            order_id,
            status: OrderStatus::PendingPayment,
            payment: None,
        }
    }

    /// Whether it waits only for the customer.
    pub(crate) fn needs_action(&self) -> bool {
        let payment = self.payment.as_ref();
        payment.is_some_and(|payment| payment.needs_action())
    }
}
