#![doc = include_str!("../README.md")]

mod context;
mod domain;
mod error;
pub mod http;
mod import_file;
pub mod ports;
mod service;
mod stock_error;
mod store;

// For orders, which routes and prices an order, and reserves, ships and releases its stock, all in its own transactions.
pub use domain::allocation::{LockedStock, ReservationRequest, ReserveOutcome, allocate};
pub use domain::demand::{Demand, InvalidDemand, MAX_QUANTITY};
pub use domain::explanation::RouteExplanation;
pub use domain::holding::HeldUnits;
pub use domain::id::{HolderId, StockChangeId};
pub use domain::moving::{ReservationMove, SourceStock, Unavailable};
pub use domain::price_list::{InvalidPriceListCode, PriceListCode};
pub use domain::returned::{Dispositions, InvalidReturn, ReturnedUnits};
pub use domain::routing::{
    CandidateOutcome, ChosenWarehouse, Route, RoutingRequest, RoutingTrace, Shortage, TraceEntry,
};
pub use domain::stock_change::Shortfall;
pub use domain::stock_movement::ChangeRecord;
pub use error::{
    InventoryError, PROBLEM_TYPES, TOO_MUCH_STOCK, UNKNOWN_WAREHOUSE, WAREHOUSE_NOT_FOUND,
};
pub use service::check_warehouse::check_warehouse;
pub use service::evacuated_warehouse::{
    close_warehouse, has_other_holders, is_active_warehouse, reopen_warehouse,
};
pub use service::explain_route::{explain_route, explain_routes};
pub use service::find_skus::find_skus;
pub use service::find_unlocked_levels::find_unlocked_levels;
pub use service::find_warehouse_names::find_warehouse_names;
pub use service::move_reservations::move_reservations;
pub use service::quote_prices::{PriceQuote, PriceRequest, Quotes, quote_prices};
pub use service::receive_return::receive_return;
pub use service::release::release;
pub use service::release_parts::release_parts;
pub use service::reserve::{hold_stock, lock_stock};
pub use service::route::{Nearest, find_nearest, route, route_together};
pub use service::route_elsewhere::route_elsewhere;
pub use service::ship::{ShippedUnits, ship};
pub use service::unship::unship;
pub use service::write_off_unreserved::write_off_unreserved;
pub use stock_error::{MoveError, ReturnError, StockError};

// For the program, which wires the context, publishes events, purges keys and measures how long writers wait for stock locks.
pub use context::InventoryContext;
pub use domain::published::EVENT_TYPES;
pub use service::purge_idempotency_keys::purge_idempotency_keys;
pub use store::stock_levels::stock_lock_times;

// For `oms-api import` and `oms-api seed`.
pub use domain::catalogue::{Catalogue, CatalogueProduct, CatalogueStock, CatalogueWarehouse};
pub use domain::id::ImportId;
pub use domain::import::header::InvalidHeader;
pub use domain::import::rejection::{Rejection, RejectionCode, Rejections};
pub use domain::import::{
    Acceptance, Import, ImportCounts, ImportFormat, ImportKind, ImportReport, StockMode,
};
pub use import_file::{ImportFile, ImportFileError, ImportFileWriter};
pub use service::import::{ImportObserver, ImportProgress, ImportRequest};
pub use service::import_prices::import_prices;
pub use service::import_products::import_products;
pub use service::import_stock::import_stock;
pub use service::load_catalogue::{LoadSummary, load_catalogue};

// For the console.
pub use domain::id::MovementId;
pub use domain::name::{AddressLine, InvalidName, InvalidSku, Name, Sku};
pub use domain::product::Product;
pub use domain::stock_change::{Direction, InvalidLines, Lines, StockChange};
pub use domain::stock_level::{LevelCounts, LevelFilter, StockLevel};
pub use domain::stock_movement::{MovementFilter, MovementKind, StockMovement};
pub use domain::warehouse::{Warehouse, WarehouseChange};
pub use service::change_stock::change_stock;
pub use service::change_warehouse::change_warehouse;
pub use service::get_import::get_import;
pub use service::get_product::get_product;
pub use service::get_warehouse::get_warehouse;
pub use service::list_products::list_products;
pub use service::list_stock_levels::list_stock_levels;
pub use service::list_stock_movements::list_stock_movements;
pub use service::list_warehouses::list_warehouses;
pub use service::load_skus::load_skus;
pub use service::set_safety_stock::set_safety_stock;

// For `oms-api grants`, which prints the privileges of the serving role.
pub use store::grants::GRANTS;

// For the reading of what is reserved. Only this crate's tests call these so far.
#[doc(hidden)]
pub use {
    domain::holding::{Reservation, Unreserved},
    service::find_reservations::find_reservations,
};

// Only this crate's tests call these without HTTP.
#[doc(hidden)]
pub use {
    domain::import::parser::MAX_LINE_BYTES, domain::import::rejection::MAX_NAMED_REJECTIONS,
    service::reserve::reserve,
};
