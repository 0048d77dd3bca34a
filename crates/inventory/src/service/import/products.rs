//! Imports of products: a new SKU creates a product, an existing one updates its name and prices.

use std::collections::HashMap;

use oms_database::Connection;
use oms_validation::{ProductId, TenantId};
use serde::Serialize;

use crate::domain::import::product_row::ProductRow;
use crate::domain::import::rejection::{Rejection, RejectionCode};
use crate::domain::import::{ImportCounts, ImportKind, Numbered};
use crate::domain::product::MAX_PRICES;
use crate::error::InventoryError;
use crate::service::import::{Applied, Importable, ImportedBy, Plan};
use crate::store::product_imports::{self, ProductWrite};

/// An import of products.
#[derive(Serialize)]
pub(crate) struct ProductImport;

/// A row, and the ID of its product in case it is new.
pub(crate) struct PlannedProduct {
    line: i32,
    row: ProductRow,
    new_id: ProductId,
}

impl Importable for ProductImport {
    type Row = ProductRow;
    type Planned = PlannedProduct;
    const KIND: ImportKind = ImportKind::Products;
    const OPERATION: &'static str = "import products v1";

    async fn plan(
        &self,
        _: &mut Connection,
        _: TenantId,
        rows: Vec<Numbered<ProductRow>>,
    ) -> Result<Plan<PlannedProduct>, InventoryError> {
        let planned = rows
            .into_iter()
            .map(|Numbered { line, row }| PlannedProduct {
                line,
                row,
                new_id: ProductId::generate(),
            });
        Ok(Plan {
            planned: planned.collect(),
            rejections: Vec::new(),
        })
    }

    fn sort(planned: &mut [PlannedProduct]) {
        planned.sort_unstable_by(|a, b| a.row.sku.cmp(&b.row.sku));
    }

    async fn prepare(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        planned: &[PlannedProduct],
    ) -> Result<(), InventoryError> {
        let new: Vec<_> = planned.iter().map(PlannedProduct::write).collect();
        product_imports::insert_missing(connection, tenant, &new).await?;
        Ok(())
    }

    async fn apply(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        _: ImportedBy<'_>,
        planned: &[PlannedProduct],
    ) -> Result<Applied, InventoryError> {
        let skus: Vec<&str> = planned.iter().map(|p| p.row.sku.as_str()).collect();
        let ids = product_imports::lock(connection, tenant, &skus).await?;
        let mut rejections = Vec::new();
        let mut writes: HashMap<ProductId, (i32, ProductWrite<'_>)> = HashMap::new();
        for product in planned {
            match ids.get(product.row.sku.as_str()) {
                Some(id) => {
                    let write = ProductWrite {
                        id: *id,
                        is_new: *id == product.new_id,
                        ..product.write()
                    };
                    writes.insert(*id, (product.line, write));
                }
                None => {
                    let reason = "the SKU of the product was changed in the meantime";
                    let code = RejectionCode::UnknownProduct;
                    rejections.push(Rejection::new(product.line, code, reason));
                }
            }
        }
        let all: Vec<_> = writes.values().map(|(_, write)| *write).collect();
        for id in product_imports::find_overpriced(connection, tenant, &all, MAX_PRICES).await? {
            if let Some((line, _)) = writes.remove(&id) {
                let reason = format!("the product would have more than {MAX_PRICES} prices");
                rejections.push(Rejection::new(line, RejectionCode::InvalidPrice, reason));
            }
        }
        let writes: Vec<_> = writes.into_values().map(|(_, write)| write).collect();
        let changed = product_imports::write(connection, tenant, &writes).await?;
        let created = writes.iter().filter(|write| write.is_new).count();
        let number = |rows: usize| i32::try_from(rows).unwrap_or(i32::MAX);
        let counts = ImportCounts {
            created: number(created),
            changed: number(changed),
            unchanged: number(writes.len() - created - changed),
            rejected: 0,
        };
        Ok(Applied { counts, rejections })
    }
}

impl PlannedProduct {
    /// The write for a product that doesn't exist yet.
    fn write(&self) -> ProductWrite<'_> {
        ProductWrite {
            id: self.new_id,
            is_new: true,
            sku: &self.row.sku,
            name: &self.row.name,
            prices: &self.row.prices,
        }
    }
}
