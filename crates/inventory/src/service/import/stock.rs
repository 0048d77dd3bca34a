//! Imports of stock. They record the same movements as changes of single levels.

use std::collections::{BTreeMap, BTreeSet};

use oms_database::Connection;
use oms_validation::{Reason, TenantId, WarehouseId};
use serde::{Serialize, Serializer};

use crate::domain::allocation::LevelKey;
use crate::domain::import::planned_stock::{PlannedStock, movement_of};
use crate::domain::import::rejection::{Rejection, RejectionCode};
use crate::domain::import::stock_row::StockRow;
use crate::domain::import::{ImportCounts, ImportKind, Numbered, StockMode};
use crate::domain::stock_movement::ChangeRecord;
use crate::error::InventoryError;
use crate::service::import::{Applied, Importable, ImportedBy, Plan};
use crate::store::{level_counts, product_imports, stock_levels, stock_movements, warehouses};

/// An import of stock.
#[derive(Serialize)]
pub(crate) struct StockImport<'a> {
    pub(crate) mode: StockMode,
    #[serde(serialize_with = "words")]
    pub(crate) reason: &'a Reason,
}

fn words<S: Serializer>(reason: &&Reason, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(reason.as_str())
}

impl Importable for StockImport<'_> {
    type Row = StockRow;
    type Planned = PlannedStock;
    const KIND: ImportKind = ImportKind::Stock;
    const OPERATION: &'static str = "import stock v1";

    async fn plan(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        rows: Vec<Numbered<StockRow>>,
    ) -> Result<Plan<PlannedStock>, InventoryError> {
        let skus: Vec<&str> = rows.iter().map(|found| found.row.sku.as_str()).collect();
        let products = product_imports::find_ids(connection, tenant, &skus).await?;
        let wanted: BTreeSet<WarehouseId> =
            rows.iter().map(|found| found.row.warehouse_id).collect();
        let known = warehouses::find_known(connection, tenant, &wanted).await?;
        let (mut planned, mut rejections) = (Vec::with_capacity(rows.len()), Vec::new());
        for Numbered { line, row } in rows {
            let product = products.get(row.sku.as_str());
            match (product, known.contains(&row.warehouse_id)) {
                (Some(product), true) => planned.push(PlannedStock {
                    level: (row.warehouse_id, *product),
                    line,
                    quantity: row.quantity,
                }),
                (None, _) => {
                    let reason = format!("there is no product with the SKU {}", row.sku);
                    let code = RejectionCode::UnknownProduct;
                    rejections.push(Rejection::new(line, code, reason));
                }
                (Some(_), false) => {
                    let reason = format!("there is no warehouse {}", row.warehouse_id);
                    let code = RejectionCode::UnknownWarehouse;
                    rejections.push(Rejection::new(line, code, reason));
                }
            }
        }
        Ok(Plan {
            planned,
            rejections,
        })
    }

    fn sort(planned: &mut [PlannedStock]) {
        planned.sort_unstable_by_key(|row| row.level);
    }

    async fn prepare(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        planned: &[PlannedStock],
    ) -> Result<(), InventoryError> {
        let coming = planned.iter().filter(|row| row.quantity > 0);
        let coming: BTreeSet<LevelKey> = coming.map(|row| row.level).collect();
        level_counts::insert_missing(connection, tenant, &coming).await?;
        Ok(())
    }

    async fn apply(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        by: ImportedBy<'_>,
        planned: &[PlannedStock],
    ) -> Result<Applied, InventoryError> {
        let levels: BTreeSet<LevelKey> = planned.iter().map(|row| row.level).collect();
        stock_levels::lock(tenant, &levels).run(connection).await?;
        // A separate statement, because its snapshot must not be older than the locks.
        let counts: BTreeMap<_, _> = level_counts::find(tenant, &levels).run(connection).await?;
        let (mut movements, mut rejections) = (Vec::new(), Vec::new());
        let mut unchanged = 0;
        for row in planned {
            let counts = counts.get(&row.level).copied().unwrap_or_default();
            match movement_of(row, self.mode, counts) {
                Ok(Some(movement)) => movements.push(movement),
                Ok(None) => unchanged += 1,
                Err(rejection) => rejections.push(rejection),
            }
        }
        let record = ChangeRecord {
            change_id: by.id.as_uuid().into(),
            reason: self.reason.as_str(),
            actor: by.actor,
        };
        stock_movements::apply(connection, tenant, &movements, record).await?;
        let counts = ImportCounts {
            changed: i32::try_from(movements.len()).unwrap_or(i32::MAX),
            unchanged,
            ..ImportCounts::default()
        };
        Ok(Applied { counts, rejections })
    }
}
