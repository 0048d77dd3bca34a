//! The use cases of inventory, one in each file.

pub(crate) mod change_product;
pub(crate) mod change_stock;
pub(crate) mod change_warehouse;
pub(crate) mod claim_key;
pub(crate) mod create_product;
pub(crate) mod create_warehouse;
pub(crate) mod explain_route;
pub(crate) mod find_skus;
pub(crate) mod find_unlocked_levels;
pub(crate) mod get_import;
pub(crate) mod get_product;
pub(crate) mod get_safety_stock;
pub(crate) mod get_warehouse;
pub(crate) mod import;
pub(crate) mod import_products;
pub(crate) mod import_stock;
pub(crate) mod list_products;
pub(crate) mod list_stock_levels;
pub(crate) mod list_stock_movements;
pub(crate) mod list_warehouses;
pub(crate) mod load_catalogue;
pub(crate) mod quote_prices;
pub(crate) mod release;
pub(crate) mod reserve;
pub(crate) mod route;
pub(crate) mod set_safety_stock;
