//! The books of the test: what the answers of oms add up to.

use std::collections::BTreeMap;
use std::fmt;

use oms_validation::{ProductId, WarehouseId};

/// Units of a product in a warehouse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    pub on_hand: i64,
    pub reserved: i64,
    pub quarantined: i64,
}

/// The levels, by warehouse and product.
#[derive(Default)]
pub struct Books(BTreeMap<(WarehouseId, ProductId), Level>);

impl Books {
    pub fn level(&mut self, warehouse: WarehouseId, product: ProductId) -> &mut Level {
        self.0.entry((warehouse, product)).or_default()
    }

    /// Reserved units move to another warehouse.
    pub fn reserve_elsewhere(
        &mut self,
        product: ProductId,
        from: WarehouseId,
        to: WarehouseId,
        units: i64,
    ) {
        self.level(from, product).reserved -= units;
        self.level(to, product).reserved += units;
    }
}

/// One line for each level, in the order of their keys.
impl fmt::Display for Books {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.0.iter().map(|((warehouse, product), level)| {
            let Level {
                on_hand,
                reserved,
                quarantined,
            } = level;
            format!("{warehouse} {product} {on_hand} {reserved} {quarantined}")
        });
        let lines: Vec<String> = lines.collect();
        f.write_str(&lines.join("\n"))
    }
}
