//! `GET /console/orders`: the list, by views and filters; and the search box.

use std::collections::HashMap;

use actix_web::web;
use askama::Template;
use chrono::{DateTime, NaiveDate, Utc};
use oms_errors::{Problem, invalid_field};
use oms_inventory::list_warehouses;
use oms_orders::{
    ExternalReference, FoundOrders, Order, OrderCursor, OrderFilter, OrderListing, OrderSort,
    OrderStatus, list_orders, search_orders,
};
use oms_validation::{PageSize, Scope, WarehouseId};
use serde::Deserialize;

use super::Console;
use super::frame::{Frame, Section, View};
use super::operator::Operator;
use super::order::most;
use super::page::{Answer, page, see};
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
    /// Why it failed, or who acts next.
    pub(super) note: String,
}

/// A view: a link with a name.
struct Tab {
    label: &'static str,
    href: String,
    is_current: bool,
}

#[derive(Template)]
#[template(path = "orders.html")]
struct Orders {
    frame: Frame,
    tabs: Vec<Tab>,
    wanted: Wanted,
    statuses: Vec<(&'static str, &'static str)>,
    warehouses: Vec<(String, String)>,
    rows: Vec<OrderRow>,
    /// What was searched, if this is the result of a search.
    searched: Option<String>,
    next: Option<String>,
    is_first: bool,
}

/// The filters, as they stand in the address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    status: String,
    customer: String,
    warehouse: String,
    reference: String,
    from: String,
    to: String,
    disputed: String,
    sort: String,
    after: String,
}

/// What was typed into the search box.
#[derive(Debug, Deserialize)]
pub(super) struct Search {
    #[serde(default)]
    q: String,
}

/// `GET /console/orders`.
pub(super) async fn list(
    console: web::Data<Console>,
    view: View,
    operator: Operator,
    wanted: web::Query<Wanted>,
) -> Answer {
    let wanted = wanted.into_inner();
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
    let tenant = operator.tenant();
    let size = PageSize::new(ROWS).unwrap_or_default();
    let reading = console
        .orders
        .run(|context| async move { list_orders(&context, tenant, &listing, after, size).await });
    let listed = reading.await?.page;
    let names = warehouses(&console, &operator).await?;
    let next = listed.next.map(|cursor| {
        let mut next = wanted.clone();
        next.after = cursor.to_string();
        next.address()
    });
    page(&Orders {
        frame: view.frame(Section::Orders, "Orders"),
        tabs: tabs(&wanted),
        statuses: OrderStatus::ALL
            .map(|it| (it.as_str(), display::status(it)))
            .into(),
        warehouses: options(&names),
        rows: listed
            .items
            .iter()
            .map(|order| OrderRow::of(order, &names))
            .collect(),
        searched: None,
        next,
        is_first: wanted.after.is_empty(),
        wanted,
    })
}

/// `GET /console/search`: leads to what was found, or lists it.
pub(super) async fn search(
    console: web::Data<Console>,
    view: View,
    operator: Operator,
    search: web::Query<Search>,
) -> Answer {
    let text = search.q.trim().to_owned();
    if text.is_empty() || text.chars().count() > 255 {
        return Ok(see("/console/orders"));
    }
    let tenant = operator.tenant();
    let searching = console.orders.run({
        let text = text.clone();
        |context| async move { search_orders(&context, tenant, &text).await }
    });
    let rows = match searching.await? {
        FoundOrders::One(id) => return Ok(see(&format!("/console/orders/{id}"))),
        FoundOrders::OfCustomer(id) => return Ok(see(&format!("/console/orders?customer={id}"))),
        FoundOrders::WithReference(_, orders) => orders,
        FoundOrders::Nothing => Vec::new(),
    };
    let names = warehouses(&console, &operator).await?;
    page(&Orders {
        frame: view.frame(Section::Orders, "Search"),
        tabs: tabs(&Wanted::default()),
        statuses: OrderStatus::ALL
            .map(|it| (it.as_str(), display::status(it)))
            .into(),
        warehouses: options(&names),
        rows: rows
            .iter()
            .map(|order| OrderRow::of(order, &names))
            .collect(),
        searched: Some(text),
        next: None,
        is_first: true,
        wanted: Wanted::default(),
    })
}

type Names = HashMap<WarehouseId, String>;

/// The names of the warehouses, if the session may read them.
pub(super) async fn warehouses(
    console: &Console,
    operator: &Operator,
) -> Result<Names, oms_web::ProblemResponse> {
    if !operator.may(Scope::InventoryRead) {
        return Ok(Names::new());
    }
    let tenant = operator.tenant();
    let reading = console
        .inventory
        .run(|context| async move { list_warehouses(&context, tenant, None, None, most()).await });
    let found = reading.await?.items.into_iter();
    Ok(found
        .map(|it| (it.id, it.name.as_str().to_owned()))
        .collect())
}

fn options(names: &Names) -> Vec<(String, String)> {
    let options = names
        .iter()
        .map(|(id, name)| (id.to_string(), name.clone()));
    let mut options: Vec<_> = options.collect();
    options.sort_by(|one, other| one.1.cmp(&other.1));
    options
}

impl OrderRow {
    pub(super) fn of(order: &Order, warehouses: &Names) -> Self {
        let id = order.id.to_string();
        let name = match &order.external_reference {
            Some(reference) => reference.as_str().to_owned(),
            None => format!("…{}", &id[id.len() - 12..]),
        };
        Self {
            name,
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
                None if order.status.is_unsettled() => "oms settles it".to_owned(),
                None => String::new(),
            },
            id,
        }
    }
}

fn tabs(wanted: &Wanted) -> Vec<Tab> {
    let today = display::now().format("%Y-%m-%d").to_string();
    let view = |label: &'static str, set: &dyn Fn(&mut Wanted)| {
        let mut view = Wanted::default();
        set(&mut view);
        Tab {
            label,
            href: view.address(),
            is_current: view.query() == wanted.query_of_the_first_page(),
        }
    };
    let status =
        |status: OrderStatus| move |it: &mut Wanted| it.status = status.as_str().to_owned();
    vec![
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
    ]
}

impl Wanted {
    fn listing(&self) -> Result<OrderListing, Problem> {
        let filter = OrderFilter {
            status: read(&self.status, "status", OrderStatus::parse)?,
            customer_id: read(&self.customer, "customer", |it| it.parse().ok())?,
            warehouse_id: read(&self.warehouse, "warehouse", |it| it.parse().ok())?,
            created_from: read(&self.from, "from", start_of)?,
            created_to: read(&self.to, "to", end_of)?,
            external_reference: read(&self.reference, "reference", |it| {
                ExternalReference::parse(it).ok()
            })?,
            disputed: read(&self.disputed, "disputed", |it| match it {
                "yes" => Some(true),
                "no" => Some(false),
                _ => None,
            })?,
        };
        let sort = match self.sort.as_str() {
            "oldest" => OrderSort::OldestFirst,
            _ => OrderSort::NewestFirst,
        };
        Ok(OrderListing { filter, sort })
    }

    fn query(&self) -> String {
        let fields = [
            ("status", &self.status),
            ("customer", &self.customer),
            ("warehouse", &self.warehouse),
            ("reference", &self.reference),
            ("from", &self.from),
            ("to", &self.to),
            ("disputed", &self.disputed),
            ("sort", &self.sort),
            ("after", &self.after),
        ];
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
            query.append_pair(name, value);
        }
        query.finish()
    }

    fn query_of_the_first_page(&self) -> String {
        let first = Self {
            after: String::new(),
            ..self.clone()
        };
        first.query()
    }

    fn address(&self) -> String {
        match self.query() {
            query if query.is_empty() => "/console/orders".to_owned(),
            query => format!("/console/orders?{query}"),
        }
    }
}

/// Reads a filter. A blank one is none.
fn read<T>(
    text: &str,
    field: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Problem> {
    match text.trim() {
        "" => Ok(None),
        text => match parse(text) {
            Some(value) => Ok(Some(value)),
            None => Err(invalid_field(field, "is not valid")),
        },
    }
}

fn start_of(day: &str) -> Option<DateTime<Utc>> {
    let day: NaiveDate = day.parse().ok()?;
    Some(day.and_hms_opt(0, 0, 0)?.and_utc())
}

fn end_of(day: &str) -> Option<DateTime<Utc>> {
    let day: NaiveDate = day.parse().ok()?;
    Some(day.succ_opt()?.and_hms_opt(0, 0, 0)?.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_what_is_filtered_and_nothing_else() {
        let mut wanted = Wanted::default();
        assert_eq!(wanted.address(), "/console/orders");
        wanted.reference = "A 17&x=<b>".to_owned();
        assert_eq!(
            wanted.address(),
            "/console/orders?reference=A+17%26x%3D%3Cb%3E"
        );
        let tabs = tabs(&Wanted {
            after: "x".to_owned(),
            ..Wanted::default()
        });
        assert!(tabs[0].is_current && !tabs[1].is_current);
    }

    #[test]
    fn the_last_day_of_a_span_is_in_it() {
        let to = end_of("2026-11-30").unwrap();
        assert_eq!(to.to_string(), "2026-12-01 00:00:00 UTC");
        assert_eq!(
            start_of("2026-11-30").unwrap().to_string(),
            "2026-11-30 00:00:00 UTC"
        );
        assert_eq!(start_of("30.11.2026"), None);
    }

    #[test]
    fn a_filter_that_can_not_be_read_is_refused() {
        for (status, from) in [("PAYED", ""), ("", "yesterday")] {
            let wanted = Wanted {
                status: status.to_owned(),
                from: from.to_owned(),
                ..Wanted::default()
            };
            assert!(wanted.listing().is_err(), "{wanted:?}");
        }
        assert!(Wanted::default().listing().is_ok());
    }
}
