//! The catalogues of the workloads. IDs and places follow a rule, so that Rust, SQL and pgbench agree on them:
//! warehouse and product `n`, counted from 1, have `n` as the last part of their ID.

use serde::Serialize;
use uuid::Uuid;

/// The only tenant of an installation without access control, which is the API's default.
pub(crate) const TENANT: &str = "00000000-0000-4000-8000-000000000001";
/// The start of an ID, before its number.
pub(crate) const WAREHOUSE_PREFIX: &str = "00000000-0000-4000-a000-";
pub(crate) const PRODUCT_PREFIX: &str = "00000000-0000-4000-b000-";
/// The price of every product in cents, so that all orders of a workload have the same amounts.
pub(crate) const PRICE_MINOR: i64 = 1000;

/// More units than any run can sell.
const PLENTY: i64 = 10_000_000;

/// The places of warehouses: column by column, starting at a corner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Grid {
    pub(crate) rows: u32,
    pub(crate) lat: f64,
    pub(crate) lng: f64,
    pub(crate) lat_step: f64,
    pub(crate) lng_step: f64,
}

/// A catalogue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Dataset {
    /// Part of its template database's name.
    pub(crate) name: &'static str,
    pub(crate) warehouses: u32,
    pub(crate) products: u32,
    pub(crate) grid: Grid,
    /// The first and the last warehouse that have stock.
    pub(crate) stocked: (u32, u32),
    /// Units of each product in each of these.
    pub(crate) units: i64,
}

const COUNTRY: Grid = Grid {
    rows: 4,
    lat: 30.0,
    lng: -120.0,
    lat_step: 3.0,
    lng_step: 8.0,
};

/// A strip along the equator, where the last warehouses are the farthest from the first corner. At higher latitudes the
/// shortest path bends towards the pole, so others could be farther.
const STRIP: Grid = Grid {
    rows: 40,
    lat: 0.0,
    lng: 10.0,
    lat_step: 0.02,
    lng_step: 0.2,
};

/// 20 warehouses with plenty of 1,000 products.
pub(crate) const UNIFORM: Dataset = Dataset {
    name: "uniform",
    warehouses: 20,
    products: 1000,
    grid: COUNTRY,
    stocked: (1, 20),
    units: PLENTY,
};

/// 500 units of one product, spread over five warehouses.
pub(crate) const FLASH: Dataset = Dataset {
    name: "flash",
    warehouses: 20,
    products: 1,
    grid: COUNTRY,
    stocked: (1, 5),
    units: 100,
};

/// 20 warehouses with plenty of 20 products.
pub(crate) const BASKETS: Dataset = Dataset {
    name: "baskets",
    products: 20,
    ..UNIFORM
};

/// 2,000 warehouses and 100 products, stocked only in the farthest 20.
pub(crate) const FAR: Dataset = Dataset::far("far", 2000);

/// A tenth of [`FAR`], to see the cost of ten times as many warehouses.
pub(crate) const LESS_FAR: Dataset = Dataset::far("less_far", 200);

impl Dataset {
    /// This many warehouses and 100 products, stocked only in the farthest 1 %, or at least in one.
    pub(crate) const fn far(name: &'static str, warehouses: u32) -> Self {
        let share = warehouses / 100;
        let stocked = if share == 0 { 1 } else { share };
        Self {
            name,
            warehouses,
            products: 100,
            grid: STRIP,
            stocked: (warehouses - stocked + 1, warehouses),
            units: PLENTY,
        }
    }

    /// Units of each product in a warehouse.
    pub(crate) fn units_in(&self, warehouse: u32) -> i64 {
        let (first, last) = self.stocked;
        if (first..=last).contains(&warehouse) {
            self.units
        } else {
            0
        }
    }

    /// Latitude and longitude of a warehouse.
    pub(crate) fn place_of(&self, warehouse: u32) -> (f64, f64) {
        let index = warehouse - 1;
        let (row, column) = (index % self.grid.rows, index / self.grid.rows);
        (
            f64::from(row).mul_add(self.grid.lat_step, self.grid.lat),
            f64::from(column).mul_add(self.grid.lng_step, self.grid.lng),
        )
    }

    /// The whole catalogue as JSON, for loading it into another system.
    pub(crate) fn listing(&self) -> serde_json::Value {
        let warehouses = (1..=self.warehouses).map(|number| {
            let (lat, lng) = self.place_of(number);
            ListedWarehouse {
                id: warehouse_id(number),
                lat,
                lng,
                pieces_of_each_product: self.units_in(number),
            }
        });
        let warehouses: Vec<_> = warehouses.collect();
        let products: Vec<_> = (1..=self.products).map(product_id).collect();
        serde_json::json!({
            "warehouses": warehouses, "products": products, "unitPriceMinor": PRICE_MINOR, "currency": "USD",
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListedWarehouse {
    id: Uuid,
    lat: f64,
    lng: f64,
    pieces_of_each_product: i64,
}

/// The ID of warehouse `number`.
pub(crate) fn warehouse_id(number: u32) -> Uuid {
    numbered(WAREHOUSE_PREFIX, number)
}

/// The ID of product `number`.
pub(crate) fn product_id(number: u32) -> Uuid {
    numbered(PRODUCT_PREFIX, number)
}

fn numbered(prefix: &str, number: u32) -> Uuid {
    format!("{prefix}{number:012x}")
        .parse()
        .expect("a prefix and twelve hexadecimal digits are an ID")
}

/// The number of the product or warehouse whose ID starts with `prefix`.
pub(crate) fn number_of(prefix: &str, id: Uuid) -> Option<u32> {
    let text = id.to_string();
    u32::from_str_radix(text.strip_prefix(prefix)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_carry_their_numbers() {
        let id = product_id(1000);
        assert_eq!(id.to_string(), "00000000-0000-4000-b000-0000000003e8");
        assert_eq!(number_of(PRODUCT_PREFIX, id), Some(1000));
        assert_eq!(number_of(WAREHOUSE_PREFIX, id), None);
    }

    #[test]
    fn the_flash_sale_has_500_units_and_the_far_catalogue_stocks_one_percent_of_its_warehouses() {
        let sold: i64 = (1..=FLASH.warehouses).map(|n| FLASH.units_in(n)).sum();
        assert_eq!(sold, 500);
        for (dataset, expected) in [(FAR, 20), (LESS_FAR, 2), (Dataset::far("tiny", 20), 1)] {
            let stocked = (1..=dataset.warehouses).filter(|n| dataset.units_in(*n) > 0);
            assert_eq!(stocked.count(), expected);
        }
    }

    #[test]
    fn in_far_the_first_stocked_warehouse_is_the_nearest_stocked_one_and_all_others_are_nearer() {
        for count in [200, 2000, 10_000] {
            let dataset = Dataset::far("any", count);
            let grid = dataset.grid;
            let distance = |number| {
                let corner = (grid.lat, grid.lng);
                haversine(corner, dataset.place_of(number))
            };
            let (first, last) = dataset.stocked;
            let nearest_stocked = distance(first);
            assert!((1..first).all(|number| distance(number) < nearest_stocked));
            assert!((first + 1..=last).all(|number| distance(number) > nearest_stocked));
        }
    }

    fn haversine(from: (f64, f64), to: (f64, f64)) -> f64 {
        let (lat1, lat2) = (from.0.to_radians(), to.0.to_radians());
        let (dlat, dlng) = (lat2 - lat1, (to.1 - from.1).to_radians());
        let half =
            (dlat / 2.0).sin().powi(2) + lat1.cos() * lat2.cos() * (dlng / 2.0).sin().powi(2);
        2.0 * half.sqrt().asin()
    }
}
