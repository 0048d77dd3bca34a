//! `GET /console/holds`: the fulfilment orders on hold, of all warehouses.

use std::collections::HashMap;

use askama::Template;
use chrono::{DateTime, Utc};
use oms_fulfilment::{FulfilmentOrder, HeldCursor, list_held_orders};
use oms_validation::WarehouseId;

use super::frame::{Frame, Section};
use super::listing::{address, page_size};
use super::order_names::OrderNames;
use super::orders::warehouses;
use super::page::{Answer, page};
use super::page_request::PageRequest;
use crate::display;

#[derive(Template)]
#[template(path = "holds.html")]
struct Holds {
    frame: Frame,
    rows: Vec<Row>,
    next: Option<String>,
}

/// A fulfilment order.
struct Row {
    order: String,
    name: String,
    number: i32,
    warehouse: String,
    /// Why, the longest hold first.
    reasons: String,
    actor: String,
    units: i32,
    since: String,
    age: String,
}

/// `GET /console/holds`.
pub(super) async fn list(request: Box<PageRequest>) -> Answer {
    let (console, tenant) = (&request.console, request.tenant()?);
    let after: Option<HeldCursor> = request.query().parsed("after", |text| text.parse().ok())?;
    let found = list_held_orders(&console.fulfilment, tenant, after, page_size()).await?;
    let orders = found.items.iter().map(|order| order.order_id);
    let names = OrderNames::read(&request, orders).await?;
    let warehouses = warehouses(&request).await?;
    let (rows, now) = (found.items.iter(), display::now());
    page(&Holds {
        frame: request.frame(Section::Holds, "On hold"),
        rows: rows
            .map(|order| Row::of(order, &names, &warehouses, now))
            .collect(),
        next: found
            .next
            .map(|after| address("/console/holds", &[("after", &after.to_string())])),
    })
}

impl Row {
    fn of(
        order: &FulfilmentOrder,
        names: &OrderNames,
        warehouses: &HashMap<WarehouseId, String>,
        now: DateTime<Utc>,
    ) -> Self {
        let mut holds: Vec<_> = order.holds.iter().collect();
        holds.sort_by_key(|hold| hold.held_at);
        let reasons = holds.iter().map(|hold| hold.reason.in_words());
        let reasons = display::capital(&reasons.collect::<Vec<_>>().join(", "));
        let first = holds.first();
        Self {
            order: order.order_id.to_string(),
            name: names.of(order.order_id),
            number: order.number,
            warehouse: warehouses
                .get(&order.warehouse_id)
                .cloned()
                .unwrap_or_default(),
            reasons,
            actor: first.map_or_else(String::new, |hold| hold.actor.clone()),
            units: order.lines.iter().map(|line| line.outstanding()).sum(),
            since: first.map_or_else(String::new, |hold| display::time(hold.held_at)),
            age: first.map_or_else(String::new, |hold| display::ago(hold.held_at, now)),
        }
    }
}
