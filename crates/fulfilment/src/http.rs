//! The HTTP endpoints of fulfilment that read, or that concern neither stock nor money. The others need an order's lock
//! and are served by orders.

mod document;
pub(crate) mod evacuations;
mod examples;
mod fulfilment_orders;
pub(crate) mod representation;
pub(crate) mod returns;
mod shipments;

use oms_validation::Scope;
use oms_web::{Access, Detached, Route, route};

use crate::context::FulfilmentContext;

pub use document::{FulfilmentSchemas, ProblemMembers};
pub use evacuations::evacuation_id_of;
pub use fulfilment_orders::fulfilment_order_id_of;
pub use returns::return_id_of;
pub use shipments::shipment_id_of;

/// The routes of fulfilment, grouped by path.
pub static ROUTES: &[Route] = &[
    route!(GET "/fulfilment-orders", READ, fulfilment_orders::list::list),
    route!(GET "/fulfilment-orders/{id}", READ, fulfilment_orders::show::show),
    route!(GET "/evacuations", READ, evacuations::list::list),
    route!(GET "/evacuations/{id}", READ, evacuations::show::show),
    route!(GET "/evacuations/{id}/fulfilment-orders", READ, evacuations::orders::orders),
    route!(GET "/shipments", READ, shipments::list::list),
    route!(GET "/shipments/{id}", READ, shipments::show::show),
    route!(PATCH "/shipments/{id}/parcels/{parcel}", WRITE, shipments::change_parcel::change_parcel),
    route!(GET "/returns", READ_RETURNS, returns::list::list),
    route!(GET "/returns/{id}", READ_RETURNS, returns::show::show),
];

const READ: Access = Access::Scope(Scope::FulfilmentRead);
const WRITE: Access = Access::Scope(Scope::FulfilmentWrite);
const READ_RETURNS: Access = Access::Scope(Scope::ReturnsRead);

/// The dependencies of fulfilment's endpoints, registered as `web::Data`.
pub struct FulfilmentApi {
    work: Detached<FulfilmentContext>,
}

impl FulfilmentApi {
    /// Creates the dependencies from those of the use cases.
    pub fn new(work: Detached<FulfilmentContext>) -> Self {
        Self { work }
    }
}
