//! `oms-api distribute`: the tables over the nodes of Citus.

use std::io::Write;

use anyhow::Context;
use oms_database::{Connection, distribution, migrations};

use crate::config::{Config, DatabaseSettings};

/// The parts that each table is cut into, if nobody says otherwise: as Citus does. More parts move more easily, and cost more
/// where all of them are asked.
pub(crate) const SHARDS: u32 = 32;

/// Distributes what is not distributed yet, and prints the statements; without running them, if so wished.
pub(crate) async fn run(config: &Config, shards: u32, is_dry_run: bool) -> anyhow::Result<()> {
    let settings = config
        .database
        .for_migrations()
        .context("OMS_MIGRATION_DATABASE_URL is required with OMS_DATABASE_POOLER=transaction")?;
    let mut connection = connect(&settings).await?;
    distribute(&mut connection, shards, is_dry_run).await
}

/// After a migration of a database that was distributed before: its new tables are local until they are distributed too.
pub(crate) async fn follow_migration(settings: &DatabaseSettings) -> anyhow::Result<()> {
    let mut connection = connect(settings).await?;
    if distribution::has_begun(&mut connection).await? {
        distribute(&mut connection, SHARDS, false).await?;
    }
    Ok(())
}

/// Outside of the pool, whose connections are given up when a statement takes as long as copying a table may.
async fn connect(settings: &DatabaseSettings) -> anyhow::Result<Connection> {
    let connected = migrations::connect(settings.url(), settings.migrate_timeout).await;
    connected.context("can't connect to DATABASE_URL")
}

async fn distribute(
    connection: &mut Connection,
    shards: u32,
    is_dry_run: bool,
) -> anyhow::Result<()> {
    let plan = distribution::plan(connection, shards)
        .await
        .context("can't distribute the tables")?;
    let mut text = String::new();
    if plan.is_empty() {
        text.push_str("-- everything is distributed\n");
    } else {
        text.push_str("BEGIN;\n");
        for statement in &plan.distribute {
            text.push_str(&format!("{statement};\n"));
        }
        text.push_str("COMMIT;\n");
        for statement in &plan.remove_copied {
            text.push_str(&format!("{statement};\n"));
        }
    }
    if !is_dry_run {
        let ran = distribution::run(connection, &plan).await;
        ran.context("can't distribute the tables")?;
    }
    write!(std::io::stdout().lock(), "{text}")?;
    Ok(())
}
