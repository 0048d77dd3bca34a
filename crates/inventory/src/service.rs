//! The use cases of inventory, one in each file.

pub(crate) mod explain_route;
pub(crate) mod find_skus;
pub(crate) mod load_catalogue;
pub(crate) mod quote_prices;
pub(crate) mod release;
pub(crate) mod reserve;
pub(crate) mod route;
