//! The stock of a product in a warehouse.

use oms_validation::{ProductId, WarehouseId};

use crate::domain::name::{Name, Sku};

/// Maximum units of one product in one warehouse, and maximum safety stock.
pub(crate) const MAX_ON_HAND: i32 = 1_000_000_000;

/// The stock of a product in a warehouse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockLevel {
    /// The warehouse.
    pub warehouse_id: WarehouseId,
    /// Its name.
    pub warehouse_name: Name,
    /// The product.
    pub product_id: ProductId,
    /// Its stock keeping unit.
    pub sku: Sku,
    /// Its units.
    pub counts: LevelCounts,
}

/// The units of a stock level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LevelCounts {
    /// Units in the warehouse.
    pub on_hand: i32,
    /// Units that orders hold.
    pub reserved: i32,
    /// Units that orders wait for.
    pub backordered: i32,
    /// Units that are set aside and not for sale.
    pub quarantined: i32,
    /// Units that are not available to orders.
    pub safety_stock: i32,
}

impl LevelCounts {
    /// Units that may still be promised to orders.
    pub fn available(self) -> i32 {
        (self.removable() - self.backordered - self.safety_stock).max(0)
    }

    /// Units that operators may remove. Safety stock is kept from orders only, and units that orders wait for are no
    /// claim on particular units.
    pub(crate) fn removable(self) -> i32 {
        self.on_hand - self.reserved - self.quarantined
    }
}

/// What a change adds to the units of a stock level, or removes from them if negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LevelChange {
    pub(crate) on_hand: i32,
    pub(crate) reserved: i32,
    pub(crate) quarantined: i32,
}

/// Filters of a list of stock levels. A level must match all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LevelFilter {
    /// Levels of this warehouse.
    pub warehouse_id: Option<WarehouseId>,
    /// Levels of this product.
    pub product_id: Option<ProductId>,
    /// Levels of the product with this SKU.
    pub sku: Option<Sku>,
    /// Levels with fewer available units than this.
    pub below_available: Option<i32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn safety_stock_is_unavailable_to_orders_but_removable_by_operators() {
        let counts = |on_hand, reserved, safety_stock| LevelCounts {
            on_hand,
            reserved,
            safety_stock,
            ..LevelCounts::default()
        };
        assert_eq!(counts(10, 3, 2).available(), 5);
        assert_eq!(counts(10, 3, 2).removable(), 7);
        assert_eq!(counts(10, 3, MAX_ON_HAND).available(), 0);
    }

    #[test]
    fn quarantined_units_are_neither_available_nor_removable_and_backordered_ones_are_promised() {
        let counts = LevelCounts {
            on_hand: 20,
            reserved: 5,
            backordered: 4,
            quarantined: 3,
            safety_stock: 2,
        };
        assert_eq!(counts.available(), 6);
        assert_eq!(counts.removable(), 12);
        let waited_for = LevelCounts {
            backordered: MAX_ON_HAND,
            ..counts
        };
        assert_eq!((waited_for.available(), waited_for.removable()), (0, 12));
    }
}
