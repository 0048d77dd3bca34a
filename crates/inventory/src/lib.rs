#![doc = include_str!("../README.md")]

mod domain;
mod service;
mod store;

pub use domain::allocation::{ReservationRequest, ReserveOutcome};
pub use domain::catalogue::{Catalogue, CatalogueProduct, CatalogueStock, CatalogueWarehouse};
pub use domain::demand::{Demand, InvalidDemand, MAX_QUANTITY};
pub use domain::explanation::RouteExplanation;
pub use domain::id::{ProductId, WarehouseId};
pub use domain::routing::{
    CandidateOutcome, ChosenWarehouse, Route, RoutingRequest, RoutingTrace, Shortage, TraceEntry,
};
pub use service::explain_route::{explain_route, explain_routes};
pub use service::find_skus::find_skus;
pub use service::load_catalogue::{LoadSummary, load_catalogue};
pub use service::quote_prices::{PriceQuote, quote_prices};
pub use service::release::release;
pub use service::reserve::reserve;
pub use service::route::{route, route_together};
