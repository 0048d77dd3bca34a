//! The command line.

use std::io::Write;

use anyhow::Context;
use clap::{Parser, Subcommand};
use oms_database::migrations;
use oms_monitoring::logs;

use crate::config::Config;
use crate::{seed, serve};

/// Order management for e-commerce platforms. Configuration comes from the environment, and from `.env` in development.
#[derive(Debug, Parser)]
#[command(name = "oms-api", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum Command {
    /// Serve the API (the default).
    Serve,
    /// Apply the migrations that are pending.
    Migrate,
    /// Load the demo catalogue: five warehouses, six products. Repeating it changes nothing.
    Seed,
}

/// Runs what the command line asks for.
pub(crate) fn run() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let config = Config::from_env(&|name| std::env::var(name).ok())?;
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("a TLS provider is installed already"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("can't start the runtime")?;
    match arguments.command.unwrap_or(Command::Serve) {
        Command::Serve => {
            logs::init(config.log_format, "info,actix_server=warn");
            runtime.block_on(serve::serve(config))
        }
        Command::Migrate => runtime.block_on(migrate(&config)),
        Command::Seed => runtime.block_on(seed::seed(&config)),
    }
}

async fn migrate(config: &Config) -> anyhow::Result<()> {
    let applied = migrations::migrate(config.database_url())
        .await
        .context("can't migrate")?;
    let mut out = std::io::stdout().lock();
    for version in &applied {
        writeln!(out, "applied {version}")?;
    }
    if applied.is_empty() {
        writeln!(out, "nothing to apply")?;
    }
    Ok(())
}
