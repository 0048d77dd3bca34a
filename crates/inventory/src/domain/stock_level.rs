//! The stock of a product in a warehouse.

use oms_validation::{ProductId, WarehouseId};

use crate::domain::name::{Name, Sku};

/// Maximum units of one product in one warehouse, and maximum safety stock.
pub(crate) const MAX_ON_HAND: i32 = 1_000_000_000;

/// The stock of a product in a warehouse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StockLevel {
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
pub(crate) struct LevelCounts {
    /// Units in the warehouse.
    pub on_hand: i32,
    /// Units that orders hold.
    pub reserved: i32,
    /// Units that are not available to orders.
    pub safety_stock: i32,
}

impl LevelCounts {
    /// Units that may still be promised to orders.
    pub(crate) fn available(self) -> i32 {
        (self.on_hand - self.reserved - self.safety_stock).max(0)
    }

    /// Units that operators may remove. Safety stock is kept from orders only.
    pub(crate) fn removable(self) -> i32 {
        self.on_hand - self.reserved
    }
}

/// Filters of a list of stock levels. A level must match all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LevelFilter {
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
        };
        assert_eq!(counts(10, 3, 2).available(), 5);
        assert_eq!(counts(10, 3, 2).removable(), 7);
        assert_eq!(counts(10, 3, MAX_ON_HAND).available(), 0);
    }
}
