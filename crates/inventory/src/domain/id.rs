//! Identifiers of inventory.

use oms_validation::define_id;

define_id! {
    /// A warehouse.
    WarehouseId
}

define_id! {
    /// A product.
    ProductId
}

define_id! {
    /// A change of the stock: what was received, adjusted or transferred at once.
    StockChangeId
}

define_id! {
    /// An import of products or of stock from a file.
    ImportId
}

define_id! {
    /// A movement of stock: one line of the audit trail.
    MovementId
}
