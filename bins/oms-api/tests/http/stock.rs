//! Stock levels in the database.

use crate::store_database::StoreDatabase;

pub const ATLANTA_WAREHOUSE: &str = "00000001-0000-4000-8000-000000000000";
pub const CHICAGO_WAREHOUSE: &str = "00000002-0000-4000-8000-000000000000";
pub const PHOENIX_WAREHOUSE: &str = "00000005-0000-4000-8000-000000000000";

/// One stock level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stock {
    pub on_hand: i64,
    pub reserved: i64,
}

impl StoreDatabase {
    /// The stock level of a product in a warehouse.
    pub async fn stock(&self, warehouse: &str, product: &str) -> Stock {
        let sql = format!(
            "SELECT on_hand, reserved FROM inventory.stock_levels
             WHERE warehouse_id = '{warehouse}' AND product_id = '{product}'"
        );
        let rows = self.rows(&sql).await;
        let number = |column: usize| rows[0][column].parse().unwrap();
        Stock {
            on_hand: number(0),
            reserved: number(1),
        }
    }

    /// The reserved units of a product in all warehouses.
    pub async fn reserved(&self, product: &str) -> i64 {
        let sql = format!(
            "SELECT sum(reserved) FROM inventory.stock_levels WHERE product_id = '{product}'"
        );
        self.number(&sql).await
    }

    /// All stock levels.
    pub async fn levels(&self) -> Vec<Vec<String>> {
        let sql = "SELECT warehouse_id, product_id, on_hand, reserved FROM inventory.stock_levels ORDER BY 1, 2";
        self.rows(sql).await
    }

    /// Removes a product from every warehouse except one, like a new count.
    pub async fn leave_only_in(&self, warehouse: &str, product: &str) {
        let elsewhere = format!("product_id = '{product}' AND warehouse_id <> '{warehouse}'");
        let sql = format!(
            "BEGIN;
             INSERT INTO inventory.stock_movements
                 (tenant_id, id, warehouse_id, product_id, kind, quantity, reason, actor)
             SELECT tenant_id, gen_random_uuid(), warehouse_id, product_id, 'adjustment', -on_hand, 'counted', 'test'
             FROM inventory.stock_levels WHERE {elsewhere};
             UPDATE inventory.stock_levels SET on_hand = 0 WHERE {elsewhere};
             COMMIT"
        );
        self.execute(&sql).await;
    }

    /// Adds this many units of every product that a warehouse has.
    pub async fn stock_up(&self, quantity: i64) {
        let sql = format!(
            "BEGIN;
             INSERT INTO inventory.stock_movements
                 (tenant_id, id, warehouse_id, product_id, kind, quantity, reason, actor)
             SELECT tenant_id, gen_random_uuid(), warehouse_id, product_id, 'receipt', {quantity}, 'received', 'test'
             FROM inventory.stock_levels;
             UPDATE inventory.stock_levels SET on_hand = on_hand + {quantity};
             COMMIT"
        );
        self.execute(&sql).await;
    }
}
