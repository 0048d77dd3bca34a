//! The command line, and the plan that follows from it: how often, how long, and at which concurrency.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::{Parser, ValueEnum};
use serde::Serialize;

use crate::ceiling::Shape;
use crate::dataset::{self, Dataset};
use crate::following::Following;
use crate::growth::{Axis, Growing};
use crate::load::Window;
use crate::locked::Locking;
use crate::pages::Visiting;
use crate::targets;
use crate::workload::Workload;

/// Measures the API against what its database can do, and checks after every run that nothing was lost.
///
/// `cargo xtask bench` builds the programs, starts its own database, and passes its arguments to this program.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench")]
pub(crate) struct Options {
    /// Fewer and shorter runs: less than two minutes
    #[arg(long)]
    quick: bool,

    /// Another server that speaks the same API, measured with the same requests; its catalogue must be the workload's
    /// (--catalogue prints it)
    #[arg(long, value_name = "NAME=URL", value_parser = parse_url)]
    pub(crate) url: Vec<(String, SocketAddr)>,

    /// Workloads to measure [default: all]
    #[arg(long, value_enum, value_delimiter = ',')]
    workload: Vec<Workload>,

    /// Concurrent connections [default: 1,8,32,64,256; with --quick 64]
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..=5000))]
    concurrency: Vec<u16>,

    /// Measure new orders while one thing grows and the rest stays the same [default: each in turn]; writes growth.json
    #[arg(long, value_enum, value_name = "AXIS", num_args = 0.., value_delimiter = ',')]
    #[arg(conflicts_with_all = ["url", "workload", "catalogue", "gateway"])]
    growth: Option<Vec<Axis>>,

    /// Measure orders while others wait for locked stock, and during an import of 100,000 rows; writes locked.json
    #[arg(long, conflicts_with_all = ["url", "workload", "catalogue", "gateway", "growth"])]
    locked: bool,

    /// Measure how fast events get their positions and reach webhook endpoints; writes events.json
    #[arg(long, conflicts_with_all = ["url", "workload", "catalogue", "gateway", "growth", "locked"])]
    events: bool,

    /// Measure the pages of the operators' console with 5,000,000 stored orders; writes pages.json
    #[arg(long, conflicts_with_all = ["url", "workload", "catalogue", "gateway", "growth", "locked", "events"])]
    console: bool,

    /// What collects the payments
    #[arg(long, value_enum, default_value = "instant")]
    pub(crate) gateway: Gateway,

    /// Rounds per measurement, ours and the ceiling in turn [default: 3; with --quick 2]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: Option<u16>,

    /// Print a workload's catalogue as JSON, for loading it into another system, and exit
    #[arg(long, value_enum, value_name = "WORKLOAD")]
    pub(crate) catalogue: Option<Workload>,

    /// Superuser's URL of the cluster to measure on; databases named bench_* are created and dropped there
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

    /// The cluster's log, from which statements are captured
    #[arg(long, env = "OMS_BENCH_SERVER_LOG", hide = true)]
    pub(crate) server_log: Option<PathBuf>,

    /// The cluster's pgbench
    #[arg(long, env = "OMS_BENCH_PGBENCH", hide = true)]
    pub(crate) pgbench: Option<PathBuf>,

    /// Folder with the oms-api and payment-sandbox to measure
    #[arg(long, env = "OMS_BENCH_PROGRAMS", hide = true)]
    pub(crate) programs: Option<PathBuf>,

    /// Output folder
    #[arg(long, env = "OMS_BENCH_OUTPUT", hide = true)]
    pub(crate) output: Option<PathBuf>,
}

/// What collects the payments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Gateway {
    /// The API itself, immediately and without moving money.
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

/// What a command measures.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) workloads: Vec<Workload>,
    pub(crate) concurrency: Vec<usize>,
    pub(crate) window: Window,
    /// Number of orders that exist before replays and reads begin.
    pub(crate) known_orders: u64,
    /// Number of connections for a measurement behind the sandbox gateway, in a command that otherwise measures
    /// without.
    pub(crate) behind_a_gateway: Option<usize>,
    /// Catalogues on which routing is timed.
    pub(crate) routed: Vec<Dataset>,
    rounds: u16,
    extent: Extent,
    /// Whether `hot` must also be measured at the concurrency of its targets.
    has_crowd: bool,
}

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    Quick,
    Full,
}

/// Each round needs an endpoint, and one more is needed after them: a tenant has 20 at most.
const MOST_ENDPOINTS: u16 = 19;

/// There is no ceiling for more clients than the cluster accepts connections.
const MOST_CEILING_CLIENTS: usize = 400;

impl Options {
    fn extent(&self) -> Extent {
        if self.quick {
            Extent::Quick
        } else {
            Extent::Full
        }
    }

    /// The growth to measure, if requested.
    pub(crate) fn growing(&self) -> Option<Growing> {
        let axes = self.growth.as_deref()?;
        Some(Growing {
            axes: if axes.is_empty() { &Axis::ALL } else { axes }.to_vec(),
            extent: self.extent(),
            connections: self.concurrency.first().copied().map_or(64, usize::from),
            rounds: self.rounds.unwrap_or(1),
        })
    }

    /// The measurement beside locked stock, if requested.
    pub(crate) fn locking(&self) -> Option<Locking> {
        self.locked.then(|| Locking {
            rounds: self.rounds.unwrap_or(1),
            held: Duration::from_secs(5),
        })
    }

    /// The measurement of events, if requested.
    pub(crate) fn following(&self) -> Option<Following> {
        let (rounds, relayed, orders, window) = match self.extent() {
            Extent::Quick => (1, 64_000, 2000, Window::of_ms(500, 3000)),
            Extent::Full => (3, 320_000, 20_000, Window::of_ms(2000, 30_000)),
        };
        self.events.then(|| Following {
            rounds: self.rounds.unwrap_or(rounds).min(MOST_ENDPOINTS),
            relayed,
            orders,
            window,
        })
    }

    /// The measurement of the console's pages, if requested.
    pub(crate) fn visiting(&self) -> Option<Visiting> {
        let (stored, visits) = match self.extent() {
            Extent::Quick => (50_000, 20),
            Extent::Full => (5_000_000, 200),
        };
        self.console.then_some(Visiting { stored, visits })
    }

    /// The plan that the options select.
    pub(crate) fn plan(&self) -> Plan {
        let extent = self.extent();
        let (concurrency, rounds, window, known_orders): (&[u16], _, _, _) = match extent {
            Extent::Quick => (&[64], 2, Window::of_ms(500, 1500), 200),
            Extent::Full => (&[1, 8, 32, 64, 256], 3, Window::of_ms(2000, 8000), 5000),
        };
        let wanted =
            |workload: &Workload| self.workload.is_empty() || self.workload.contains(workload);
        // What only targets need, unless the concurrency was chosen explicitly.
        let has_targets = extent == Extent::Full && self.concurrency.is_empty();
        let concurrency = if self.concurrency.is_empty() {
            concurrency
        } else {
            &self.concurrency
        };
        let instant = self.gateway == Gateway::Instant;
        let waits = has_targets && instant && wanted(&Workload::Uniform);
        let routed: &[Dataset] = match extent {
            _ if !wanted(&Workload::Far) => &[],
            Extent::Quick => &[dataset::FAR],
            Extent::Full => &[dataset::LESS_FAR, dataset::FAR],
        };
        Plan {
            workloads: Workload::ALL.into_iter().filter(wanted).collect(),
            concurrency: concurrency.iter().copied().map(usize::from).collect(),
            window,
            known_orders,
            behind_a_gateway: waits.then_some(targets::WAITING),
            routed: routed.to_vec(),
            rounds: self.rounds.unwrap_or(rounds),
            extent,
            has_crowd: has_targets,
        }
    }
}

impl Plan {
    /// The number of runs of a workload.
    pub(crate) fn rounds(&self, workload: Workload) -> u16 {
        if self.extent == Extent::Quick && !self.has_ceiling(workload, 1) {
            return 1;
        }
        self.rounds
    }

    /// The ceiling's shapes in a round. In a quick run only the first round measures all of them.
    pub(crate) fn shapes(&self, round: u16, best: Option<Shape>) -> Vec<Shape> {
        match best {
            Some(best) if round > 1 && self.extent == Extent::Quick => vec![best],
            _ => Shape::ALL.to_vec(),
        }
    }

    /// Whether a workload is compared with the database alone. A quick run does so only where there are targets.
    pub(crate) fn has_ceiling(&self, workload: Workload, concurrency: usize) -> bool {
        let in_time =
            self.extent == Extent::Full || matches!(workload, Workload::Uniform | Workload::Hot);
        workload.has_ceiling() && in_time && concurrency <= MOST_CEILING_CLIENTS
    }

    /// The concurrencies of a workload. One that is not a closed loop has its own number of connections.
    pub(crate) fn concurrency(&self, workload: Workload) -> Vec<usize> {
        match workload {
            Workload::Flash => vec![flash_connections()],
            Workload::Open => vec![self.concurrency.iter().copied().max().unwrap_or(64).max(64)],
            Workload::Ship | Workload::Bulk => {
                let stations = self.concurrency.iter().copied();
                let usual: Vec<usize> = stations.filter(|it| STATIONS.contains(it)).collect();
                match usual.is_empty() {
                    true => self.concurrency.clone(),
                    false => usual,
                }
            }
            Workload::Hot if self.has_crowd => {
                let crowd = std::iter::once(targets::CROWD);
                self.concurrency.iter().copied().chain(crowd).collect()
            }
            _ => self.concurrency.clone(),
        }
    }
}

/// The numbers of packing stations that a run ships with, if it was not told others.
const STATIONS: [usize; 2] = [1, 64];

/// 5,000 connections, or fewer if the limit of open files is lower, less a reserve.
fn flash_connections() -> usize {
    use nix::sys::resource::{Resource, getrlimit};
    let files = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| soft);
    usize::try_from(files.saturating_sub(200))
        .unwrap_or(usize::MAX)
        .clamp(1, 5000)
}

/// `old=http://127.0.0.1:4000`
fn parse_url(text: &str) -> Result<(String, SocketAddr)> {
    let (name, url) = text.split_once('=').context("expected NAME=URL")?;
    ensure!(
        !name.is_empty() && !["oms", "ceiling"].contains(&name),
        "{name:?} is not allowed as a name"
    );
    let authority = url
        .strip_prefix("http://")
        .context("the URL must begin with http://")?;
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
        assert_eq!(plan.shapes(1, None), Shape::ALL);
        assert_eq!(plan.shapes(2, Some(Shape::AsSent)), [Shape::AsSent]);
        let full = options(&[]).plan();
        assert_eq!(full.shapes(2, Some(Shape::AsSent)), Shape::ALL);
    }

    #[test]
    fn a_full_run_measures_what_the_targets_need() {
        let plan = options(&[]).plan();
        assert_eq!(plan.concurrency(Workload::Hot), [1, 8, 32, 64, 256, 1000]);
        assert_eq!(plan.concurrency(Workload::Far), [1, 8, 32, 64, 256]);
        assert_eq!(plan.behind_a_gateway, Some(256));
        assert_eq!(plan.routed.len(), 2);
        for arguments in [&["--concurrency", "8"][..], &["--gateway", "sandbox"]] {
            assert_eq!(options(arguments).plan().behind_a_gateway, None);
        }
        let chosen = options(&["--workload", "hot", "--concurrency", "8"]).plan();
        assert_eq!(chosen.concurrency(Workload::Hot), [8]);
        assert!(chosen.routed.is_empty());
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
    fn growth_covers_every_axis_or_the_named_ones() {
        assert!(options(&["--quick"]).growing().is_none());
        let all = options(&["--growth", "--quick"]).growing().unwrap();
        assert_eq!(all.axes, Axis::ALL);
        assert_eq!(
            (all.extent, all.connections, all.rounds),
            (Extent::Quick, 64, 1)
        );
        let some = options(&["--growth", "orders,connections", "--concurrency", "32"]);
        let some = some.growing().unwrap();
        assert_eq!(some.axes, [Axis::Orders, Axis::Connections]);
        assert_eq!((some.extent, some.connections), (Extent::Full, 32));
        let mixed = ["bench", "--growth", "orders", "--workload", "hot"];
        assert!(Options::try_parse_from(mixed).is_err());
    }

    #[test]
    fn events_are_measured_in_as_many_rounds_as_a_tenant_has_endpoints() {
        assert!(options(&["--quick"]).following().is_none());
        let quick = options(&["--events", "--quick"]).following().unwrap();
        let full = options(&["--events", "--rounds", "99"])
            .following()
            .unwrap();
        assert_eq!((quick.rounds, full.rounds), (1, 19));
        assert!(quick.orders < full.orders);
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
    fn zero_connections_and_unknown_workloads_are_rejected() {
        for arguments in [
            ["--concurrency", "0"],
            ["--workload", "x"],
            ["--gateway", "real"],
        ] {
            assert!(Options::try_parse_from(std::iter::once("bench").chain(arguments)).is_err());
        }
    }
}
