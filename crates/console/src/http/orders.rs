//! `GET /console/orders`: the list, by views and filters; and the search box.

mod filters;
pub(super) mod views;

use std::collections::HashMap;

use actix_web::http::StatusCode;
use askama::Template;
use oms_access::SavedView;
use oms_errors::{Problem, invalid_field};
use oms_inventory::list_warehouses;
use oms_orders::{
    FoundOrders, Need, Order, OrderCursor, OrderStatus, find_needs, list_orders, search_orders,
};
use oms_validation::{OrderId, PageSize, Scope, WarehouseId};

use self::filters::Wanted;
use self::views::Offered;
use super::frame::{Frame, Section};
use super::listing::{most, options};
use super::notice::Notice;
use super::page::{Answer, page_with, see};
use super::page_request::PageRequest;
use crate::display;

/// Rows of a page.
const ROWS: u32 = 25;

/// An order in a list.
pub(super) struct OrderRow {
    pub(super) id: String,
    /// The external reference, or the last characters of the ID.
    pub(super) name: String,
    pub(super) placed: String,
    pub(super) age: String,
    pub(super) status: &'static str,
    pub(super) tone: &'static str,
    pub(super) total: String,
    pub(super) units: i64,
    pub(super) warehouse: String,
    /// Why it needs an operator.
    pub(super) need: Option<&'static str>,
    /// Why it failed, or who acts next.
    pub(super) note: String,
}

/// A view: a link with a name.
struct Tab {
    label: String,
    href: String,
    is_current: bool,
}

#[derive(Template)]
#[template(path = "orders.html")]
struct Orders {
    frame: Frame,
    notice: Option<Notice>,
    tabs: Vec<Tab>,
    views: Offered,
    wanted: Wanted,
    statuses: Vec<(&'static str, &'static str)>,
    warehouses: Vec<(String, String)>,
    rows: Vec<OrderRow>,
    /// What was searched, if this is the result of a search.
    searched: Option<String>,
    next: Option<String>,
    is_first: bool,
}

/// What stands above the list, and what was typed into the form of a view.
struct Said {
    status: StatusCode,
    notice: Option<Notice>,
    typed: String,
}

/// `GET /console/orders`.
pub(super) async fn list(request: Box<PageRequest>) -> Answer {
    let query = request.query();
    let wanted = Wanted {
        after: query.value("after").to_owned(),
        ..Wanted::of_form(query)
    };
    let said = Said {
        status: StatusCode::OK,
        notice: query.text("done").and_then(views::done),
        typed: String::new(),
    };
    answer(&request, wanted, said).await
}

async fn answer(request: &PageRequest, wanted: Wanted, said: Said) -> Answer {
    let listing = wanted.listing()?;
    let after: Option<OrderCursor> = match wanted.after.as_str() {
        "" => None,
        text => {
            let cursor: OrderCursor = text
                .parse()
                .map_err(|_| invalid_field("after", "is not a cursor"))?;
            let checked = listing.check(cursor);
            checked.map_err(|error| invalid_field("after", error.to_string()))?;
            Some(cursor)
        }
    };
    let (orders, tenant) = (&request.console.orders, request.tenant()?);
    let size = PageSize::new(ROWS).unwrap_or_default();
    let listed = list_orders(orders, tenant, &listing, after, size).await?;
    let listed = listed.page;
    let names = warehouses(request).await?;
    let saved = views::read(request).await?;
    let next = listed.next.map(|cursor| {
        let mut next = wanted.clone();
        next.after = cursor.to_string();
        next.address()
    });
    let tabs = tabs(&wanted, &saved);
    let page = Orders {
        frame: request.frame(Section::Orders, "Orders"),
        notice: said.notice,
        views: Offered {
            may_save: tabs.iter().all(|tab| !tab.is_current),
            current: saved.into_iter().find(|it| it.query == wanted.query()),
            typed: said.typed,
        },
        tabs,
        statuses: statuses(),
        warehouses: choices(&names),
        rows: rows(request, &listed.items, &names).await?,
        searched: None,
        next,
        is_first: wanted.after.is_empty(),
        wanted,
    };
    page_with(said.status, &page)
}

/// `GET /console/search`: leads to what was found, or lists it.
pub(super) async fn search(request: Box<PageRequest>) -> Answer {
    let text = request.query().value("q");
    if text.is_empty() || text.chars().count() > 255 {
        return see("/console/orders");
    }
    let (orders, tenant) = (&request.console.orders, request.tenant()?);
    let found = match search_orders(orders, tenant, text).await? {
        FoundOrders::One(id) => return see(&format!("/console/orders/{id}")),
        FoundOrders::OfCustomer(id) => return see(&format!("/console/orders?customer={id}")),
        FoundOrders::WithReference(_, orders) => orders,
        FoundOrders::Nothing => Vec::new(),
    };
    let names = warehouses(&request).await?;
    let saved = views::read(&request).await?;
    let page = Orders {
        frame: request.frame(Section::Orders, "Search"),
        notice: None,
        tabs: tabs(&Wanted::default(), &saved),
        views: Offered {
            current: None,
            may_save: false,
            typed: String::new(),
        },
        statuses: statuses(),
        warehouses: choices(&names),
        rows: rows(&request, &found, &names).await?,
        searched: Some(text.to_owned()),
        next: None,
        is_first: true,
        wanted: Wanted::default(),
    };
    page_with(StatusCode::OK, &page)
}

fn statuses() -> Vec<(&'static str, &'static str)> {
    let statuses = OrderStatus::ALL.map(|it| (it.as_str(), display::status(it)));
    statuses.into()
}

type Names = HashMap<WarehouseId, String>;

/// The names of the warehouses, if the session may read them.
pub(super) async fn warehouses(request: &PageRequest) -> Result<Names, Problem> {
    let (inventory, operator) = (&request.console.inventory, request.operator()?);
    if !operator.may(Scope::InventoryRead) {
        return Ok(Names::new());
    }
    let found = list_warehouses(inventory, operator.tenant(), None, None, most()).await?;
    let names = found.items.into_iter();
    Ok(names
        .map(|it| (it.id, it.name.as_str().to_owned()))
        .collect())
}

fn choices(names: &Names) -> Vec<(String, String)> {
    let names = names.iter();
    options(names.map(|(id, name)| (id.to_string(), name.clone())))
}

/// The rows of orders, each with what it needs.
pub(super) async fn rows(
    request: &PageRequest,
    orders: &[Order],
    warehouses: &Names,
) -> Result<Vec<OrderRow>, Problem> {
    let (context, tenant) = (&request.console.orders, request.tenant()?);
    let ids: Vec<OrderId> = orders.iter().map(|order| order.id).collect();
    let needs = find_needs(context, tenant, &ids).await?;
    let row = |order: &Order| OrderRow::of(order, warehouses, needs.get(&order.id).copied());
    Ok(orders.iter().map(row).collect())
}

fn need_in_words(need: Need) -> &'static str {
    match need {
        Need::DeadLetter => "left by oms",
        Need::RefundFailed => "refund failed",
        Need::Dispute => "dispute",
        Need::Difference => "the books differ",
        Need::Hold => "goods on hold",
        Need::Return => "return requested",
    }
}

impl OrderRow {
    fn of(order: &Order, warehouses: &Names, need: Option<Need>) -> Self {
        let id = order.id.to_string();
        Self {
            name: display::order_name(order.id, order.external_reference.as_ref()),
            need: need.map(need_in_words),
            placed: display::time(order.created_at),
            age: display::ago(order.created_at, display::now()),
            status: display::status(order.status),
            tone: display::tone(order.status),
            total: order.total.to_string(),
            units: order
                .lines
                .iter()
                .map(|line| i64::from(line.quantity))
                .sum(),
            warehouse: warehouses
                .get(&order.warehouse_id)
                .cloned()
                .unwrap_or_default(),
            note: match &order.failure {
                Some(failure) => display::capital(&failure.in_words()),
                None if order.status.is_unsettled() && need.is_none() => {
                    "oms settles it".to_owned()
                }
                None => String::new(),
            },
            id,
        }
    }
}

/// The built-in views, and the saved ones.
fn tabs(wanted: &Wanted, saved: &[SavedView]) -> Vec<Tab> {
    let today = display::now().date_naive().to_string();
    let tab = |label: &str, view: &Wanted| Tab {
        label: label.to_owned(),
        href: view.address(),
        is_current: view.query() == wanted.query(),
    };
    let view = |label: &str, set: &dyn Fn(&mut Wanted)| {
        let mut view = Wanted::default();
        set(&mut view);
        tab(label, &view)
    };
    let status =
        |status: OrderStatus| move |it: &mut Wanted| it.status = status.as_str().to_owned();
    let mut tabs = vec![
        view("All", &|_| {}),
        view("Payment pending", &status(OrderStatus::PendingPayment)),
        view("Cancelling", &status(OrderStatus::Cancelling)),
        view("Refunding", &status(OrderStatus::Refunding)),
        view("Failed today", &|it| {
            it.status = OrderStatus::Failed.as_str().to_owned();
            it.from.clone_from(&today);
        }),
        view("Refunded", &status(OrderStatus::Refunded)),
        view("Disputed", &|it| it.disputed = "yes".to_owned()),
    ];
    let saved = saved.iter();
    tabs.extend(saved.map(|view| tab(&view.name, &Wanted::of_query(&view.query))));
    tabs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_view_of_the_filters_is_the_current_one_on_each_of_its_pages() {
        let wanted = Wanted {
            after: "x".to_owned(),
            ..Wanted::default()
        };
        let tabs = tabs(&wanted, &[]);
        assert!(tabs[0].is_current && !tabs[1].is_current);
    }
}
