//! Identifiers of fulfilment.

use oms_validation::define_id;

define_id! {
    /// A fulfilment order.
    FulfilmentOrderId
}

define_id! {
    /// A shipment.
    ShipmentId
}

define_id! {
    /// A report of a carrier about a parcel.
    TrackingEventId
}

define_id! {
    /// A move of units to another warehouse.
    MoveId
}

define_id! {
    /// An evacuation of a warehouse.
    EvacuationId
}

define_id! {
    /// A return.
    ReturnId
}

define_id! {
    /// What arrived of a return at one time.
    ReceiptId
}
