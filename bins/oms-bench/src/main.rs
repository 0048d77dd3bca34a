//! Load generator and workloads, run by `cargo xtask bench`. The README explains everything.
//!
//! It starts the measured programs, each time on a fresh database, sends them prepared requests, and compares the rate
//! with what PostgreSQL alone achieves with the same statements. It knows the schema and the HTTP API but uses no crate
//! of the workspace, so it sees the product from outside.

mod ceiling;
mod command;
mod cpu;
mod database;
mod dataset;
mod following;
mod growth;
mod http;
mod invariants;
mod latencies;
mod load;
mod locked;
mod machine;
mod measure;
mod options;
mod pages;
mod programs;
mod report;
mod sampling;
mod stored_orders;
mod targets;
mod traffic;
mod workload;

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

/// One thread: the generator shares the machine with what it measures, and must use little of it.
fn main() -> ExitCode {
    let options = options::Options::parse();
    allow_open_files();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let outcome = runtime
        .context("could not start the runtime")
        .and_then(|runtime| runtime.block_on(run_until_interrupted(&options)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Raises the limit of open files as far as possible, for this program and those that it starts. A failure is
/// ignored: then there are fewer connections.
fn allow_open_files() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let files = Resource::RLIMIT_NOFILE;
    if let Ok((_, most)) = getrlimit(files) {
        let _ = setrlimit(files, most, most);
    }
}

/// Dropping the future also ends the programs that it started.
async fn run_until_interrupted(options: &options::Options) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("could not watch SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("could not watch Ctrl-C")?;
    tokio::select! {
        outcome = command::run(options) => outcome,
        _ = terminate.recv() => bail!("interrupted"),
        _ = interrupt.recv() => bail!("interrupted"),
    }
}
