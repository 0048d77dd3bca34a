//! `cargo xtask bench`: runs oms-bench on the release programs and on its own durable PostgreSQL. This module only
//! builds, starts and stops programs; oms-bench does the measuring.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::command;
use crate::database::Cluster;
use crate::report;
use crate::signals;
use crate::workspace::Workspace;

/// The profile of released programs, and the name of its build folder.
const PROFILE: &str = "dist";

/// A short run that checks that the benchmark works: orders, and the statements of one order, replayed by pgbench.
pub(crate) const CHECK: [&str; 5] = [
    "--quick",
    "--rounds=1",
    "--workload=uniform,hot",
    "--concurrency=16",
    "--gateway=instant",
];

/// Interval at which oms-bench is checked.
const TICK: Duration = Duration::from_millis(100);

/// The folders of the measured programs and of the figures.
struct Places {
    programs: PathBuf,
    output: PathBuf,
}

/// Ctrl-C or SIGTERM.
#[derive(Clone)]
struct EndRequested;

/// Builds, runs the benchmark with the arguments of the command line, and stops everything that it started.
pub(crate) fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<()> {
    let (sender, events) = channel();
    build(workspace)?;
    let places = Places {
        programs: workspace.target.join(PROFILE),
        output: workspace.target.join("bench"),
    };
    if needs_no_database(arguments) {
        return command::show(bench(workspace, &places).args(arguments));
    }
    signals::on_request_to_end(sender, EndRequested)?;
    measure_and_stop(workspace, &places, arguments, &events)
}

/// Checks that the benchmark works: a short run with the programs that the tests have built. Its figures mean nothing.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let (_sender, events) = channel();
    let arguments = CHECK.map(OsString::from);
    let programs = workspace.target.join("debug");
    let output = programs.join("bench");
    let places = Places { programs, output };
    measure_and_stop(workspace, &places, &arguments, &events)
}

fn measure_and_stop(
    workspace: &Workspace,
    places: &Places,
    arguments: &[OsString],
    events: &Receiver<EndRequested>,
) -> Result<()> {
    let cluster = Cluster::for_measuring(workspace)?;
    let measured = measure(workspace, &cluster, places, arguments, events);
    let stopped = cluster.stop();
    measured.and(stopped)
}

fn build(workspace: &Workspace) -> Result<()> {
    let programs = ["oms-api", "payment-sandbox", "oms-bench"];
    let packages = programs.into_iter().flat_map(|name| ["--package", name]);
    let build = ["build", "--profile", PROFILE, "--bins"];
    let mut build = workspace.cargo(build.into_iter().chain(packages));
    report::loud_step("release programs built", || {
        command::show(&mut build)
    })
    .context("the programs do not build: fix the errors that the compiler reports, then run the same command again")
}

fn needs_no_database(arguments: &[OsString]) -> bool {
    let asks_only = |argument: &OsString| {
        let text = argument.to_string_lossy();
        ["-h", "--help"].contains(&text.as_ref()) || text.starts_with("--catalogue")
    };
    arguments.iter().any(asks_only)
}

fn measure(
    workspace: &Workspace,
    cluster: &Cluster,
    places: &Places,
    arguments: &[OsString],
    events: &Receiver<EndRequested>,
) -> Result<()> {
    cluster.up()?;
    cluster.provision()?;
    let mut bench = bench(workspace, places);
    cluster.lend_libraries(&mut bench);
    bench
        .args(arguments)
        .env("OMS_BENCH_SUPERUSER_URL", cluster.superuser_url())
        .env("OMS_BENCH_APPLICATION_URL", cluster.application_url())
        .env("OMS_BENCH_SERVER_LOG", cluster.log())
        .env("OMS_BENCH_PGBENCH", cluster.program("pgbench"))
        .env("OMS_BENCH_PROGRAMS", &places.programs)
        .env("OMS_BENCH_OUTPUT", &places.output)
        // Ctrl-C reaches only xtask, which stops the programs in order.
        .process_group(0);
    let mut child = bench
        .spawn()
        .map_err(|error| command::not_started(&bench, error))?;
    let status = wait(&mut child, events)?;
    if !status.success() {
        bail!("oms-bench ended with {}", command::describe(status));
    }
    Ok(())
}

fn bench(workspace: &Workspace, places: &Places) -> Command {
    let mut bench = Command::new(places.programs.join("oms-bench"));
    bench.current_dir(&workspace.root);
    bench
}

fn wait(child: &mut Child, events: &Receiver<EndRequested>) -> Result<ExitStatus> {
    loop {
        match events.recv_timeout(TICK) {
            Ok(EndRequested) => signals::ask_to_end(child),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
        if let Some(status) = child.try_wait().context("waiting for oms-bench")? {
            return Ok(status);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_and_catalogues_need_no_database() {
        let arguments = |texts: &[&str]| texts.iter().map(OsString::from).collect::<Vec<_>>();
        assert!(needs_no_database(&arguments(&["--quick", "--help"])));
        assert!(needs_no_database(&arguments(&["--catalogue=hot"])));
        assert!(!needs_no_database(&arguments(&["--quick"])));
    }
}
