//! Identifiers of inventory.

use oms_validation::define_id;

define_id! {
    /// A change of stock: one receipt, adjustment or transfer with all its lines.
    StockChangeId
}

define_id! {
    /// An import of products or of stock from a file.
    ImportId
}

define_id! {
    /// A movement of stock: one entry of the audit trail.
    MovementId
}
