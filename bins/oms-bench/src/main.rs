//! Load generator and workloads, run by `cargo xtask bench`. The README has the whole story.
//!
//! It starts the programs that it measures, each time on a fresh database, sends them prepared requests, and compares
//! the rate with what PostgreSQL alone does with the same statements. It knows the schema and the HTTP API, and no
//! crate of the workspace: what it measures it sees from outside.

mod ceiling;
mod command;
mod cpu;
mod database;
mod dataset;
mod growth;
mod http;
mod invariants;
mod latencies;
mod load;
mod locked;
mod machine;
mod measure;
mod options;
mod programs;
mod report;
mod sampling;
mod targets;
mod traffic;
mod workload;

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

/// One thread: the generator shares the machine with what it measures, and has to stay out of its way.
fn main() -> ExitCode {
    let options = options::Options::parse();
    allow_open_files();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let outcome = runtime
        .context("the runtime can't be started")
        .and_then(|runtime| runtime.block_on(until_asked_to_end(&options)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// As many connections as may be, for this program and for those that it starts. Where that is refused, fewer have to do.
fn allow_open_files() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let files = Resource::RLIMIT_NOFILE;
    if let Ok((_, most)) = getrlimit(files) {
        let _ = setrlimit(files, most, most);
    }
}

/// Programs that were started end with the future that holds them.
async fn until_asked_to_end(options: &options::Options) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM can't be watched")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("Ctrl-C can't be watched")?;
    tokio::select! {
        outcome = command::run(options) => outcome,
        _ = terminate.recv() => bail!("asked to end"),
        _ = interrupt.recv() => bail!("asked to end"),
    }
}
