//! `cargo xtask db …`: controls the development database.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;

use anyhow::Result;
use clap::Subcommand;

use crate::command;
use crate::database::{self, Cluster, Database};
use crate::report;
use crate::sys_init;
use crate::workspace::Workspace;

#[derive(Subcommand)]
pub(crate) enum Action {
    /// Start the database that sys-init created.
    Up,
    /// Stop the database that sys-init created, and the test server. The data is kept.
    Down,
    /// Apply pending migrations.
    Migrate,
    /// Drop everything and start again with the seed data. Refused for a database that DATABASE_URL names.
    Reset,
    /// Open psql, or pass arguments on: `cargo xtask db psql -c 'SELECT 1'`.
    Psql {
        /// Arguments for psql.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

pub(crate) fn run(workspace: &Workspace, action: Action) -> Result<()> {
    if matches!(action, Action::Down) {
        Cluster::stop_server_of_tests(workspace)?;
    }
    let database = database::existing(workspace)?;
    match action {
        Action::Up => up(&database),
        Action::Down => database.down(),
        Action::Migrate => {
            up(&database)?;
            sys_init::build(workspace)?;
            sys_init::migrate(workspace, &database)
        }
        Action::Reset => reset(workspace, &database),
        Action::Psql { arguments } => psql(workspace, &database, &arguments),
    }
}

fn up(database: &Database) -> Result<()> {
    database.up()?;
    report::line("✓ the database accepts connections");
    Ok(())
}

/// Builds first, so that a program that does not compile does not leave an empty database behind.
fn reset(workspace: &Workspace, database: &Database) -> Result<()> {
    if database.is_given() {
        return database.recreate();
    }
    sys_init::build(workspace)?;
    database.up()?;
    database.recreate()?;
    sys_init::migrate(workspace, database)?;
    sys_init::seed(workspace, database)
}

fn psql(workspace: &Workspace, database: &Database, arguments: &[OsString]) -> Result<()> {
    let mut psql = database.psql(workspace, arguments)?;
    // psql replaces this process, so it owns the terminal and Ctrl-C.
    let error = psql.exec();
    Err(command::not_started(&psql, error))
}
