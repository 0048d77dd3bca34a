//! The answers to a request to place or pay an order that is not refused.

use oms_validation::OrderId;

use crate::domain::open_payment::OpenPayment;
use crate::domain::order::Order;
use crate::domain::status::OrderStatus;

/// An order that was placed, now or by an earlier request with the same key.
#[derive(Debug)]
pub enum PlacedOrder {
    /// Placed and paid by this request.
    Paid(Order),
    /// Placed and paid by an earlier request. Some or all of the money may have been given back since.
    PaidBefore(Order),
    /// Placed; what became of the payment is not known yet, or the customer has to act.
    Pending(PendingOrder),
    /// Placed by an earlier request; the customer has to act.
    PendingBefore(PendingOrder),
}

impl PlacedOrder {
    /// The same, where another request is known to have paid what is paid.
    pub(crate) fn paid_before(self) -> Self {
        match self {
            Self::Paid(order) => Self::PaidBefore(order),
            other => other,
        }
    }
}

/// An order that is not settled yet.
#[derive(Clone, Debug)]
pub struct PendingOrder {
    /// The order.
    pub order_id: OrderId,
    /// Where it is.
    pub status: OrderStatus,
    /// The payment that it waits for, where that is known.
    pub payment: Option<Box<OpenPayment>>,
}

impl PendingOrder {
    /// An order of this request's own, which nobody is known to have moved.
    pub(crate) const fn placed(order_id: OrderId) -> Self {
        Self {
            order_id,
            status: OrderStatus::PendingPayment,
            payment: None,
        }
    }

    /// Whether it waits for the customer and for nobody else.
    pub(crate) fn needs_action(&self) -> bool {
        let payment = self.payment.as_ref();
        payment.is_some_and(|payment| payment.needs_action())
    }
}
