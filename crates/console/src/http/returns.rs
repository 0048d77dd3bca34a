//! `GET /console/returns`: the returns desk, what waits for a decision and what is expected.

pub(super) mod decide;
pub(super) mod one;
pub(super) mod receive;

use askama::Template;
use oms_fulfilment::{Return, ReturnCursor, ReturnFilter, ReturnStatus, ReturnsOf, list_returns};
use oms_inventory::list_warehouses;
use oms_validation::Scope;

use super::frame::{Frame, Section};
use super::listing::{address, most, page_size, read};
use super::page::{Answer, page};
use super::page_request::PageRequest;
use super::stock::{Choice, choices};
use crate::display;

#[derive(Template)]
#[template(path = "returns.html")]
struct Returns {
    frame: Frame,
    tabs: Vec<Tab>,
    status: String,
    /// Without the scope to read them, there is nothing to choose.
    warehouses: Vec<Choice>,
    rows: Vec<Row>,
    next: Option<String>,
}

struct Tab {
    label: &'static str,
    href: String,
    is_current: bool,
}

struct Row {
    id: String,
    order: String,
    number: i32,
    status: String,
    tone: &'static str,
    units: i64,
    came: i64,
    reasons: String,
    requested: String,
    age: String,
    expires: String,
}

/// `GET /console/returns`.
pub(super) async fn list(request: Box<PageRequest>) -> Answer {
    let query = request.query();
    let (status, wished) = (query.value("status"), query.value("warehouse"));
    let (console, operator) = (&request.console, request.operator()?);
    let tenant = operator.tenant();
    let warehouse = read("warehouse", wished, |text| text.parse().ok())?;
    let filter = ReturnFilter {
        of: warehouse.map_or(ReturnsOf::Desk, ReturnsOf::Warehouse),
        status: read("status", status, |text| {
            ReturnStatus::ALL
                .iter()
                .copied()
                .find(|status| status.as_str() == text)
        })?,
    };
    let after: Option<ReturnCursor> = query.parsed("after", |text| text.parse().ok())?;
    let found = list_returns(&console.fulfilment, tenant, &filter, after, page_size()).await?;
    let warehouses = match operator.may(Scope::InventoryRead) {
        true => {
            let inventory = &console.inventory;
            let found = list_warehouses(inventory, tenant, None, None, most()).await?;
            choices(&found.items, wished)
        }
        false => Vec::new(),
    };
    let link = |status: &str, after: &str| {
        let fields = [("status", status), ("warehouse", wished), ("after", after)];
        address("/console/returns", &fields)
    };
    let tab = |label, of: &str| Tab {
        label,
        href: link(of, ""),
        is_current: of == status,
    };
    page(&Returns {
        frame: request.frame(Section::Returns, "Returns"),
        tabs: vec![
            tab("Open", ""),
            tab("To decide", ReturnStatus::Requested.as_str()),
            tab("Expected", ReturnStatus::Approved.as_str()),
            tab("Partly received", ReturnStatus::Received.as_str()),
        ],
        warehouses,
        rows: found.items.iter().map(Row::of).collect(),
        next: found.next.map(|after| link(status, &after.to_string())),
        status: status.to_owned(),
    })
}

impl Row {
    fn of(it: &Return) -> Self {
        let mut reasons: Vec<_> = it.lines.iter().map(|line| line.reason.as_str()).collect();
        reasons.sort_unstable();
        reasons.dedup();
        Self {
            id: it.id.to_string(),
            order: it.order_id.to_string(),
            number: it.number,
            status: display::sentence(it.status.as_str()),
            tone: tone(it.status),
            units: it.lines.iter().map(|line| i64::from(line.quantity)).sum(),
            came: it.received(),
            reasons: display::sentence(&reasons.join(", ")),
            requested: display::time(it.requested_at),
            age: display::ago(it.requested_at, display::now()),
            expires: it.expires_at.map_or_else(String::new, display::day),
        }
    }

    /// The last characters of the order's ID.
    fn short(&self) -> &str {
        &self.order[self.order.len() - 12..]
    }
}

/// The tone of a status.
fn tone(status: ReturnStatus) -> &'static str {
    match status {
        ReturnStatus::Requested => "bad",
        ReturnStatus::Approved => "wait",
        ReturnStatus::Received => "busy",
        ReturnStatus::Closed => "ok",
        ReturnStatus::Declined | ReturnStatus::Cancelled | ReturnStatus::Other(_) => "idle",
    }
}
