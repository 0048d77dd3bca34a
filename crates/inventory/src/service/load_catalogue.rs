//! Loads a catalogue, the seed data of a new installation.

use oms_database::{Connection, DbError, register_tenant, transaction};
use oms_validation::TenantId;

use crate::Catalogue;
use crate::store::{products, stock_levels, warehouses};

/// The number of rows that a load added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoadSummary {
    /// Warehouses.
    pub warehouses: usize,
    /// Products.
    pub products: usize,
    /// Stock levels, each with a movement that records its receipt.
    pub stock_levels: usize,
}

/// Registers the tenant and adds missing rows, in one transaction. Existing rows, above all stock, are not changed.
///
/// # Errors
/// When the database fails or refuses a row. On error, nothing is saved.
pub async fn load_catalogue(
    connection: &mut Connection,
    tenant: TenantId,
    catalogue: &Catalogue,
) -> Result<LoadSummary, DbError> {
    transaction(connection, async |connection| {
        register_tenant(connection, tenant.as_uuid()).await?;
        Ok(LoadSummary {
            warehouses: warehouses::insert_missing(connection, tenant, &catalogue.warehouses)
                .await?,
            products: products::insert_missing(connection, tenant, &catalogue.products).await?,
            stock_levels: stock_levels::receive_missing(connection, tenant, &catalogue.products)
                .await?,
        })
    })
    .await
}
