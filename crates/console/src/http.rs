//! The pages: the table of their routes, and what they share.

mod assets;
mod client_address;
mod dead_letters;
pub(crate) mod error_page;
mod events;
mod files;
mod findings;
pub(crate) mod form;
pub(crate) mod frame;
pub(crate) mod guard;
mod holds;
mod home;
mod icons;
mod imports;
pub(crate) mod listing;
mod live;
mod notice;
pub(crate) mod operator;
mod order;
mod order_names;
mod orders;
pub(crate) mod page;
pub(crate) mod page_request;
mod part_request;
mod picking;
mod products;
mod provider;
mod returns;
mod same_origin;
mod session_cookie;
mod settings;
mod sign_in;
mod sign_out;
mod stock;
mod warehouses;
mod webhooks;

use std::sync::Arc;

use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Route as ActixRoute};
use futures_util::future::BoxFuture;
use oms_access::{IdentityProvider, SessionsContext};
use oms_errors::{METHOD_NOT_ALLOWED, Problem, ROUTE_NOT_FOUND};
use oms_events::{EventsContext, WebhooksContext};
use oms_fulfilment::FulfilmentContext;
use oms_inventory::InventoryContext;
use oms_orders::OrderContext;
use oms_validation::Scope;
use oms_web::{Detached, ProblemResponse};

use self::page::Answer;
use self::page_request::PageRequest;
use crate::live::Live;

pub use client_address::ClientAddress;

/// The access that a page requires of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageAccess {
    /// None: the door, and files.
    Public,
    /// A session.
    SignedIn,
    /// A session with this scope.
    Scope(Scope),
}

/// A page or an action: one row of [`ROUTES`].
#[derive(Clone, Copy, Debug)]
pub struct ConsoleRoute {
    /// Such as `GET`, which also serves `HEAD`.
    pub method: &'static str,
    /// The registered path, such as `/console/orders/{id}`.
    pub path: &'static str,
    /// The access that it requires.
    pub access: PageAccess,
    handler: Handler,
}

/// Answers a request. The future is boxed, so that [`serve`] is compiled once and not for each page; and so is the request,
/// because each of the sixty handlers has code that moves it.
type Handler = fn(Box<PageRequest>) -> BoxFuture<'static, Answer>;

impl ConsoleRoute {
    fn route(&'static self) -> ActixRoute {
        let method = Method::from_bytes(self.method.as_bytes());
        let route = web::method(method.expect("rows name methods"));
        route.to(|console, request, payload| serve(self.handler, console, request, payload))
    }
}

macro_rules! page {
    ($method:ident $path:literal, $access:expr, $($handler:ident)::+) => {
        ConsoleRoute {
            method: stringify!($method),
            path: $path,
            access: $access,
            handler: |request| Box::pin($($handler)::+(request)),
        }
    };
}

/// The routes of the console. Rows of the same path are adjacent.
pub static ROUTES: &[ConsoleRoute] = &[
    page!(GET "/console", SIGNED_IN, home::home),
    page!(GET "/console/assets/{file}", PUBLIC, assets::asset),
    page!(GET "/console/sign-in", PUBLIC, sign_in::door),
    page!(POST "/console/sign-in", PUBLIC, sign_in::with_key),
    page!(GET "/console/sign-in/link", PUBLIC, sign_in::link),
    page!(POST "/console/sign-in/link", PUBLIC, sign_in::with_link),
    page!(GET "/console/sign-in/provider", PUBLIC, provider::begin),
    page!(GET "/console/sign-in/provider/back", PUBLIC, provider::back),
    page!(POST "/console/sign-out", SIGNED_IN, sign_out::sign_out),
    page!(POST "/console/sign-out/everywhere", SIGNED_IN, sign_out::everywhere),
    page!(GET "/console/search", READ, orders::search),
    page!(GET "/console/orders", READ, orders::list),
    // Before the orders, whose paths these would be otherwise.
    page!(POST "/console/orders/views", READ, orders::views::save),
    page!(POST "/console/orders/views/{id}", READ, orders::views::change),
    page!(GET "/console/orders/{id}", READ, order::show),
    page!(POST "/console/orders/{id}/cancel", CANCEL, order::actions::cancel),
    page!(POST "/console/orders/{id}/try", OPERATE, order::actions::try_again),
    page!(POST "/console/orders/{id}/take", OPERATE, order::actions::take),
    page!(GET "/console/orders/{id}/refund", REFUND, order::refunding::form),
    page!(POST "/console/orders/{id}/refund", REFUND, order::refunding::refund),
    page!(POST "/console/orders/{id}/refund/preview", REFUND, order::refunding::preview),
    page!(POST "/console/orders/{id}/deliveries", WEBHOOKS, order::actions::deliver),
    page!(POST "/console/fulfilment-orders/{id}/ship", WORK, order::actions::ship),
    page!(POST "/console/fulfilment-orders/{id}/move", WORK, order::actions::move_units),
    page!(POST "/console/fulfilment-orders/{id}/release", WORK, order::actions::release),
    page!(GET "/console/dead-letters", OPERATE, dead_letters::list),
    page!(GET "/console/dead-letters/{id}", OPERATE, dead_letters::show),
    page!(POST "/console/dead-letters/{id}/ask", OPERATE, dead_letters::ask),
    page!(POST "/console/dead-letters/{id}/retry", OPERATE, dead_letters::retry),
    page!(POST "/console/dead-letters/{id}/resolve", OPERATE, dead_letters::resolve),
    page!(GET "/console/findings", OPERATE, findings::list),
    page!(GET "/console/findings/{id}", OPERATE, findings::show),
    page!(POST "/console/findings/{id}/resolve", OPERATE, findings::resolve),
    page!(GET "/console/stock", STOCK, stock::list),
    page!(GET "/console/stock/{warehouse}/{product}", STOCK, stock::level::show),
    page!(POST "/console/stock/{warehouse}/{product}", CHANGE_STOCK, stock::change::change),
    page!(GET "/console/picking", GOODS, picking::list),
    page!(POST "/console/picking/{id}/work", WORK, picking::actions::work),
    page!(POST "/console/picking/{id}/shipments", WORK, picking::actions::ship),
    page!(GET "/console/holds", GOODS, holds::list),
    page!(GET "/console/returns", RETURNS, returns::list),
    page!(GET "/console/returns/{id}", RETURNS, returns::one::show),
    page!(POST "/console/returns/{id}/decision", DECIDE, returns::decide::decide),
    page!(POST "/console/returns/{id}/receipts", RECEIVE, returns::receive::receive),
    page!(GET "/console/warehouses", STOCK, warehouses::list),
    page!(GET "/console/warehouses/{id}", STOCK, warehouses::edit::show),
    page!(POST "/console/warehouses/{id}", CHANGE_STOCK, warehouses::edit::change),
    page!(GET "/console/products", STOCK, products::list),
    page!(GET "/console/imports", CHANGE_STOCK, imports::form),
    page!(POST "/console/imports", CHANGE_STOCK, imports::import),
    page!(GET "/console/imports/{id}", STOCK, imports::report::show),
    page!(GET "/console/imports/{id}/rejected.csv", STOCK, imports::report::rejected),
    page!(GET "/console/webhooks", READ_WEBHOOKS, webhooks::list),
    page!(GET "/console/webhooks/{id}", READ_WEBHOOKS, webhooks::endpoint::show),
    page!(POST "/console/webhooks/{id}/status", WEBHOOKS, webhooks::actions::set_status),
    page!(POST "/console/webhooks/{id}/test", WEBHOOKS, webhooks::actions::test),
    page!(POST "/console/webhooks/{id}/secret", WEBHOOKS, webhooks::actions::rotate),
    page!(POST "/console/webhooks/{id}/deliveries", WEBHOOKS, webhooks::actions::resolve),
    page!(GET "/console/events", READ_EVENTS, events::list),
    page!(GET "/console/live", OPERATE, live::live),
    page!(GET "/console/settings", SIGNED_IN, settings::settings),
];

const PUBLIC: PageAccess = PageAccess::Public;
const SIGNED_IN: PageAccess = PageAccess::SignedIn;
const READ: PageAccess = PageAccess::Scope(Scope::OrdersRead);
const CANCEL: PageAccess = PageAccess::Scope(Scope::OrdersCancel);
const REFUND: PageAccess = PageAccess::Scope(Scope::OrdersRefund);
const WORK: PageAccess = PageAccess::Scope(Scope::FulfilmentWrite);
const READ_WEBHOOKS: PageAccess = PageAccess::Scope(Scope::WebhooksRead);
const READ_EVENTS: PageAccess = PageAccess::Scope(Scope::EventsRead);
const WEBHOOKS: PageAccess = PageAccess::Scope(Scope::WebhooksWrite);
const STOCK: PageAccess = PageAccess::Scope(Scope::InventoryRead);
const CHANGE_STOCK: PageAccess = PageAccess::Scope(Scope::InventoryWrite);
const GOODS: PageAccess = PageAccess::Scope(Scope::FulfilmentRead);
const RETURNS: PageAccess = PageAccess::Scope(Scope::ReturnsRead);
const DECIDE: PageAccess = PageAccess::Scope(Scope::ReturnsWrite);
const RECEIVE: PageAccess = PageAccess::Scope(Scope::ReturnsReceive);
const OPERATE: PageAccess = PageAccess::Scope(Scope::Operations);

/// The settings of the console.
#[derive(Clone, Debug)]
pub struct ConsoleSettings {
    /// The origin under which operators open it, such as `https://oms.example.com`, without a trailing slash.
    pub origin: String,
    /// Whether the page that signs in explains how to get a link on the developer's machine.
    pub development: bool,
}

impl ConsoleSettings {
    /// Whether the console is only reached over TLS, so that its cookie may be bound to that.
    pub(crate) fn is_secure(&self) -> bool {
        self.origin.starts_with("https://")
    }
}

/// What the pages need: the contexts whose use cases they call.
pub struct Console {
    /// Sessions and keys.
    pub sessions: Arc<SessionsContext>,
    /// Orders.
    pub orders: Arc<OrderContext>,
    /// Warehouses, products and stock.
    pub inventory: Arc<InventoryContext>,
    /// Fulfilment orders, shipments and returns.
    pub fulfilment: Arc<FulfilmentContext>,
    /// The feed of events.
    pub events: Arc<EventsContext>,
    /// Webhook endpoints and their deliveries.
    pub webhooks: Arc<WebhooksContext>,
    /// Where operators may sign in besides.
    pub provider: Option<Arc<IdentityProvider>>,
    /// The latest metrics of this process.
    pub live: Arc<Live>,
    /// The settings.
    pub settings: ConsoleSettings,
}

/// Registers the pages, each behind the guard, and the page for addresses that do not exist.
pub fn configure(console: web::Data<Detached<Console>>, config: &mut ServiceConfig) {
    config.app_data(console);
    for rows in ROUTES.chunk_by(|one, next| one.path == next.path) {
        let methods: Arc<[&str]> = rows.iter().map(|row| row.method).collect();
        let refusing = web::resource(rows[0].path).default_service(web::to(move || {
            let allowed = methods.join(", ");
            let problem = Problem::new(&METHOD_NOT_ALLOWED, format!("use {allowed}"));
            std::future::ready(Err::<String, _>(ProblemResponse(
                problem.with_allow(allowed),
            )))
        }));
        let resource = rows
            .iter()
            .fold(refusing, |resource, row| resource.route(row.route()));
        config.service(resource.wrap(from_fn(guard::guard)));
    }
    let nothing =
        web::to(async || Err::<String, _>(ProblemResponse(Problem::of(&ROUTE_NOT_FOUND))));
    let rest = web::resource("/console/{rest:.*}").default_service(nothing);
    config.service(rest.wrap(from_fn(guard::guard)));
}

/// Serves all pages: reads the request, and then runs the handler to its end, also when the client disconnects.
async fn serve(
    handler: Handler,
    console: web::Data<Detached<Console>>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ProblemResponse> {
    let context = console.context().clone();
    let request = PageRequest::read(context, &request, payload.into_inner()).await?;
    let response = console.run(|_| handler(Box::new(request))).await?;
    Ok(response.into())
}
