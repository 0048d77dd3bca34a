//! `GET /console/picking`: what a warehouse has to send, and the steps of sending it.

pub(super) mod actions;

use std::collections::HashMap;

use actix_web::http::StatusCode;
use askama::Template;
use chrono::{DateTime, Utc};
use oms_errors::Problem;
use oms_fulfilment::{
    Action, FulfilmentOrder, ListedBy, ShownStatus, WorkListCursor, WorkListFilter,
    list_fulfilment_orders,
};
use oms_inventory::{get_warehouse, list_warehouses, load_skus};
use oms_validation::{ProductId, Scope, WarehouseId};

use super::frame::{Frame, Section};
use super::listing::{address, few, most, read};
use super::notice::Notice;
use super::order_names::OrderNames;
use super::page::{Answer, page_with};
use super::page_request::PageRequest;
use super::stock::{Choice, choices};
use crate::display;

#[derive(Template)]
#[template(path = "picking.html")]
struct Picking {
    frame: Frame,
    notice: Option<Notice>,
    warehouses: Vec<Choice>,
    /// The chosen one.
    warehouse: Option<Choice>,
    rows: Vec<Row>,
    next: Option<String>,
}

struct Row {
    id: String,
    version: i32,
    order: String,
    name: String,
    number: i32,
    /// How long it is until then, or ago.
    due: String,
    due_at: String,
    is_late: bool,
    status: String,
    tone: &'static str,
    lines: Vec<LineRow>,
    holds: String,
    may_start: bool,
    may_stop: bool,
    may_ship: bool,
}

struct LineRow {
    number: i32,
    sku: String,
    ready: i32,
    packed: i32,
    shipped: i32,
}

/// `GET /console/picking`.
pub(super) async fn list(request: Box<PageRequest>) -> Answer {
    let query = request.query();
    let notice = query.text("done").and_then(done);
    answer(&request, query.value("warehouse"), StatusCode::OK, notice).await
}

fn done(word: &str) -> Option<Notice> {
    let title = match word {
        "start" => "The warehouse works on it now.",
        "stop" => "It is open again.",
        "pack" => "The units were packed.",
        "ship" => "The units were sent.",
        _ => return None,
    };
    Some(Notice::done(title))
}

async fn answer(
    request: &PageRequest,
    wished: &str,
    status: StatusCode,
    notice: Option<Notice>,
) -> Answer {
    let (inventory, tenant) = (&request.console.inventory, request.tenant()?);
    let id: Option<WarehouseId> = read("warehouse", wished, |text| text.parse().ok())?;
    let found = list_warehouses(inventory, tenant, None, None, most()).await?;
    let chosen = match id {
        Some(id) => Some(get_warehouse(inventory, tenant, id).await?),
        None => None,
    };
    let mut all = found.items;
    // It may be none of the first hundred.
    all.extend(chosen.filter(|it| all.iter().all(|other| other.id != it.id)));
    let warehouses = choices(&all, wished);
    let chosen = warehouses.iter().find(|choice| choice.is_chosen);
    let chosen = chosen.or(warehouses.first()).map(|choice| Choice {
        id: choice.id.clone(),
        name: choice.name.clone(),
        is_chosen: true,
    });
    let id = chosen.as_ref().and_then(|choice| choice.id.parse().ok());
    let (rows, next) = match id {
        Some(id) => rows(request, id).await?,
        None => (Vec::new(), None),
    };
    let page = Picking {
        frame: request.frame(Section::Picking, "Picking"),
        notice,
        warehouses,
        warehouse: chosen,
        rows,
        next,
    };
    page_with(status, &page)
}

async fn rows(
    request: &PageRequest,
    warehouse: WarehouseId,
) -> Result<(Vec<Row>, Option<String>), Problem> {
    let (console, operator) = (&request.console, request.operator()?);
    let tenant = operator.tenant();
    let after: Option<WorkListCursor> =
        request.query().parsed("after", |text| text.parse().ok())?;
    let filter = WorkListFilter {
        by: ListedBy::Warehouse(warehouse),
        status: None,
        ship_by_before: None,
    };
    let found = list_fulfilment_orders(&console.fulfilment, tenant, &filter, after, few()).await?;
    let products = found.items.iter().flat_map(|order| &order.lines);
    let products: Vec<ProductId> = products.map(|line| line.product_id).collect();
    let skus = load_skus(&console.inventory, tenant, &products).await?;
    let orders = found.items.iter().map(|order| order.order_id);
    let names = OrderNames::read(request, orders).await?;
    let (now, may_write) = (display::now(), operator.may(Scope::FulfilmentWrite));
    let rows = found
        .items
        .iter()
        .map(|order| Row::of(order, &skus, &names, now, may_write));
    let next = found.next.map(|after| {
        let (warehouse, after) = (warehouse.to_string(), after.to_string());
        address(
            "/console/picking",
            &[("warehouse", &warehouse), ("after", &after)],
        )
    });
    Ok((rows.collect(), next))
}

impl Row {
    fn of(
        order: &FulfilmentOrder,
        skus: &HashMap<ProductId, String>,
        names: &OrderNames,
        now: DateTime<Utc>,
        may_write: bool,
    ) -> Self {
        let actions = order.actions();
        let may = |action| may_write && actions.contains(&action);
        let shown = order.shown_status();
        let open = order.lines.iter().filter(|line| line.outstanding() > 0);
        let (due, due_at) = match order.ship_by {
            Some(at) => (display::ago(at, now), display::time(at)),
            None => {
                let age = display::ago(order.created_at, now);
                ("No date".to_owned(), format!("opened {age}"))
            }
        };
        let sku = |product: &ProductId| match skus.get(product) {
            Some(sku) => sku.clone(),
            None => product.to_string(),
        };
        let lines = open.map(|line| LineRow {
            number: line.number,
            sku: sku(&line.product_id),
            ready: line.ready(),
            packed: line.packed,
            shipped: line.shipped,
        });
        let holds = order
            .holds
            .iter()
            .map(|hold| display::capital(hold.reason.in_words()));
        Self {
            id: order.id.to_string(),
            version: order.version,
            order: order.order_id.to_string(),
            name: names.of(order.order_id),
            number: order.number,
            due,
            due_at,
            is_late: order.ship_by.is_some_and(|at| at < now),
            status: display::sentence(shown.as_str()),
            tone: match shown {
                ShownStatus::Open => "note",
                ShownStatus::InProgress => "busy",
                ShownStatus::OnHold | ShownStatus::Scheduled => "wait",
                ShownStatus::Closed => "ok",
                ShownStatus::Cancelled | ShownStatus::Other(_) => "idle",
            },
            lines: lines.collect(),
            holds: holds.collect::<Vec<_>>().join(", "),
            may_start: may(Action::Start),
            may_stop: may(Action::Stop),
            may_ship: may(Action::CreateShipment),
        }
    }

    fn units(&self) -> i32 {
        self.lines.iter().map(|line| line.ready).sum()
    }
}
