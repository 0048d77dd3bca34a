//! `oms-api distribute`, which distributes the tables across the nodes of Citus.

use std::io::Write;

use anyhow::Context;
use oms_database::{Connection, distribution, migrations};

use crate::config::{Config, DatabaseSettings};

/// The default number of shards per table, the same as that of Citus. More shards are easier to move, but make queries
/// of all shards slower.
pub(crate) const SHARDS: u32 = 32;

/// Distributes the tables that are not distributed yet, and prints the statements. A dry run only prints them.
pub(crate) async fn run(config: &Config, shards: u32, is_dry_run: bool) -> anyhow::Result<()> {
    let settings = config
        .database
        .for_migrations()
        .context("OMS_MIGRATION_DATABASE_URL is required with OMS_DATABASE_POOLER=transaction")?;
    let mut connection = connect(&settings).await?;
    distribute(&mut connection, shards, is_dry_run).await
}

/// Distributes the new tables after a migration, if the database is distributed. They are local until then.
pub(crate) async fn follow_migration(settings: &DatabaseSettings) -> anyhow::Result<()> {
    let mut connection = connect(settings).await?;
    if distribution::has_begun(&mut connection).await? {
        distribute(&mut connection, SHARDS, false).await?;
    }
    Ok(())
}

/// Opens a connection outside of the pool, which would abandon it when copying a large table takes too long.
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
