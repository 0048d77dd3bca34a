//! The HTTP endpoints of orders.

mod brief;
mod cancel_order;
mod dead_letters;
mod document;
mod erase_customer;
mod examples;
mod findings;
mod fulfilling;
mod get_explanation;
mod get_order;
mod get_timeline;
mod goods;
mod items;
mod list_orders;
mod list_refunds;
mod parts;
mod pay_order;
mod payment;
mod place_order;
mod preview_routing;
mod pricing;
mod refund_order;
mod representation;
mod rerouting;
mod returning;
mod settings;

pub use document::{OrdersSchemas, ProblemMembers};

use oms_errors::Problem;
use oms_validation::{OrderId, Scope};
use oms_web::{Access, Detached, Route, route};

use crate::context::OrderContext;
use crate::domain::reason::Reason;
use crate::error::OrderError;

/// The routes of orders. Rows of the same path are adjacent.
pub static ROUTES: &[Route] = &[
    route!(GET "/orders", READ, list_orders::list_orders),
    route!(POST "/orders", WRITE, place_order::place_order),
    route!(GET "/orders/{id}", READ, get_order::get_order),
    route!(GET "/orders/{id}/explanation", READ, get_explanation::get_explanation),
    route!(GET "/orders/{id}/timeline", READ, get_timeline::get_timeline),
    route!(POST "/orders/{id}/payment", WRITE, pay_order::pay_order),
    route!(POST "/orders/{id}/cancel", CANCEL, cancel_order::cancel_order),
    route!(GET "/orders/{id}/refunds", READ, list_refunds::list_refunds),
    route!(POST "/orders/{id}/refunds", REFUND, refund_order::refund_order),
    route!(GET "/orders/{id}/returnable", SEE_RETURNS, returning::returnable::returnable),
    route!(POST "/orders/{id}/returns", DECIDE, returning::create::create),
    route!(POST "/returns/{id}/approve", DECIDE, returning::approve::approve),
    route!(POST "/returns/{id}/decline", DECIDE, returning::decline::decline),
    route!(POST "/returns/{id}/cancel", DECIDE, returning::cancel::cancel),
    route!(POST "/returns/{id}/close", DECIDE, returning::close::close),
    route!(POST "/returns/{id}/receipts", RECEIVE, returning::receive::receive),
    route!(POST "/returns/{id}/refund", REFUND, returning::refund::refund),
    route!(GET "/orders/{id}/fulfilment-orders", SEE_WORK, fulfilling::of_order::of_order),
    route!(GET "/orders/{id}/moves", SEE_WORK, rerouting::list_moves::list_moves),
    route!(POST "/fulfilment-orders/{id}/start", WORK, fulfilling::work::start),
    route!(POST "/fulfilment-orders/{id}/stop", WORK, fulfilling::work::stop),
    route!(POST "/fulfilment-orders/{id}/holds", WORK, fulfilling::hold::hold),
    route!(DELETE "/fulfilment-orders/{id}/holds/{handle}", WORK, fulfilling::release::release),
    route!(POST "/fulfilment-orders/{id}/shipments", WORK, fulfilling::create::create),
    route!(POST "/fulfilment-orders/{id}/move", WORK, rerouting::move_work::move_work),
    route!(POST "/fulfilment-orders/{id}/reject", WORK, rerouting::reject::reject),
    route!(POST "/warehouses/{id}/evacuate", OPERATE, rerouting::evacuate::evacuate),
    route!(POST "/evacuations/{id}/stop", OPERATE, rerouting::stop::stop),
    route!(POST "/evacuations/{id}/resume", OPERATE, rerouting::resume::resume),
    route!(POST "/shipments/batch", WORK, fulfilling::batch::batch),
    route!(POST "/shipments/{id}/ship", WORK, fulfilling::ship::ship),
    route!(POST "/shipments/{id}/deliver", WORK, fulfilling::deliver::deliver),
    route!(POST "/shipments/{id}/cancel", WORK, fulfilling::cancel::cancel),
    route!(POST "/shipments/{id}/tracking", WORK, fulfilling::track::track),
    route!(POST "/customers/{id}/erase", OPERATE, erase_customer::erase_customer),
    route!(POST "/routing/preview", READ, preview_routing::preview_routing),
    route!(GET "/settings/orders", SETTINGS, settings::show),
    route!(PUT "/settings/orders", SETTINGS, settings::set),
    route!(GET "/operations/dead-letters", OPERATE, dead_letters::list::list),
    route!(POST "/operations/dead-letters", OPERATE, dead_letters::create::create),
    route!(GET "/operations/dead-letters/{id}", OPERATE, dead_letters::show::show),
    route!(POST "/operations/dead-letters/{id}/retry", OPERATE, dead_letters::retry::retry),
    route!(POST "/operations/dead-letters/{id}/resolve", OPERATE, dead_letters::resolve::resolve),
    route!(GET "/operations/findings", OPERATE, findings::list::list),
    route!(GET "/operations/findings/{id}", OPERATE, findings::show::show),
    route!(POST "/operations/findings/{id}/resolve", OPERATE, findings::resolve::resolve),
];

const READ: Access = Access::Scope(Scope::OrdersRead);
const WRITE: Access = Access::Scope(Scope::OrdersWrite);
const CANCEL: Access = Access::Scope(Scope::OrdersCancel);
const REFUND: Access = Access::Scope(Scope::OrdersRefund);
const SEE_WORK: Access = Access::Scope(Scope::FulfilmentRead);
const WORK: Access = Access::Scope(Scope::FulfilmentWrite);
const SEE_RETURNS: Access = Access::Scope(Scope::ReturnsRead);
const DECIDE: Access = Access::Scope(Scope::ReturnsWrite);
const RECEIVE: Access = Access::Scope(Scope::ReturnsReceive);
const SETTINGS: Access = Access::Scope(Scope::SettingsWrite);
const OPERATE: Access = Access::Scope(Scope::Operations);

/// Whether requests may contain card numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardNumbers {
    /// They may, because the gateway is the sandbox.
    Accepted,
    /// They must not: a gateway token represents the card.
    Refused,
}

/// State of the orders endpoints. Registered as `web::Data`.
pub struct OrdersApi {
    work: Detached<OrderContext>,
    card_numbers: CardNumbers,
}

impl OrdersApi {
    /// Creates the state of endpoints that run use cases with `work`.
    pub fn new(work: Detached<OrderContext>, card_numbers: CardNumbers) -> Self {
        Self { work, card_numbers }
    }
}

/// Parses an order ID. A malformed ID is treated as unknown (404).
fn order_id_of(path: &str) -> Result<OrderId, OrderError> {
    path.parse().map_err(|_| OrderError::NotFound)
}

/// The optional reason of a request body.
fn reason_of(text: Option<&str>) -> Result<Option<Reason>, Problem> {
    text.map(oms_web::reason_of).transpose()
}
