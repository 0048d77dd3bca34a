//! The HTTP face of inventory: what its operators administer.

pub(crate) mod document;
mod examples;
mod imports;
mod products;
mod stock;
mod warehouses;

use std::future::Future;
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{self, ServiceConfig};
use oms_errors::{INTERNAL, Problem};
use oms_validation::Once;
use oms_web::paging::parameter;
use oms_web::{mark_replayed, method_not_allowed};
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::context::InventoryContext;
pub use document::{InventoryDocument, ProblemMembers};
pub use imports::ImportLimits;
use imports::ImportPlaces;

/// What the endpoints of inventory work with. Registered as `web::Data`.
pub struct InventoryApi {
    context: Arc<InventoryContext>,
    imports: Arc<ImportPlaces>,
    runtime: Handle,
    tasks: TaskTracker,
}

impl InventoryApi {
    /// Requests are worked on in `runtime`, as `tasks` of which the owner can wait for the end.
    pub fn new(
        context: Arc<InventoryContext>,
        imports: ImportLimits,
        runtime: Handle,
        tasks: TaskTracker,
    ) -> Self {
        Self {
            context,
            imports: Arc::new(ImportPlaces::new(imports)),
            runtime,
            tasks,
        }
    }

    /// Runs `work` to its end, whatever becomes of the request: a transaction that is dropped half-way keeps its locks.
    async fn detached<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Problem> {
        let task = self.tasks.spawn_on(work.in_current_span(), &self.runtime);
        task.await
            .map_err(|error| Problem::of(&INTERNAL).with_source(error))
    }
}

/// A parameter that is `true` or `false`.
fn flag(query: &[(String, String)], name: &str) -> Result<Option<bool>, Problem> {
    parameter(query, name, |text| {
        text.parse().map_err(|_| "must be true or false".to_owned())
    })
}

/// 201 for what a request has made, 200 with `Idempotent-Replayed` for what an earlier one has.
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

/// The routes of inventory.
pub fn configure(config: &mut ServiceConfig) {
    config
        .service(
            web::resource("/warehouses")
                .route(web::get().to(warehouses::list::list))
                .route(web::post().to(warehouses::create::create))
                .default_service(method_not_allowed("GET, POST")),
        )
        .service(
            web::resource("/warehouses/{id}")
                .route(web::get().to(warehouses::show::show))
                .route(web::patch().to(warehouses::change::change))
                .default_service(method_not_allowed("GET, PATCH")),
        )
        .service(
            web::resource("/products")
                .route(web::get().to(products::list::list))
                .route(web::post().to(products::create::create))
                .default_service(method_not_allowed("GET, POST")),
        )
        .service(
            web::resource("/products/{id}")
                .route(web::get().to(products::show::show))
                .route(web::patch().to(products::change::change))
                .default_service(method_not_allowed("GET, PATCH")),
        )
        .service(
            web::resource("/stock-levels")
                .route(web::get().to(stock::levels::levels))
                .default_service(method_not_allowed("GET")),
        )
        .service(
            web::resource("/stock-levels/receive")
                .route(web::post().to(stock::receive::receive))
                .default_service(method_not_allowed("POST")),
        )
        .service(
            web::resource("/stock-levels/adjust")
                .route(web::post().to(stock::adjust::adjust))
                .default_service(method_not_allowed("POST")),
        )
        .service(
            web::resource("/stock-levels/transfer")
                .route(web::post().to(stock::transfer::transfer))
                .default_service(method_not_allowed("POST")),
        )
        .service(
            web::resource("/stock-levels/{warehouse}/{product}/safety-stock")
                .route(web::get().to(stock::safety_stock::show))
                .route(web::put().to(stock::safety_stock::set))
                .default_service(method_not_allowed("GET, PUT")),
        )
        .service(
            web::resource("/stock-movements")
                .route(web::get().to(stock::movements::movements))
                .default_service(method_not_allowed("GET")),
        )
        .service(
            web::resource("/imports/products")
                .route(web::post().to(imports::products::import))
                .default_service(method_not_allowed("POST")),
        )
        .service(
            web::resource("/imports/stock")
                .route(web::post().to(imports::stock::import))
                .default_service(method_not_allowed("POST")),
        )
        .service(
            web::resource("/imports/{id}")
                .route(web::get().to(imports::show::show))
                .default_service(method_not_allowed("GET")),
        );
}
