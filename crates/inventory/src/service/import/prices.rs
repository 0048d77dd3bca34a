//! Imports of prices of price lists. The lists must exist.

use std::collections::HashMap;

use oms_database::Connection;
use oms_validation::{ProductId, TenantId};
use serde::Serialize;

use crate::domain::id::PriceListId;
use crate::domain::import::price_row::PriceRow;
use crate::domain::import::rejection::{Rejection, RejectionCode};
use crate::domain::import::{ImportCounts, ImportKind, Numbered};
use crate::domain::price_list::{ListPrice, PriceList};
use crate::error::InventoryError;
use crate::service::import::{Applied, Importable, ImportedBy, Plan};
use crate::store::list_prices::{self, PriceColumns};
use crate::store::{price_lists, product_imports};

/// An import of prices.
#[derive(Serialize)]
pub(crate) struct PriceImport;

/// A row with its list and its product.
pub(crate) struct PlannedPrice {
    list: PriceListId,
    product: ProductId,
    row: PriceRow,
}

impl Importable for PriceImport {
    type Row = PriceRow;
    type Planned = PlannedPrice;
    const KIND: ImportKind = ImportKind::Prices;
    const OPERATION: &'static str = "import prices v1";

    async fn plan(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        rows: Vec<Numbered<PriceRow>>,
    ) -> Result<Plan<PlannedPrice>, InventoryError> {
        let skus: Vec<&str> = rows.iter().map(|found| found.row.sku.as_str()).collect();
        let products = product_imports::find_ids(connection, tenant, &skus).await?;
        let mut codes: Vec<&str> = rows.iter().map(|found| found.row.list.as_str()).collect();
        codes.sort_unstable();
        codes.dedup();
        let lists = price_lists::find_by_codes(connection, tenant, &codes).await?;
        let lists = lists.into_iter().map(|list| (list.code.to_string(), list));
        let lists: HashMap<String, PriceList> = lists.collect();
        let (mut planned, mut rejections) = (Vec::with_capacity(rows.len()), Vec::new());
        for Numbered { line, row } in rows {
            match resolve(&row, &lists, &products) {
                Ok((list, product)) => planned.push(PlannedPrice { list, product, row }),
                Err((code, reason)) => rejections.push(Rejection::new(line, code, reason)),
            }
        }
        Ok(Plan {
            planned,
            rejections,
        })
    }

    fn sort(planned: &mut [PlannedPrice]) {
        planned.sort_unstable_by_key(|it| (it.list, it.product, it.row.min_quantity));
    }

    async fn prepare(
        &self,
        _: &mut Connection,
        _: TenantId,
        _: &[PlannedPrice],
    ) -> Result<(), InventoryError> {
        Ok(())
    }

    async fn apply(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        _: ImportedBy<'_>,
        planned: &[PlannedPrice],
    ) -> Result<Applied, InventoryError> {
        let mut lists: Vec<_> = planned.iter().map(|it| it.list.as_uuid()).collect();
        lists.dedup();
        price_lists::lock_all(connection, tenant, &lists).await?;
        let (mut set, mut removed) = (PriceColumns::default(), PriceColumns::default());
        for PlannedPrice { list, product, row } in planned {
            match row.unit_price {
                Some(unit_price) => {
                    let price = ListPrice {
                        product_id: *product,
                        min_quantity: row.min_quantity,
                        unit_price,
                    };
                    set.push(*list, &price);
                }
                None => removed.push_key(*list, *product, row.min_quantity),
            }
        }
        let mut changed = list_prices::write(connection, tenant, set).await?;
        changed.extend(list_prices::delete(connection, tenant, removed).await?);
        let number = |rows: usize| i32::try_from(rows).unwrap_or(i32::MAX);
        let counts = ImportCounts {
            changed: number(changed.len()),
            unchanged: number(planned.len() - changed.len()),
            ..ImportCounts::default()
        };
        changed.sort_unstable();
        changed.dedup();
        price_lists::raise_versions(connection, tenant, &changed).await?;
        Ok(Applied {
            counts,
            rejections: Vec::new(),
        })
    }
}

/// Finds the list and the product of a row.
fn resolve(
    row: &PriceRow,
    lists: &HashMap<String, PriceList>,
    products: &HashMap<String, ProductId>,
) -> Result<(PriceListId, ProductId), (RejectionCode, String)> {
    let list = lists.get(row.list.as_str()).ok_or_else(|| {
        let reason = format!("there is no price list {}", row.list);
        (RejectionCode::UnknownPriceList, reason)
    })?;
    let product = products.get(row.sku.as_str()).ok_or_else(|| {
        let reason = format!("there is no product with the SKU {}", row.sku);
        (RejectionCode::UnknownProduct, reason)
    })?;
    match row.unit_price {
        Some(price) if price.currency != list.currency => {
            let reason = format!("the price list {} is in {}", list.code, list.currency);
            Err((RejectionCode::InvalidCurrency, reason))
        }
        _ => Ok((list.id, *product)),
    }
}
