//! `GET /console/warehouses`: the warehouses of the tenant, on a map and as a table.

pub(super) mod edit;

use askama::Template;
use oms_inventory::{InventoryError, Warehouse, list_warehouses};
use oms_validation::Cursor;

use super::frame::{Frame, Section};
use super::listing::{address, page_size};
use super::page::{Answer, page};
use super::page_request::PageRequest;
use crate::pictures::{Map, Mark, Place, Shape, map};

#[derive(Template)]
#[template(path = "warehouses.html")]
struct Warehouses {
    frame: Frame,
    map: String,
    rows: Vec<Row>,
    next: Option<String>,
}

struct Row {
    id: String,
    name: String,
    address: String,
    is_active: bool,
    place: String,
}

/// `GET /console/warehouses`.
pub(super) async fn list(request: Box<PageRequest>) -> Answer {
    let after: Option<Cursor<_>> = request.query().parsed("after", |text| text.parse().ok())?;
    let (inventory, tenant) = (&request.console.inventory, request.tenant()?);
    let found = list_warehouses(inventory, tenant, None, after, page_size()).await?;
    page(&Warehouses {
        frame: request.frame(Section::Warehouses, "Warehouses"),
        map: picture("Warehouses", &found.items, Shape::Wide),
        rows: found.items.iter().map(Row::of).collect(),
        next: found
            .next
            .map(|after| address("/console/warehouses", &[("after", &after.to_string())])),
    })
}

/// A map of warehouses; an empty text without any.
pub(super) fn picture(title: &str, warehouses: &[Warehouse], shape: Shape) -> String {
    let places = warehouses.iter().map(|warehouse| Place {
        name: warehouse.name.as_str(),
        location: warehouse.location,
        mark: match warehouse.active {
            true => Mark::Warehouse { share: 0.1 },
            false => Mark::Closed,
        },
        km: None,
    });
    let places: Vec<Place<'_>> = places.collect();
    map(&Map {
        title,
        places: &places,
        shape,
    })
}

impl Row {
    fn of(warehouse: &Warehouse) -> Self {
        let address = warehouse.address.as_ref();
        Self {
            id: warehouse.id.to_string(),
            name: warehouse.name.as_str().to_owned(),
            address: address.map_or_else(String::new, |it| it.as_str().to_owned()),
            is_active: warehouse.active,
            place: place_of(warehouse),
        }
    }
}

/// Its coordinates, to four decimals: some ten metres.
pub(super) fn place_of(warehouse: &Warehouse) -> String {
    let location = warehouse.location;
    format!("{:.4}, {:.4}", location.lat(), location.lng())
}

/// Reads the ID in a path. A malformed one is treated as unknown.
pub(super) fn id_of(path: &str) -> Result<oms_validation::WarehouseId, InventoryError> {
    path.parse().map_err(|_| InventoryError::WarehouseNotFound)
}
