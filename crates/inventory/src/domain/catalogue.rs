//! The catalogue file: a tenant's warehouses, products, prices and initial stock.

use oms_validation::{Location, Money, ProductId, WarehouseId};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::domain::product::Prices;

/// Warehouses, products with prices, and initial stock.
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
    /// Its ID.
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
    /// Its ID.
    pub id: ProductId,
    /// Stock keeping unit, unique within the tenant.
    pub sku: String,
    /// Its name.
    pub name: String,
    /// One price for each currency.
    #[serde(deserialize_with = "prices")]
    pub prices: Vec<Money>,
    /// Initial stock.
    pub stock: Vec<CatalogueStock>,
}

/// Initial stock of a product in a warehouse.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CatalogueStock {
    /// The warehouse.
    pub warehouse_id: WarehouseId,
    /// Units received.
    pub quantity: i32,
}

/// Applies the same rules as every other place that sets prices.
fn prices<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Money>, D::Error> {
    let prices = Prices::new(Vec::deserialize(deserializer)?);
    let prices = prices.map_err(|error| D::Error::custom(format!("the prices {error}")))?;
    Ok(prices.iter().collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_unpayable_price_is_refused_with_the_rule_that_it_breaks() {
        let id = uuid::Uuid::from_u128(1);
        for (amount, currency, rule) in [
            (0, "USD", "must be between 1 and 999999999999 minor units"),
            (5, "ZZZ", "must be the ISO 4217 code of a currency"),
        ] {
            let product = json!({
                "id": id, "sku": "P", "name": "P", "stock": [],
                "prices": [{ "amountMinor": amount, "currency": currency }],
            });
            let refused = serde_json::from_value::<CatalogueProduct>(product).unwrap_err();
            assert!(refused.to_string().contains(rule), "{refused}");
        }
    }
}
