//! The command line, and what it makes of a run: how often, how long, at which concurrency.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::{Parser, ValueEnum};
use serde::Serialize;

use crate::load::Window;
use crate::workload::Workload;

/// Measures the API against what its database can do, and checks after every run that nothing was lost.
///
/// `cargo xtask bench` builds what is needed, brings up a database of its own, and passes its arguments on to here.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench")]
pub(crate) struct Options {
    /// Fewer and shorter runs: less than two minutes
    #[arg(long)]
    quick: bool,

    /// Another server that speaks the same API, measured with the same requests; its catalogue has to be the
    /// workload's (--catalogue prints it)
    #[arg(long, value_name = "NAME=URL", value_parser = parse_url)]
    pub(crate) url: Vec<(String, SocketAddr)>,

    /// What to measure [default: all]
    #[arg(long, value_enum, value_delimiter = ',')]
    workload: Vec<Workload>,

    /// Connections at a time [default: 1,8,32,64,256; with --quick 64]
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..=5000))]
    concurrency: Vec<u16>,

    /// Who collects the payments
    #[arg(long, value_enum, default_value = "instant")]
    pub(crate) gateway: Gateway,

    /// How often each thing is measured, ours and the ceiling in turn [default: 3; with --quick 2]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: Option<u16>,

    /// Print a workload's catalogue as JSON, to load another system with, and do nothing else
    #[arg(long, value_enum, value_name = "WORKLOAD")]
    pub(crate) catalogue: Option<Workload>,

    /// Superuser's URL of the cluster to measure on; databases named bench_* are made and dropped there
    #[arg(
        long,
        env = "OMS_BENCH_SUPERUSER_URL",
        hide = true,
        hide_env_values = true
    )]
    pub(crate) superuser_url: Option<String>,

    /// Application's URL of the provisioned, empty database
    #[arg(
        long,
        env = "OMS_BENCH_APPLICATION_URL",
        hide = true,
        hide_env_values = true
    )]
    pub(crate) application_url: Option<String>,

    /// The cluster's log, which statements are read from
    #[arg(long, env = "OMS_BENCH_SERVER_LOG", hide = true)]
    pub(crate) server_log: Option<PathBuf>,

    /// The cluster's pgbench
    #[arg(long, env = "OMS_BENCH_PGBENCH", hide = true)]
    pub(crate) pgbench: Option<PathBuf>,

    /// Folder of the release builds of oms-api and payment-sandbox
    #[arg(long, env = "OMS_BENCH_PROGRAMS", hide = true)]
    pub(crate) programs: Option<PathBuf>,

    /// Folder for what is written
    #[arg(long, env = "OMS_BENCH_OUTPUT", hide = true)]
    pub(crate) output: Option<PathBuf>,
}

/// Who collects the payments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Gateway {
    /// The API itself, at once and without moving anything.
    Instant,
    /// The payment sandbox over HTTP, which takes 100 ms.
    Sandbox,
}

impl Gateway {
    /// The value of `OMS_PAYMENT_GATEWAY`.
    pub(crate) const fn of_the_api(self) -> &'static str {
        match self {
            Self::Instant => "instant",
            Self::Sandbox => "stripe",
        }
    }
}

/// How a command measures.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) workloads: Vec<Workload>,
    pub(crate) concurrency: Vec<usize>,
    pub(crate) window: Window,
    /// Orders that exist before replays and reads begin.
    pub(crate) known_orders: u64,
    rounds: u16,
    extent: Extent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    Quick,
    Full,
}

/// More clients than the cluster takes connections have no ceiling.
const MOST_CEILING_CLIENTS: usize = 400;

impl Options {
    /// What the options ask for.
    pub(crate) fn plan(&self) -> Plan {
        let extent = if self.quick {
            Extent::Quick
        } else {
            Extent::Full
        };
        let (concurrency, rounds, window, known_orders): (&[u16], _, _, _) = match extent {
            Extent::Quick => (&[64], 2, window(1000, 2000), 500),
            Extent::Full => (&[1, 8, 32, 64, 256], 3, window(2000, 8000), 5000),
        };
        let concurrency = if self.concurrency.is_empty() {
            concurrency
        } else {
            &self.concurrency
        };
        let wanted =
            |workload: &Workload| self.workload.is_empty() || self.workload.contains(workload);
        Plan {
            workloads: Workload::ALL.into_iter().filter(wanted).collect(),
            concurrency: concurrency.iter().copied().map(usize::from).collect(),
            window,
            known_orders,
            rounds: self.rounds.unwrap_or(rounds),
            extent,
        }
    }
}

impl Plan {
    /// How often a workload is measured.
    pub(crate) fn rounds(&self, workload: Workload) -> u16 {
        if self.extent == Extent::Quick && !self.has_ceiling(workload, 1) {
            return 1;
        }
        self.rounds
    }

    /// Whether a workload is compared with the database alone. A quick run does so where there are targets.
    pub(crate) fn has_ceiling(&self, workload: Workload, concurrency: usize) -> bool {
        let in_time =
            self.extent == Extent::Full || matches!(workload, Workload::Uniform | Workload::Hot);
        workload.has_ceiling() && in_time && concurrency <= MOST_CEILING_CLIENTS
    }

    /// A workload that is no closed loop has its own number of connections.
    pub(crate) fn concurrency(&self, workload: Workload) -> Vec<usize> {
        match workload {
            Workload::Flash => vec![flash_connections()],
            Workload::Open => vec![self.concurrency.iter().copied().max().unwrap_or(64).max(64)],
            _ => self.concurrency.clone(),
        }
    }
}

/// 5,000 at once, or as many as there may be open files here, with some to spare.
fn flash_connections() -> usize {
    use nix::sys::resource::{Resource, getrlimit};
    let files = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| soft);
    usize::try_from(files.saturating_sub(200))
        .unwrap_or(usize::MAX)
        .clamp(1, 5000)
}

const fn window(warm_up_ms: u64, measured_ms: u64) -> Window {
    Window {
        warm_up: Duration::from_millis(warm_up_ms),
        measured: Duration::from_millis(measured_ms),
    }
}

/// `old=http://127.0.0.1:4000`
fn parse_url(text: &str) -> Result<(String, SocketAddr)> {
    let (name, url) = text.split_once('=').context("give NAME=URL")?;
    ensure!(
        !name.is_empty() && !["oms", "ceiling"].contains(&name),
        "{name:?} can't be the name of another system"
    );
    let authority = url
        .strip_prefix("http://")
        .context("only http:// URLs are measured")?;
    let authority = authority.trim_end_matches('/');
    let address = authority.replace("localhost:", "127.0.0.1:");
    let address = address
        .parse()
        .with_context(|| format!("{authority:?} is not ADDRESS:PORT"))?;
    Ok((name.to_owned(), address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(arguments: &[&str]) -> Options {
        Options::try_parse_from(std::iter::once(&"bench").chain(arguments)).unwrap()
    }

    #[test]
    fn a_quick_run_measures_everything_but_compares_only_where_there_are_targets() {
        let plan = options(&["--quick"]).plan();
        assert_eq!(plan.workloads, Workload::ALL);
        assert_eq!(plan.concurrency, [64]);
        assert!(plan.has_ceiling(Workload::Hot, 64) && !plan.has_ceiling(Workload::Far, 64));
        assert_eq!(
            (plan.rounds(Workload::Hot), plan.rounds(Workload::Far)),
            (2, 1)
        );
    }

    #[test]
    fn workloads_and_concurrency_can_be_chosen() {
        let plan = options(&[
            "--workload",
            "far,hot",
            "--concurrency",
            "8,1000",
            "--rounds",
            "5",
        ])
        .plan();
        assert_eq!(plan.workloads, [Workload::Hot, Workload::Far]);
        assert_eq!(plan.concurrency(Workload::Far), [8, 1000]);
        assert_eq!(plan.rounds(Workload::Far), 5);
        assert!(plan.has_ceiling(Workload::Far, 8) && !plan.has_ceiling(Workload::Far, 1000));
    }

    #[test]
    fn another_system_has_a_name_and_an_address() {
        let (name, address) = parse_url("old=http://localhost:4000/").unwrap();
        assert_eq!((name.as_str(), address.port()), ("old", 4000));
        for text in [
            "http://127.0.0.1:1",
            "=http://127.0.0.1:1",
            "oms=http://127.0.0.1:1",
            "old=https://127.0.0.1:1",
            "old=http://x",
        ] {
            assert!(parse_url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn no_connections_and_unknown_workloads_are_refused() {
        for arguments in [
            ["--concurrency", "0"],
            ["--workload", "x"],
            ["--gateway", "real"],
        ] {
            assert!(Options::try_parse_from(std::iter::once("bench").chain(arguments)).is_err());
        }
    }
}
