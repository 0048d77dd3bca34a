//! `oms-api events`.

use std::io::Write;

use anyhow::Context;
use clap::Subcommand;
use oms_events::{BUMP, bump_positions};

use crate::config::Config;
use crate::database;

/// Commands for the feed of events.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum EventsCommand {
    /// Move the ends of all feeds forward, so that no position that a client has seen is given again. Run it after a
    /// restore from a copy of the files of the database, or of a single node of a distributed database. The relay notices
    /// other restores and promotions of standbys itself.
    Bump,
}

/// Runs the command.
pub(crate) async fn run(config: &Config, command: EventsCommand) -> anyhow::Result<()> {
    let EventsCommand::Bump = command;
    let database = database::connect(config).await?;
    let moved = bump_positions(&mut *database.acquire().await?).await;
    let moved = moved.context("can't move the feeds")?;
    database.close();
    writeln!(
        std::io::stdout().lock(),
        "moved the ends of {moved} feeds by {BUMP} positions"
    )?;
    Ok(())
}
