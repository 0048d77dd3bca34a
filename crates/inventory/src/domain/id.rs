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
