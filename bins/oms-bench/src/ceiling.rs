//! The ceiling: what the database alone can do with the statements of an order, one order at a time.
//!
//! This program does not contain the statements, because they could drift from the product's. One order is placed
//! through the API while PostgreSQL logs its statements, and the log becomes a script for pgbench, with new IDs,
//! products and places for each transaction. A ceiling of whole batches of orders would be another [`Shape`] of the
//! same script.

mod literal;
mod pgbench;
mod script;
mod server_log;
mod variables;

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result, ensure};

pub(crate) use pgbench::Pgbench;
pub(crate) use script::{Script, Shape};
pub(crate) use variables::Sample;

/// The current length of the server's log, to read from there later.
pub(crate) fn log_length(server_log: &Path) -> Result<u64> {
    let metadata = fs::metadata(server_log);
    Ok(metadata
        .with_context(|| format!("could not read {}", server_log.display()))?
        .len())
}

/// Creates a script from what the server logged after `from`, while the sampled order was placed.
pub(crate) fn capture(server_log: &Path, from: u64, sample: &Sample<'_>) -> Result<Script> {
    let mut file = fs::File::open(server_log)?;
    file.seek(SeekFrom::Start(from))?;
    let mut text = String::new();
    file.read_to_string(&mut text)
        .context("the server's log is not text")?;
    let script = Script::of(&server_log::statements(&text), sample)?;
    ensure!(
        script.statements() >= 5,
        "only {} statements of an order are in the server's log",
        script.statements()
    );
    Ok(script)
}
