//! The HTTP endpoints of inventory, for the tenant's administration.

pub(crate) mod document;
mod examples;
mod imports;
mod price_lists;
mod products;
mod stock;
mod warehouses;

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header;
use oms_validation::{Once, Scope};
use oms_web::{Access, Detached, Route, mark_replayed, route};

use crate::context::InventoryContext;
pub use document::{InventorySchemas, ProblemMembers};
pub use imports::ImportLimits;
use imports::ImportPlaces;

/// The routes of inventory, grouped by path.
pub static ROUTES: &[Route] = &[
    route!(GET "/warehouses", READ, warehouses::list::list),
    route!(POST "/warehouses", WRITE, warehouses::create::create),
    route!(GET "/warehouses/{id}", READ, warehouses::show::show),
    route!(PATCH "/warehouses/{id}", WRITE, warehouses::change::change),
    route!(GET "/products", READ, products::list::list),
    route!(POST "/products", WRITE, products::create::create),
    route!(GET "/products/{id}", READ, products::show::show),
    route!(PATCH "/products/{id}", WRITE, products::change::change),
    route!(GET "/price-lists", READ, price_lists::list::list),
    route!(POST "/price-lists", WRITE, price_lists::create::create),
    route!(GET "/price-lists/{id}", READ, price_lists::show::show),
    route!(PATCH "/price-lists/{id}", WRITE, price_lists::change::change),
    route!(GET "/price-lists/{id}/prices", READ, price_lists::prices::prices),
    route!(PUT "/price-lists/{id}/prices", WRITE, price_lists::set_prices::set_prices),
    route!(GET "/stock-levels", READ, stock::levels::levels),
    route!(POST "/stock-levels/receive", WRITE, stock::receive::receive),
    route!(POST "/stock-levels/adjust", WRITE, stock::adjust::adjust),
    route!(POST "/stock-levels/transfer", WRITE, stock::transfer::transfer),
    route!(POST "/stock-levels/quarantine", WRITE, stock::quarantine::quarantine),
    route!(POST "/stock-levels/quarantine/release", WRITE, stock::quarantine::release),
    route!(POST "/stock-levels/quarantine/write-off", WRITE, stock::quarantine::write_off),
    route!(GET "/stock-levels/{warehouse}/{product}/safety-stock", READ, stock::safety_stock::show),
    route!(PUT "/stock-levels/{warehouse}/{product}/safety-stock", WRITE, stock::safety_stock::set),
    route!(GET "/stock-movements", READ, stock::movements::movements),
    route!(POST "/imports/prices", WRITE, imports::prices::import),
    route!(POST "/imports/products", WRITE, imports::products::import),
    route!(POST "/imports/stock", WRITE, imports::stock::import),
    route!(GET "/imports/{id}", READ, imports::show::show),
];

const READ: Access = Access::Scope(Scope::InventoryRead);
const WRITE: Access = Access::Scope(Scope::InventoryWrite);

/// The dependencies of inventory's endpoints, registered as `web::Data`.
pub struct InventoryApi {
    work: Detached<InventoryContext>,
    imports: Arc<ImportPlaces>,
}

impl InventoryApi {
    /// Creates the dependencies from those of the use cases.
    pub fn new(work: Detached<InventoryContext>, imports: ImportLimits) -> Self {
        Self {
            work,
            imports: Arc::new(ImportPlaces::new(imports)),
        }
    }
}

/// 201 if this request created the resource; 200 with `Idempotent-Replayed` if an earlier one did.
fn made<T>(
    once: Once<T>,
    location: impl FnOnce(&T) -> String,
) -> (actix_web::HttpResponseBuilder, T) {
    let mut response = match once {
        Once::Now(_) => HttpResponse::Created(),
        Once::Before(_) => HttpResponse::Ok(),
    };
    let value = mark_replayed(&mut response, once);
    response.insert_header((header::LOCATION, location(&value)));
    (response, value)
}
