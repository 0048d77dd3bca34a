//! `GET /console/stock/{warehouse}/{product}`: the stock of a product in a warehouse, its movements, and its changes.

use actix_web::http::StatusCode;
use askama::Template;
use oms_errors::Problem;
use oms_inventory::{
    InventoryError, LevelCounts, LevelFilter, MovementFilter, MovementId, Product, StockLevel,
    StockMovement, Warehouse, get_product, get_warehouse, list_stock_levels, list_stock_movements,
    list_warehouses,
};
use oms_validation::{Cursor, ProductId, Scope, WarehouseId};

use super::proposal::{Kept, Proposal};
use super::{Choice, LevelRow, choices};
use crate::display;
use crate::http::frame::{Frame, Section};
use crate::http::listing::{address, most, page_size};
use crate::http::notice::Notice;
use crate::http::page::{Answer, page_with};
use crate::http::page_request::PageRequest;

#[derive(Template)]
#[template(path = "stock_level.html")]
struct LevelPage {
    frame: Frame,
    name: String,
    level: LevelRow,
    notice: Option<Notice>,
    proposal: Option<Proposal>,
    kept: Kept,
    may_change: bool,
    others: Vec<Choice>,
    movements: Vec<MovementRow>,
    next: Option<String>,
}

struct MovementRow {
    time: String,
    kind: String,
    /// With its sign.
    units: String,
    tone: &'static str,
    reason: String,
    actor: String,
}

/// What is known of a level.
pub(super) struct Read {
    pub(super) product: Product,
    pub(super) warehouses: Vec<Warehouse>,
    pub(super) level: StockLevel,
    movements: Vec<StockMovement>,
    next: Option<String>,
}

/// `GET /console/stock/{warehouse}/{product}`.
pub(in crate::http) async fn show(request: Box<PageRequest>) -> Answer {
    let query = request.query();
    let level = level_of(&request)?;
    let after = query.text("after").and_then(|text| text.parse().ok());
    let read = read(&request, level, after).await?;
    let notice = query.text("done").and_then(done);
    let (status, kept) = (StatusCode::OK, Kept::default());
    answer(&request, read, status, notice, None, kept)
}

/// The address has only a word for what was done, so that a link can't say anything else.
fn done(word: &str) -> Option<Notice> {
    let title = match word {
        "receive" => "The units were received.",
        "adjust" => "The stock was adjusted.",
        "transfer" => "The units were transferred.",
        "safety" => "The safety stock was set.",
        _ => return None,
    };
    Some(Notice::done(title))
}

/// The page with a notice, and with a change that is to be confirmed.
pub(super) fn answer(
    request: &PageRequest,
    read: Read,
    status: StatusCode,
    notice: Option<Notice>,
    proposal: Option<Proposal>,
    kept: Kept,
) -> Answer {
    let name = read.product.name.as_str().to_owned();
    let level = LevelRow::of(&read.level);
    let here = read.level.warehouse_id;
    let mut others = choices(&read.warehouses, &kept.to);
    others.retain(|choice| choice.id != here.to_string());
    let next = read
        .next
        .map(|after| address(&level.href, &[("after", &after)]));
    let page = LevelPage {
        frame: request.frame(Section::Stock, format!("{name}, {}", level.warehouse)),
        name,
        level,
        notice,
        proposal,
        kept,
        may_change: request.operator()?.may(Scope::InventoryWrite),
        others,
        movements: read.movements.iter().map(MovementRow::of).collect(),
        next,
    };
    page_with(status, &page)
}

/// Reads a level. A product that was never in the warehouse has a level of no units there.
pub(super) async fn read(
    request: &PageRequest,
    (warehouse_id, product_id): (WarehouseId, ProductId),
    after: Option<Cursor<MovementId>>,
) -> Result<Read, Problem> {
    let (inventory, tenant) = (&request.console.inventory, request.tenant()?);
    let product = get_product(inventory, tenant, product_id).await?;
    let warehouse = get_warehouse(inventory, tenant, warehouse_id).await?;
    let filter = LevelFilter {
        warehouse_id: Some(warehouse_id),
        product_id: Some(product_id),
        ..LevelFilter::default()
    };
    let found = list_stock_levels(inventory, tenant, filter, None, page_size()).await?;
    let level = found.items.into_iter().next();
    let level = level.unwrap_or_else(|| StockLevel {
        warehouse_id,
        warehouse_name: warehouse.name.clone(),
        product_id,
        sku: product.sku.clone(),
        counts: LevelCounts::default(),
    });
    let filter = MovementFilter {
        warehouse_id: Some(warehouse_id),
        product_id: Some(product_id),
        kind: None,
    };
    let movements = list_stock_movements(inventory, tenant, filter, after, page_size()).await?;
    let warehouses = list_warehouses(inventory, tenant, None, None, most()).await?;
    Ok(Read {
        product,
        warehouses: warehouses.items,
        level,
        movements: movements.items,
        next: movements.next.map(|cursor| cursor.to_string()),
    })
}

/// Reads the IDs of a path. Malformed ones are treated as unknown.
pub(super) fn level_of(request: &PageRequest) -> Result<(WarehouseId, ProductId), InventoryError> {
    let (warehouse, product) = (request.segment("warehouse"), request.segment("product"));
    match (warehouse.parse(), product.parse()) {
        (Ok(warehouse), Ok(product)) => Ok((warehouse, product)),
        _ => Err(InventoryError::StockLevelNotFound),
    }
}

impl MovementRow {
    fn of(movement: &StockMovement) -> Self {
        let (units, note) = match (movement.quantity, movement.quarantined) {
            (0, aside) => (aside, " set aside"),
            (units, 0) => (units, ""),
            (units, _) => (units, ", set aside"),
        };
        Self {
            time: display::time(movement.occurred_at),
            kind: display::sentence(movement.kind.as_str()),
            units: format!("{units:+}{note}"),
            tone: match movement.quantity.signum() {
                1 => "up",
                -1 => "down",
                _ => "",
            },
            reason: movement.reason.clone(),
            actor: movement.actor.clone(),
        }
    }
}
