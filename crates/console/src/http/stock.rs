//! `GET /console/stock`: stock levels, and what their units are for.

pub(super) mod change;
pub(super) mod level;
mod proposal;

use askama::Template;
use oms_errors::invalid_field;
use oms_inventory::{LevelFilter, Sku, StockLevel, Warehouse, list_stock_levels, list_warehouses};
use oms_validation::{Cursor, ProductId, WarehouseId};

use super::frame::{Frame, Section};
use super::listing::{address, most, options, page_size, read};
use super::page::{Answer, page};
use super::page_request::PageRequest;
use crate::pictures::{StockBar, stock_bar};

#[derive(Template)]
#[template(path = "stock.html")]
struct Stock {
    frame: Frame,
    wanted: Wanted,
    warehouses: Vec<Choice>,
    levels: Vec<LevelRow>,
    next: Option<String>,
}

/// A warehouse to choose.
pub(super) struct Choice {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) is_chosen: bool,
}

/// A stock level as it is shown.
pub(super) struct LevelRow {
    pub(super) href: String,
    pub(super) sku: String,
    pub(super) warehouse: String,
    pub(super) on_hand: i32,
    pub(super) held: i32,
    pub(super) waited_for: i32,
    pub(super) set_aside: i32,
    pub(super) safety: i32,
    pub(super) available: i32,
    pub(super) bar: String,
}

/// What the list is filtered by.
struct Wanted {
    sku: String,
    warehouse: String,
    below: String,
}

/// `GET /console/stock`.
pub(super) async fn list(request: Box<PageRequest>) -> Answer {
    let query = request.query();
    let text = |name| query.value(name).to_owned();
    let wanted = Wanted {
        sku: text("sku"),
        warehouse: text("warehouse"),
        below: text("below"),
    };
    let sku = match wanted.sku.as_str() {
        "" => None,
        text => Some(Sku::parse(text).map_err(|error| invalid_field("sku", error.to_string()))?),
    };
    let filter = LevelFilter {
        warehouse_id: read("warehouse", &wanted.warehouse, |it| it.parse().ok())?,
        product_id: None,
        sku,
        below_available: read("below", &wanted.below, |it| it.parse().ok())?,
    };
    let after: Option<Cursor<(WarehouseId, ProductId)>> =
        query.parsed("after", |it| it.parse().ok())?;
    let (inventory, tenant) = (&request.console.inventory, request.tenant()?);
    let levels = list_stock_levels(inventory, tenant, filter, after, page_size()).await?;
    let warehouses = list_warehouses(inventory, tenant, None, None, most()).await?;
    let next = levels.next.map(|after| {
        let (sku, warehouse, below) = (&wanted.sku, &wanted.warehouse, &wanted.below);
        let after = after.to_string();
        let fields = [
            ("sku", sku),
            ("warehouse", warehouse),
            ("below", below),
            ("after", &after),
        ];
        address(
            "/console/stock",
            &fields.map(|(name, value)| (name, value.as_str())),
        )
    });
    page(&Stock {
        frame: request.frame(Section::Stock, "Stock"),
        warehouses: choices(&warehouses.items, &wanted.warehouse),
        levels: levels.items.iter().map(LevelRow::of).collect(),
        next,
        wanted,
    })
}

/// Warehouses to choose from, by name.
pub(super) fn choices(warehouses: &[Warehouse], chosen: &str) -> Vec<Choice> {
    let warehouses = warehouses.iter();
    let warehouses = warehouses.map(|it| (it.id.to_string(), it.name.as_str().to_owned()));
    let choices = options(warehouses).into_iter().map(|(id, name)| Choice {
        is_chosen: id == chosen,
        name,
        id,
    });
    choices.collect()
}

impl LevelRow {
    fn of(level: &StockLevel) -> Self {
        let counts = level.counts;
        Self {
            href: format!("/console/stock/{}/{}", level.warehouse_id, level.product_id),
            sku: level.sku.as_str().to_owned(),
            warehouse: level.warehouse_name.as_str().to_owned(),
            on_hand: counts.on_hand,
            held: counts.reserved,
            waited_for: counts.backordered,
            set_aside: counts.quarantined,
            safety: counts.safety_stock,
            available: counts.available(),
            bar: stock_bar(&StockBar {
                on_hand: counts.on_hand,
                held: counts.reserved,
                set_aside: counts.quarantined,
                safety: counts.safety_stock,
                available: counts.available(),
            }),
        }
    }
}
