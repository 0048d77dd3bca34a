//! Warehouses, products, stock and imports.

mod import_command;
mod imports;
mod inventory_isolation;
mod price_lists;
mod products;
mod quarantine;
mod stock_changes;
mod warehouses;
