//! The HTTP face of orders.

mod brief;
mod cancel_order;
mod dead_letters;
mod document;
mod erase_customer;
mod examples;
mod findings;
mod get_order;
mod get_timeline;
mod items;
mod list_orders;
mod list_refunds;
mod pay_order;
mod place_order;
mod preview_routing;
mod refund_order;
mod representation;

pub use document::{OrdersDocument, ProblemMembers};

use std::future::Future;
use std::sync::Arc;

use actix_web::web::{self, ServiceConfig};
use oms_errors::Problem;
use oms_validation::OrderId;
use oms_web::method_not_allowed;
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::context::OrderContext;
use crate::domain::reason::Reason;
use crate::error::OrderError;

/// Whether requests may carry card numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardNumbers {
    /// They may: the gateway is the sandbox.
    Accepted,
    /// They must not: a token of the gateway stands for the card.
    Refused,
}

/// What the endpoints of orders work with. Registered as `web::Data`.
pub struct OrdersApi {
    context: Arc<OrderContext>,
    card_numbers: CardNumbers,
    runtime: Handle,
    tasks: TaskTracker,
}

impl OrdersApi {
    /// Requests are worked on in `runtime`, as `tasks` of which the owner can wait for the end.
    pub fn new(
        context: Arc<OrderContext>,
        card_numbers: CardNumbers,
        runtime: Handle,
        tasks: TaskTracker,
    ) -> Self {
        Self {
            context,
            card_numbers,
            runtime,
            tasks,
        }
    }

    /// Runs `work` to its end, whatever becomes of the request: a client that resets its connection makes actix-web
    /// drop the handler half-way, and this only drops the waiting.
    async fn detached<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Problem> {
        let task = self.tasks.spawn_on(work.in_current_span(), &self.runtime);
        task.await
            .map_err(|error| Problem::of(&oms_errors::INTERNAL).with_source(error))
    }
}

/// What is no id is the id of nothing.
fn order_id_of(path: &str) -> Result<OrderId, OrderError> {
    path.parse().map_err(|_| OrderError::NotFound)
}

/// Why something is asked for, where a body says so.
fn reason_of(text: Option<&str>) -> Result<Option<Reason>, Problem> {
    text.map(oms_web::reason_of).transpose()
}

/// The routes of orders.
pub fn configure(config: &mut ServiceConfig) {
    config
        .service(
            web::resource("/orders")
                .route(web::get().to(list_orders::list_orders))
                .route(web::post().to(place_order::place_order))
                .default_service(method_not_allowed("GET, POST")),
        )
        .service(
            web::resource("/orders/{id}")
                .route(web::get().to(get_order::get_order))
                .default_service(method_not_allowed("GET")),
        )
        .service(
            web::resource("/orders/{id}/timeline")
                .route(web::get().to(get_timeline::get_timeline))
                .default_service(method_not_allowed("GET")),
        )
        .service(
            web::resource("/orders/{id}/payment")
                .route(web::post().to(pay_order::pay_order))
                .default_service(method_not_allowed("POST")),
        )
        .service(
            web::resource("/orders/{id}/cancel")
                .route(web::post().to(cancel_order::cancel_order))
                .default_service(method_not_allowed("POST")),
        )
        .service(
            web::resource("/orders/{id}/refunds")
                .route(web::get().to(list_refunds::list_refunds))
                .route(web::post().to(refund_order::refund_order))
                .default_service(method_not_allowed("GET, POST")),
        )
        .service(
            web::resource("/customers/{id}/erase")
                .route(web::post().to(erase_customer::erase_customer))
                .default_service(method_not_allowed("POST")),
        )
        .service(
            web::resource("/routing/preview")
                .route(web::post().to(preview_routing::preview_routing))
                .default_service(method_not_allowed("POST")),
        )
        .service(
            web::resource("/operations/dead-letters")
                .route(web::get().to(dead_letters::list::list))
                .route(web::post().to(dead_letters::create::create))
                .default_service(method_not_allowed("GET, POST")),
        )
        .service(
            web::resource("/operations/dead-letters/{id}")
                .route(web::get().to(dead_letters::show::show))
                .default_service(method_not_allowed("GET")),
        )
        .service(
            web::resource("/operations/dead-letters/{id}/retry")
                .route(web::post().to(dead_letters::retry::retry))
                .default_service(method_not_allowed("POST")),
        )
        .service(
            web::resource("/operations/dead-letters/{id}/resolve")
                .route(web::post().to(dead_letters::resolve::resolve))
                .default_service(method_not_allowed("POST")),
        )
        .service(
            web::resource("/operations/findings")
                .route(web::get().to(findings::list::list))
                .default_service(method_not_allowed("GET")),
        )
        .service(
            web::resource("/operations/findings/{id}")
                .route(web::get().to(findings::show::show))
                .default_service(method_not_allowed("GET")),
        )
        .service(
            web::resource("/operations/findings/{id}/resolve")
                .route(web::post().to(findings::resolve::resolve))
                .default_service(method_not_allowed("POST")),
        );
}
