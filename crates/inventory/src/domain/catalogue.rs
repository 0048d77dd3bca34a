//! A catalogue as it stands in a file: what a store sells, where it is, and how much of it.

use oms_validation::{Location, Money};
use serde::Deserialize;

use crate::{ProductId, WarehouseId};

/// Warehouses, products with prices, and first stock.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Catalogue {
    /// The warehouses.
    pub warehouses: Vec<CatalogueWarehouse>,
    /// The products.
    pub products: Vec<CatalogueProduct>,
}

/// A warehouse of a catalogue.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CatalogueWarehouse {
    /// Its id.
    pub id: WarehouseId,
    /// Its name, unique within the tenant.
    pub name: String,
    /// Where it is.
    pub location: Location,
}

/// A product of a catalogue.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CatalogueProduct {
    /// Its id.
    pub id: ProductId,
    /// Stock keeping unit, unique within the tenant.
    pub sku: String,
    /// Its name.
    pub name: String,
    /// One price for each currency.
    pub prices: Vec<Money>,
    /// First stock.
    pub stock: Vec<CatalogueStock>,
}

/// First stock of a product in a warehouse.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CatalogueStock {
    /// The warehouse.
    pub warehouse_id: WarehouseId,
    /// Pieces received.
    pub quantity: i32,
}
