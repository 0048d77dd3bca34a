//! The stored statuses of fulfilment orders and shipments.

use crate::domain::words;

words! {
    FulfilmentOrderStatus, "The stored status of a fulfilment order.", {
        /// Nobody has begun to work on it.
        Open = "OPEN",
        /// The warehouse is working on it, or has sent a part of it.
        InProgress = "IN_PROGRESS",
        /// Nothing is left to send, and something was sent.
        Closed = "CLOSED",
        /// Nothing is left to send, and nothing was sent.
        Cancelled = "CANCELLED",
    }
}

words! {
    ShipmentStatus, "The status of a shipment.", {
        /// Its units are in parcels, and still in the warehouse.
        Packed = "PACKED",
        /// The carrier has it.
        Shipped = "SHIPPED",
        /// The customer has it. Final.
        Delivered = "DELIVERED",
        /// It never left the warehouse. Final.
        Cancelled = "CANCELLED",
    }
}
