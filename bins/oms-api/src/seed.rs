//! The demo catalogue.

use std::io::Write;

use anyhow::{Context, ensure};
use oms_database::Database;
use oms_inventory::{Catalogue, load_catalogue};

use crate::config::{Config, Environment};

const CATALOGUE: &str = include_str!("../data/demo-catalogue.json");

/// Loads the demo catalogue for the configured tenant.
pub(crate) async fn seed(config: &Config) -> anyhow::Result<()> {
    ensure!(
        config.environment == Environment::Development,
        "the demo catalogue is for development; OMS_ENV is production"
    );
    let catalogue: Catalogue =
        serde_json::from_str(CATALOGUE).context("the demo catalogue can't be read")?;
    let database = Database::new(&config.database.pool())?;
    let mut connection = database.acquire().await?;
    let added = load_catalogue(&mut connection, config.tenant, &catalogue)
        .await
        .context("can't load the demo catalogue")?;
    writeln!(
        std::io::stdout(),
        "added {} warehouses, {} products, {} stock levels",
        added.warehouses,
        added.products,
        added.stock_levels
    )?;
    Ok(())
}
