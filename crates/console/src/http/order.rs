//! `GET /console/orders/{id}`: what is going on with an order, and everything that is stored of it.

pub(super) mod actions;
mod goods;
mod money;
mod offers;
pub(super) mod refunding;
mod routing;
mod timeline;

use std::collections::HashMap;

use actix_web::http::StatusCode;
use askama::Template;
use chrono::Utc;
use oms_errors::{Problem, invalid_field};
use oms_events::list_deliveries_of;
use oms_inventory::{Warehouse, list_warehouses};
use oms_orders::{
    ExplainedOrder, OrderError, OrderTimeline, TimelineCursor, Who, explain_order, find_moves,
    get_timeline,
};
use oms_validation::{OrderId, Scope, WarehouseId};

use self::goods::{DeliveryRow, FulfilmentCard, ReturnRow, ShipmentRow};
use self::money::{LineRow, Money};
use self::offers::{Doing, Offer};
use self::routing::Routing;
use self::timeline::{Filter, TimelineRow};
use super::form::Form;
use super::frame::{Frame, Section};
use super::listing::{explained, most};
use super::notice::Notice;
use super::operator::Operator;
use super::page::{Answer, page_with, reload};
use super::page_request::PageRequest;
use crate::display;

/// What is going on, in words.
struct Going {
    tone: &'static str,
    happened: String,
    money: String,
    goods: String,
    who: &'static str,
    next: String,
    /// In how much time, if that is known.
    when: Option<String>,
}

#[derive(Template)]
#[template(path = "order.html")]
struct OrderPage {
    frame: Frame,
    id: String,
    /// The external reference, or the last characters of the ID.
    name: String,
    customer: String,
    placed: String,
    age: String,
    status: &'static str,
    tone: &'static str,
    is_unsettled: bool,
    notice: Option<Notice>,
    going: Going,
    offers: Vec<Offer>,
    /// The form among the goods that is open, such as `ship-` and the ID of a fulfilment order.
    open: String,
    lines: Vec<LineRow>,
    money: Money,
    address: Option<String>,
    metadata: Vec<(String, String)>,
    routing: Routing,
    /// Only with the scope `fulfilment:read`.
    fulfilment: Option<Fulfilment>,
    /// Only with the scope `returns:read`.
    returns: Option<Vec<ReturnRow>>,
    /// Only with the scope `webhooks:read`.
    deliveries: Option<Vec<DeliveryRow>>,
    filters: Vec<(Filter, bool)>,
    timeline: Vec<TimelineRow>,
    timeline_line: String,
    later: Option<String>,
}

struct Fulfilment {
    status: String,
    orders: Vec<FulfilmentCard>,
    shipments: Vec<ShipmentRow>,
    moves: Vec<String>,
}

/// What was read for a page.
struct Read {
    filter: Filter,
    explained: ExplainedOrder,
    timeline: OrderTimeline,
    warehouses: HashMap<WarehouseId, Warehouse>,
    moves: Vec<String>,
    deliveries: Option<Vec<DeliveryRow>>,
}

/// `GET /console/orders/{id}`.
pub(super) async fn show(request: Box<PageRequest>) -> Answer {
    let id = order_id_of(request.id())?;
    let notice = request.query().text("done").and_then(Notice::of_done);
    answer(&request, id, StatusCode::OK, notice).await
}

/// The page of an order after a refused action: the refusal is shown above everything else.
async fn refused(request: &PageRequest, id: OrderId, problem: Problem) -> Answer {
    request.operator()?.require(Scope::OrdersRead)?;
    let (status, problem) = explained(problem)?;
    let notice = Some(Notice::of_problem(&problem));
    answer(request, id, status, notice).await
}

async fn answer(
    request: &PageRequest,
    id: OrderId,
    status: StatusCode,
    notice: Option<Notice>,
) -> Answer {
    let read = read(request, id).await?;
    let page = OrderPage::of(request, request.operator()?, request.query(), read, notice);
    // Everything on the page may be different now.
    if request.is_for_a_part() && !page.is_unsettled {
        return reload();
    }
    page_with(status, &page)
}

async fn read(request: &PageRequest, id: OrderId) -> Result<Read, Problem> {
    let (console, operator) = (&request.console, request.operator()?);
    let tenant = operator.tenant();
    let query = request.query();
    let filter = query.parsed("show", Filter::parse)?;
    let after = query.text("after").map(str::parse::<TimelineCursor>);
    let after = after
        .transpose()
        .map_err(|_| invalid_field("after", "is not a cursor"))?;
    let explained = explain_order(&console.orders, tenant, id).await?;
    let timeline = get_timeline(&console.orders, tenant, id, after, most()).await?;
    let moves = match operator.may(Scope::FulfilmentRead) {
        true => find_moves(&console.orders, tenant, id).await?,
        false => Vec::new(),
    };
    let warehouses = list_warehouses(&console.inventory, tenant, None, None, most()).await?;
    let warehouses = warehouses.items.into_iter().map(|it| (it.id, it));
    let warehouses: HashMap<_, _> = warehouses.collect();
    let deliveries = match operator.may(Scope::WebhooksRead) {
        true => {
            let found = list_deliveries_of(&console.webhooks, tenant, id.as_uuid()).await?;
            Some(goods::deliveries(found))
        }
        false => None,
    };
    let moves = moves
        .iter()
        .map(|made| goods::move_in_words(made, &warehouses))
        .collect();
    Ok(Read {
        filter: filter.unwrap_or_default(),
        explained,
        timeline,
        warehouses,
        moves,
        deliveries,
    })
}

impl OrderPage {
    fn of(
        request: &PageRequest,
        operator: &Operator,
        query: &Form,
        read: Read,
        notice: Option<Notice>,
    ) -> Self {
        let now = display::now();
        let Read {
            filter,
            explained,
            timeline,
            warehouses,
            moves,
            deliveries,
        } = read;
        let (details, skus) = (&explained.details, &timeline.skus);
        let order = &details.order;
        let id = order.id.to_string();
        let name = display::order_name(order.id, order.external_reference.as_ref());
        let entries = timeline::rows(&timeline.page.items, filter);
        let next = &explained.explanation.next;
        let timeline_line = timeline::line(&timeline.page.items, next);
        let fulfilment = operator.may(Scope::FulfilmentRead).then(|| Fulfilment {
            status: display::sentence(&details.fulfilment.status().to_string()),
            orders: goods::cards(&details.fulfilment, skus, &warehouses, operator),
            shipments: goods::shipments(&details.fulfilment, skus, &warehouses),
            moves,
        });
        let returns = operator.may(Scope::ReturnsRead);
        Self {
            frame: request.frame(Section::Orders, format!("Order {name}")),
            name,
            customer: order.customer_id.to_string(),
            placed: display::time(order.created_at),
            age: display::ago(order.created_at, now),
            status: display::status(order.status),
            tone: display::tone(order.status),
            is_unsettled: order.status.is_unsettled() && explained.dead_letter.is_none(),
            notice,
            going: Going::of(&explained, now),
            offers: offers::offers(&explained, operator),
            open: query.value("open").to_owned(),
            lines: money::lines(details, skus),
            money: money::money(details),
            address: order.shipping_address.as_ref().and_then(display::address),
            metadata: metadata(&explained),
            routing: routing::routing(details, &warehouses),
            fulfilment,
            returns: returns.then(|| goods::returns(&details.fulfilment, skus)),
            deliveries,
            filters: Filter::ALL.map(|it| (it, it == filter)).into(),
            timeline: entries,
            timeline_line,
            later: timeline.page.next.map(|cursor| {
                format!(
                    "/console/orders/{id}?show={}&after={cursor}#timeline",
                    filter.as_str()
                )
            }),
            id,
        }
    }

    /// Whether a form of a fulfilment order is open.
    fn is_open(&self, form: &str, id: &str) -> bool {
        self.open
            .strip_prefix(form)
            .and_then(|rest| rest.strip_prefix('-'))
            == Some(id)
    }
}

impl Going {
    fn of(explained: &ExplainedOrder, now: chrono::DateTime<Utc>) -> Self {
        let it = &explained.explanation;
        let is_final = !explained.details.order.status.holds_stock();
        Self {
            tone: match it.next.who {
                Who::Nobody if is_final => "idle",
                Who::Nobody => "ok",
                Who::Oms => "busy",
                Who::Customer | Who::Bank | Who::Warehouse => "wait",
                Who::Operator => "bad",
            },
            happened: display::quoted(&it.happened),
            money: it.money.clone(),
            goods: it.goods.clone(),
            who: match it.next.who {
                Who::Nobody => "Nobody has to act",
                Who::Oms => "oms acts next",
                Who::Customer => "The customer acts next",
                Who::Bank => "The bank acts next",
                Who::Warehouse => "The warehouse acts next",
                Who::Operator => "You act next",
            },
            next: display::quoted(&it.next.text),
            when: it.next.at.map(|at| display::deadline(it.next.who, at, now)),
        }
    }
}

fn metadata(explained: &ExplainedOrder) -> Vec<(String, String)> {
    let entries = explained.details.order.metadata.iter();
    entries
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Reads the ID of an order in a path. A malformed ID is treated as unknown.
pub(super) fn order_id_of(path: &str) -> Result<OrderId, Problem> {
    path.parse().map_err(|_| OrderError::NotFound.into())
}
