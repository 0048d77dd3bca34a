#![doc = include_str!("../README.md")]

mod context;
mod domain;
mod error;
pub mod http;
mod import_file;
pub mod ports;
mod service;
mod store;

pub use context::InventoryContext;
pub use domain::allocation::{ReservationRequest, ReserveOutcome};
pub use domain::catalogue::{Catalogue, CatalogueProduct, CatalogueStock, CatalogueWarehouse};
pub use domain::cursor::Cursor;
pub use domain::demand::{Demand, InvalidDemand, MAX_QUANTITY};
pub use domain::explanation::RouteExplanation;
pub use domain::id::{ImportId, MovementId, ProductId, StockChangeId, WarehouseId};
pub use domain::import::header::InvalidHeader;
pub use domain::import::parser::MAX_LINE_BYTES;
pub use domain::import::rejection::{MAX_NAMED_REJECTIONS, Rejection, RejectionCode, Rejections};
pub use domain::import::{
    Acceptance, Import, ImportCounts, ImportFormat, ImportKind, ImportReport, MAX_IMPORT_LINES,
    StockMode,
};
pub use domain::name::{AddressLine, InvalidAddressLine, InvalidName, InvalidSku, Name, Sku};
pub use domain::product::{InvalidPrices, NewProduct, Prices, Product, ProductChange};
pub use domain::routing::{
    CandidateOutcome, ChosenWarehouse, Route, RoutingRequest, RoutingTrace, Shortage, TraceEntry,
};
pub use domain::stock_change::{
    Direction, InvalidLines, Lines, MAX_CHANGE_LINES, Shortfall, StockChange,
};
pub use domain::stock_level::{LevelCounts, LevelFilter, MAX_ON_HAND, StockLevel};
pub use domain::stock_movement::{MovementFilter, MovementKind, StockMovement};
pub use domain::warehouse::{NewWarehouse, Warehouse, WarehouseChange};
pub use error::{InventoryError, PROBLEM_TYPES};
pub use import_file::{ImportFile, ImportFileError, ImportFileWriter};
pub use service::change_product::change_product;
pub use service::change_stock::change_stock;
pub use service::change_warehouse::change_warehouse;
pub use service::create_product::create_product;
pub use service::create_warehouse::create_warehouse;
pub use service::explain_route::{explain_route, explain_routes};
pub use service::find_skus::find_skus;
pub use service::find_unlocked_levels::find_unlocked_levels;
pub use service::get_import::get_import;
pub use service::get_product::get_product;
pub use service::get_safety_stock::get_safety_stock;
pub use service::get_warehouse::get_warehouse;
pub use service::import::{ImportObserver, ImportProgress, ImportRequest};
pub use service::import_products::import_products;
pub use service::import_stock::import_stock;
pub use service::list_products::list_products;
pub use service::list_stock_levels::list_stock_levels;
pub use service::list_stock_movements::list_stock_movements;
pub use service::list_warehouses::list_warehouses;
pub use service::load_catalogue::{LoadSummary, load_catalogue};
pub use service::purge_idempotency_keys::purge_idempotency_keys;
pub use service::quote_prices::{PriceQuote, quote_prices};
pub use service::release::release;
pub use service::reserve::reserve;
pub use service::route::{route, route_together};
pub use service::set_safety_stock::set_safety_stock;
pub use store::grants::GRANTS;
pub use store::stock_levels::stock_lock_times;
