//! Orders with something left to send.

use oms_validation::OrderId;

/// An order that has an open fulfilment order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenOrder {
    /// The order.
    pub order_id: OrderId,
    /// Whether units of it are kept from being sent, because they are about to be cancelled.
    pub has_frozen: bool,
}
