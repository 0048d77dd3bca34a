//! The identity of this installation: read at start, and shown and changed by `oms-api installation`.

use std::error::Error;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use chrono::{DateTime, Utc};
use clap::Subcommand;
use oms_database::installation::{self, Installation};
use oms_database::{Connection, Database, DbError};
use oms_monitoring::metrics::Metrics;
use oms_payments::find_newest_attempt;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::database;

/// The warning for the operator of a copy, logged once.
const UNDECIDED: &str = "this database was copied or restored: its inherited payments are read, but neither cancelled nor refunded, \
    until `oms-api installation take-over` or `separate` decides which installation owns them";

/// Interval at which the server checks whether an operator has decided.
const LOOK: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum InstallationCommand {
    /// Print the installation's ID, and whether its database is a copy.
    Show,
    /// Declare that this database is the installation, because the one that it was copied from is gone.
    ///
    /// Its payments are settled here from now on. Never run this while the other database is in use.
    TakeOver,
    /// Declare that this database is an installation of its own, with a new ID, because the one that it was copied from is
    /// still in use.
    ///
    /// Its inherited payments are left to the other one permanently: they are read here, but neither cancelled nor refunded.
    Separate,
}

/// Runs a command, and prints the resulting state of the installation.
pub(crate) async fn run(config: &Config, command: InstallationCommand) -> anyhow::Result<()> {
    let database = database::connect(config).await?;
    let mut connection = database.acquire().await?;
    let installation = match command {
        InstallationCommand::Show => register(&mut connection).await?,
        InstallationCommand::TakeOver => installation::take_over(&mut connection).await?,
        InstallationCommand::Separate => {
            let newest = find_newest_attempt(&mut connection).await?;
            installation::separate(&mut connection, newest).await?
        }
    };
    drop(connection);
    database.close();
    print(&installation)
}

fn print(installation: &Installation) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "installation {}", installation.id)?;
    let time = |time: Option<DateTime<Utc>>| time.map_or_else(String::new, |it| it.to_rfc3339());
    match (installation.is_undecided_copy(), installation.separated_at) {
        (true, _) => writeln!(
            out,
            "a copy: payments attempted before {} are neither cancelled nor refunded until you run take-over or separate",
            time(installation.inherited_until)
        )?,
        (false, Some(_)) => writeln!(
            out,
            "separate: payments attempted before {} are left to the installation that this database was copied from",
            time(installation.separated_at)
        )?,
        (false, None) => writeln!(out, "the original: all payments are settled here")?,
    }
    Ok(())
}

/// Reads the installation, and warns on standard error if its database is an undecided copy.
pub(crate) async fn establish(database: &Database) -> anyhow::Result<Installation> {
    let mut connection = database.acquire().await?;
    let installation = register(&mut connection).await?;
    if installation.is_undecided_copy() {
        eprintln!("oms-api: {UNDECIDED}");
    }
    Ok(installation)
}

/// Like [`establish`], for a server: warns in the log, and exports a metric that follows the operator's decision.
pub(crate) async fn watch(
    database: &Database,
    metrics: &Metrics,
    tasks: &TaskTracker,
    stopping: CancellationToken,
) -> anyhow::Result<Installation> {
    let mut connection = database.acquire().await?;
    let installation = register(&mut connection).await?;
    drop(connection);
    let undecided = Arc::new(AtomicBool::new(installation.is_undecided_copy()));
    let help = "1 while the database is a copy and no operator has decided which installation owns the payments in it.";
    let sampled = undecided.clone();
    metrics.gauge_from("oms_installation_undecided_copy", help, &[], move || {
        f64::from(u8::from(sampled.load(Ordering::Relaxed)))
    })?;
    if installation.is_undecided_copy() {
        let inherited_until = installation.inherited_until.map(|it| it.to_rfc3339());
        tracing::error!(installation = %installation.id, inherited_until, "{UNDECIDED}");
        tasks.spawn(follow(database.clone(), undecided, stopping));
    } else {
        tracing::info!(installation = %installation.id, "the installation was identified");
    }
    Ok(installation)
}

/// Checks periodically whether an operator has decided.
async fn follow(database: Database, undecided: Arc<AtomicBool>, stopping: CancellationToken) {
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while undecided.load(Ordering::Relaxed) {
        if stopping.run_until_cancelled(ticks.tick()).await.is_none() {
            return;
        }
        match find(&database).await {
            Ok(found) => {
                let is_undecided = found.is_some_and(|it| it.is_undecided_copy());
                undecided.store(is_undecided, Ordering::Relaxed);
            }
            Err(error) => {
                let cause: &dyn Error = &error;
                tracing::warn!(cause, "the installation could not be read");
            }
        }
    }
}

async fn find(database: &Database) -> Result<Option<Installation>, DbError> {
    installation::find(&mut *database.acquire().await?).await
}

async fn register(connection: &mut Connection) -> anyhow::Result<Installation> {
    let newest = find_newest_attempt(connection).await?;
    let established = installation::establish(connection, newest).await;
    established.context("can't read the installation's identity")
}
