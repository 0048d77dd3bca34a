//! The rules of stock and routing, free of IO.

pub(crate) mod allocation;
pub(crate) mod catalogue;
pub(crate) mod demand;
pub(crate) mod explanation;
pub(crate) mod holding;
pub(crate) mod id;
pub(crate) mod import;
pub(crate) mod moving;
pub(crate) mod name;
pub(crate) mod price_list;
pub(crate) mod product;
pub(crate) mod returned;
pub(crate) mod rivalry;
pub(crate) mod routing;
pub(crate) mod stock_change;
pub(crate) mod stock_level;
pub(crate) mod stock_movement;
pub(crate) mod warehouse;
