//! `GET /console/products`: the products of the tenant, with their prices.

use askama::Template;
use oms_errors::invalid_field;
use oms_inventory::{Product, Sku, list_products};
use oms_validation::Cursor;

use super::frame::{Frame, Section};
use super::listing::{address, page_size};
use super::page::{Answer, page};
use super::page_request::PageRequest;
use crate::display;

#[derive(Template)]
#[template(path = "products.html")]
struct Products {
    frame: Frame,
    sku: String,
    rows: Vec<Row>,
    next: Option<String>,
}

struct Row {
    sku: String,
    name: String,
    prices: String,
    changed: String,
}

/// `GET /console/products`.
pub(super) async fn list(request: Box<PageRequest>) -> Answer {
    let query = request.query();
    let wanted = query.value("sku");
    let sku = match wanted {
        "" => None,
        text => Some(Sku::parse(text).map_err(|error| invalid_field("sku", error.to_string()))?),
    };
    let after: Option<Cursor<_>> = query.parsed("after", |text| text.parse().ok())?;
    let (inventory, tenant) = (&request.console.inventory, request.tenant()?);
    let found = list_products(inventory, tenant, sku.as_ref(), after, page_size()).await?;
    page(&Products {
        frame: request.frame(Section::Products, "Products"),
        rows: found.items.iter().map(Row::of).collect(),
        next: found.next.map(|after| {
            address(
                "/console/products",
                &[("sku", wanted), ("after", &after.to_string())],
            )
        }),
        sku: wanted.to_owned(),
    })
}

impl Row {
    fn of(product: &Product) -> Self {
        let prices = product.prices.iter().map(|price| price.to_string());
        Self {
            sku: product.sku.as_str().to_owned(),
            name: product.name.as_str().to_owned(),
            prices: prices.collect::<Vec<_>>().join(", "),
            changed: display::time(product.updated_at),
        }
    }

    /// The stock of it, in all warehouses.
    fn stock(&self) -> String {
        address("/console/stock", &[("sku", &self.sku)])
    }
}
