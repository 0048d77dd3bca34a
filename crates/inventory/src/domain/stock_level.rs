//! What a warehouse has of a product.

use crate::domain::name::{Name, Sku};
use crate::{ProductId, WarehouseId};

/// Most pieces of one product in one warehouse, and the highest safety stock.
pub(crate) const MAX_ON_HAND: i32 = 1_000_000_000;

/// What a warehouse has of a product.
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
    /// How much of it.
    pub counts: LevelCounts,
}

/// The numbers of a stock level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LevelCounts {
    /// Pieces on the shelf.
    pub on_hand: i32,
    /// Those that orders hold.
    pub reserved: i32,
    /// Those that routing leaves alone.
    pub safety_stock: i32,
}

impl LevelCounts {
    /// Pieces that may still be promised to orders.
    pub(crate) fn available(self) -> i32 {
        (self.on_hand - self.reserved - self.safety_stock).max(0)
    }

    /// Pieces that may leave the shelf for another reason than an order: safety stock is kept from orders only.
    pub(crate) fn removable(self) -> i32 {
        self.on_hand - self.reserved
    }
}

/// Which levels a list shall have; all of it has to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LevelFilter {
    /// Those of this warehouse.
    pub warehouse_id: Option<WarehouseId>,
    /// Those of this product.
    pub product_id: Option<ProductId>,
    /// Those of the product with this SKU.
    pub sku: Option<Sku>,
    /// Those of which fewer pieces may be promised.
    pub below_available: Option<i32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn safety_stock_is_kept_from_orders_and_not_from_operators() {
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
