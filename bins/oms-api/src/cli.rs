//! The command line.

#[cfg(test)]
mod reference;

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use chrono::{DateTime, Utc};
use clap::{Parser, Subcommand};
use oms_database::{LockPatience, Pooling, migrations};
use oms_monitoring::adapters::otlp::SpanExport;
use oms_monitoring::logs;
use secrecy::{ExposeSecret, SecretString};
use tokio::runtime::{Handle, Runtime};

use crate::config::Config;
use crate::console::{self, ConsoleCommand};
use crate::events::{self, EventsCommand};
use crate::import::{self, ImportCommand};
use crate::installation::{self, InstallationCommand};
use crate::keys::{self, KeysCommand};
use crate::{database, distribute, document, grants, reconcile, seed, serve};

/// Order management for e-commerce platforms. Configuration comes from the environment, and from `.env` in development.
#[derive(Debug, Parser)]
#[command(name = "oms-api", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Serve the API (the default).
    Serve,
    /// Apply pending migrations.
    Migrate,
    /// Distribute the tables over the nodes of Citus, each tenant to one of them: what is not distributed yet, in one
    /// transaction. Stop all instances before the first time. `migrate` distributes the tables of later migrations.
    Distribute {
        /// Only print the statements.
        #[arg(long)]
        dry_run: bool,
        /// The parts that each table is cut into. It can't be changed later.
        #[arg(long, default_value_t = distribute::SHARDS, value_parser = clap::value_parser!(u32).range(1..=1024))]
        shards: u32,
    },
    /// Load the demo catalogue: five warehouses, six products. Repeating it changes nothing.
    Seed,
    /// Create, list, rotate and revoke API keys.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Sign in to the operators' console.
    #[command(subcommand)]
    Console(ConsoleCommand),
    /// Repair the feed of events after a restore.
    #[command(subcommand)]
    Events(EventsCommand),
    /// Print the OpenAPI document, which the server serves at `/openapi.json`.
    Openapi,
    /// Print the statements that grant a database role the privileges to serve, and no others. The owner of the tables runs
    /// them after each `migrate`.
    Grants {
        /// The role. It must exist.
        role: String,
    },
    /// Show which installation this is, and decide about a database that was copied or restored.
    #[command(subcommand)]
    Installation(InstallationCommand),
    /// Import products, prices or stock from a file of CSV or JSON lines.
    ///
    /// Prints each rejected row with its line number, and a summary.
    ///
    /// Exit codes: 0 when every row was imported, 2 when some were rejected, 1 when the import failed.
    #[command(subcommand)]
    Import(ImportCommand),
    /// Compare the gateway's charges of a time span with the orders of all tenants, once, and print the differences.
    ///
    /// Each difference is stored as a finding with one alert. Money of a payment that this database attempted is
    /// refunded immediately; other findings need an operator. The command may be repeated, even while the server runs.
    ///
    /// Exit codes: 0 when no finding is open afterwards, 2 when some are, 1 when the comparison failed.
    Reconcile {
        /// Start of the time span (RFC 3339), inclusive.
        #[arg(long, value_parser = reconcile::parse_time)]
        from: DateTime<Utc>,
        /// End of the time span, exclusive. At most 366 days after the start, and not in the future.
        #[arg(long, value_parser = reconcile::parse_time)]
        to: DateTime<Utc>,
    },
}

/// Parses the command line and runs the command.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            error.print()?;
            // Not clap's 2, which has another meaning here.
            return Ok(match error.use_stderr() {
                true => ExitCode::FAILURE,
                false => ExitCode::SUCCESS,
            });
        }
    };
    let command = arguments.command.unwrap_or(Command::Serve);
    if let Command::Openapi = command {
        // The document is the same for every installation, so no configuration is read.
        writeln!(std::io::stdout().lock(), "{}", document::text())?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Command::Grants { role } = &command {
        write!(std::io::stdout().lock(), "{}", grants::statements(role))?;
        return Ok(ExitCode::SUCCESS);
    }
    let config = Config::from_env(&|name| std::env::var(name).ok())?;
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("a TLS provider is already installed"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("can't start the runtime")?;
    let done = run_in(&runtime, config, command);
    // Tasks that still wait for a database must not keep the program running.
    runtime.shutdown_background();
    done
}

fn run_in(runtime: &Runtime, config: Config, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Openapi | Command::Grants { .. } => {}
        Command::Serve => {
            let spans = span_export(&config, runtime.handle())?;
            logs::init(config.log_format, "info,actix_server=warn", spans.as_ref());
            let served = runtime.block_on(serve::serve(config));
            if let Some(spans) = spans {
                spans.stop();
            }
            served?;
        }
        Command::Migrate => runtime.block_on(migrate(&config))?,
        Command::Distribute { dry_run, shards } => {
            runtime.block_on(distribute::run(&config, shards, dry_run))?;
        }
        Command::Seed => runtime.block_on(seed::seed(&config))?,
        Command::Installation(command) => {
            runtime.block_on(installation::run(&config, command))?;
        }
        Command::Events(command) => runtime.block_on(events::run(&config, command))?,
        Command::Console(command) => runtime.block_on(console::run(&config, command))?,
        Command::Keys(command) => runtime.block_on(keys::run(&config, command))?,
        Command::Import(command) => return runtime.block_on(import::run(&config, command)),
        Command::Reconcile { from, to } => {
            return runtime.block_on(reconcile::reconcile(&config, from, to));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// `None` unless an endpoint is configured.
fn span_export(config: &Config, runtime: &Handle) -> anyhow::Result<Option<SpanExport>> {
    let start = |endpoint: &SecretString| {
        let (endpoint, version) = (endpoint.expose_secret(), env!("CARGO_PKG_VERSION"));
        SpanExport::start(endpoint, "oms-api", version, runtime.clone())
    };
    let started = config.otlp_endpoint.as_ref().map(start).transpose();
    started.context("OTEL_EXPORTER_OTLP_ENDPOINT can't be used")
}

async fn migrate(config: &Config) -> anyhow::Result<()> {
    let settings = config.database.for_migrations().context(
        "OMS_MIGRATION_DATABASE_URL is required with OMS_DATABASE_POOLER=transaction: migrations need a dedicated session",
    )?;
    let patience = LockPatience {
        tries: settings.migrate_lock_tries,
        pause: settings.migrate_lock_pause,
        report: Box::new(|text| eprintln!("oms-api: {text}")),
    };
    let migrating =
        migrations::migrate_within(settings.url(), settings.migrate_timeout, patience).await;
    let applied = migrating.context("can't migrate")?;
    let database = database::connect_to(&settings).await?;
    distribute::follow_migration(&settings).await?;
    installation::establish(&database).await?;
    database.close();
    let defaults = match config.database.pooling {
        Pooling::Session => Vec::new(),
        Pooling::Transaction => database::set_defaults(&config.database).await?,
    };
    let mut out = std::io::stdout().lock();
    if !defaults.is_empty() {
        writeln!(
            out,
            "set defaults of the role of DATABASE_URL: {}; make the pooler reconnect (RECONNECT in PgBouncer's console)",
            defaults.join(", ")
        )?;
    }
    for version in &applied {
        writeln!(out, "applied {version}")?;
    }
    if applied.is_empty() {
        writeln!(out, "no migrations are pending")?;
    }
    Ok(())
}
