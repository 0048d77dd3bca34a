//! The privileges of the serving role on the tables of inventory.

use oms_database::Grant;

/// The privileges of the serving role.
pub const GRANTS: &[Grant] = &[
    Grant::write("inventory.warehouses"),
    Grant::write("inventory.products"),
    Grant::all("inventory.prices"),
    Grant::write("inventory.price_lists"),
    Grant::all("inventory.list_prices"),
    Grant::write("inventory.stock_levels"),
    Grant::all("inventory.reservations"),
    Grant::append("inventory.stock_movements"),
    Grant::all("inventory.idempotency_keys"),
    Grant::write("inventory.imports"),
    Grant::append("inventory.import_rejections"),
];
