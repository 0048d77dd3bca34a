//! `cargo xtask test`: runs all checks in order, on a fresh machine too.
//!
//! All steps use one profile and one set of features, so that no step rebuilds the output of an earlier one. The
//! features include oms-api's `failpoints`, with which the tests can kill it at given places. `cargo xtask start`,
//! release builds and a plain `cargo build` do not include it, which one of the steps checks.

mod documentation;
mod failpoints;
mod features;
mod threads;
mod totals;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};

use crate::bench;
use crate::cargo_deny;
use crate::command;
use crate::database::Cluster;
use crate::localstripe::Localstripe;
use crate::programs::Programs;
use crate::report;
use crate::sdk;
use crate::statements;
use crate::tidy;
use crate::upgrade;
use crate::workspace::Workspace;
use features::{TESTED, checked_features, with_features};
use totals::Totals;

/// The server on which the database tests create their databases: a superuser's URL.
const TEST_DATABASE_URL: &str = "OMS_TEST_DATABASE_URL";

/// The URL of the localstripe of the smoke test.
const LOCALSTRIPE_URL: &str = "OMS_LOCALSTRIPE_URL";
/// The whole workspace, so that shared crates keep their features and are not rebuilt.
const LOCALSTRIPE_TEST: [&str; 7] = [
    "test",
    "--workspace",
    "--features",
    "oms-payments/localstripe",
    "--test",
    "payments",
    "localstripe::",
];

/// The variable with the path of PgBouncer, for its tests.
const PGBOUNCER: &str = "OMS_TEST_PGBOUNCER";
/// The variable with the path of the older program, for the upgrade test.
const OLD_PROGRAM: &str = "OMS_TEST_OLD_PROGRAM";
/// The variable with the number of orders that exist before the upgrade.
const EXISTING_ORDERS: &str = "OMS_TEST_EXISTING_ORDERS";

/// The variable with the URL of the smoke test's database.
const SMOKE_DATABASE_URL: &str = "OMS_SMOKE_DATABASE_URL";
const SMOKE_TEST: [&str; 9] = [
    "test",
    "--workspace",
    "--features",
    "oms-api/failpoints,oms-api/kafka,oms-api/smoke",
    "--test",
    "http",
    "smoke::",
    "--",
    "--nocapture",
];

/// The contexts whose tests run a second time on tables that are partitioned by tenant, with the statements for a
/// distributed engine. Statements that work there also work on the tables of such an engine.
const ON_PARTITIONS: [&str; 6] = [
    "access",
    "geocoding",
    "inventory",
    "fulfilment",
    "payments",
    "orders",
];
/// Tests that are skipped on partitioned tables.
const NOT_ON_PARTITIONS: [&str; 6] = [
    // They read statistics of a table, and a partitioned table has none.
    "routing_uses_the_spatial_index_and_no_sequential_scan_if_only_far_warehouses_have_stock",
    "each_filter_is_read_from_its_index",
    // The longest tests. They run no statement that other tests don't run.
    "after_a_month_of_outages_every_order_is_settled_once_and_nothing_is_lost",
    "money_that_moves_without_us_breaks_no_rule",
    "every_state_has_a_way_out_whatever_is_rejected_permanently",
    "stations_buyers_movers_evacuations_and_returns_race",
];
/// The variable that makes the tests partition their tables.
const PARTITIONS_VARIABLE: &str = "OMS_TEST_PARTITIONS";

/// One run reports the failures of all test programs, not only of the first that fails.
const ALL_FAILURES: &str = "--no-fail-fast";

/// The checks to run.
pub(crate) enum Extent {
    /// All checks.
    Full,
    /// The checks that need no database.
    Quick,
    /// Only the smoke test against localstripe.
    Localstripe,
    /// Only the tests with PgBouncer.
    Pgbouncer {
        /// The path of PgBouncer.
        program: PathBuf,
    },
    /// Only the test that replaces an older version.
    Upgrade {
        /// The commit of the older version.
        from: String,
        /// How many orders exist before.
        orders: u32,
    },
    /// Only the smoke test, on a database that the user names.
    Database(String),
}

impl Extent {
    /// Returns the tests that the flags of the command line select. The flags exclude each other.
    pub(crate) fn from_flags(quick: bool, localstripe: bool, database: Option<String>) -> Self {
        match (quick, localstripe, database) {
            (.., Some(url)) => Self::Database(url),
            (_, true, None) => Self::Localstripe,
            (true, false, None) => Self::Quick,
            (false, false, None) => Self::Full,
        }
    }
}

/// Makes tests write the pages that they generate.
const WRITE_DOCS: &str = "OMS_WRITE_DOCS";
const BUILD: [&str; 3] = ["build", "--workspace", "--all-targets"];
/// The tests that compare a file with what the code generates.
const WRITE_PAGES: [&str; 7] = [
    "test",
    "--workspace",
    "--bin",
    "oms-api",
    "--test",
    "http",
    "up_to_date",
];

/// Writes the generated pages of `docs`, and the document of the API.
pub(crate) fn write_docs(workspace: &Workspace) -> Result<()> {
    let server = TestServer::up(workspace)?;
    command::show(&mut workspace.cargo(with_features(&BUILD)))?;
    let mut cargo = workspace.cargo(with_features(&WRITE_PAGES));
    cargo
        .env(WRITE_DOCS, "1")
        .env(TEST_DATABASE_URL, &server.url);
    let outcome = command::show(&mut cargo);
    server.down()?;
    outcome.and_then(|()| sdk::generate(workspace))
}

/// Checks the statements of the last test run.
pub(crate) fn check_statements(workspace: &Workspace) -> Result<()> {
    let server = TestServer::up(workspace)?;
    let checked = statements::check(workspace, &statements::folder(workspace), &server.url);
    server.down()?;
    checked
}

/// The steps done so far, for the summary.
struct Run<'a> {
    workspace: &'a Workspace,
    done: Vec<(String, Duration)>,
    totals: Totals,
}

/// Prepares, runs the checks, and prints the summary. Stops at the first failure and prints the command that repeats
/// it.
pub(crate) fn run(workspace: &Workspace, extent: Extent) -> Result<()> {
    let started = Instant::now();
    command::show(&mut workspace.cargo(["fetch", "--locked"]))
        .context("the dependencies could not be fetched: check the network, and that Cargo.lock matches the manifests")?;
    let mut run = Run {
        workspace,
        done: Vec::new(),
        totals: Totals::default(),
    };
    match extent {
        Extent::Full => run.with_database()?,
        Extent::Quick => run.all(None, cargo_deny::Installation::start(workspace)?)?,
        Extent::Localstripe => run.against_localstripe()?,
        Extent::Pgbouncer { program } => {
            let program = fs::canonicalize(&program)
                .with_context(|| format!("{} does not exist", program.display()))?;
            let program = program.display().to_string();
            run.http_tests("pgbouncer", &[(PGBOUNCER, &program)])?;
        }
        Extent::Upgrade { from, orders } => {
            let old = upgrade::build(workspace, &from)?;
            let (old, orders) = (old.display().to_string(), orders.to_string());
            let variables = [(OLD_PROGRAM, old.as_str()), (EXISTING_ORDERS, &orders)];
            run.http_tests("upgrade", &variables)?;
        }
        Extent::Database(url) => run.on_database(&url)?,
    }
    run.summary(started.elapsed());
    Ok(())
}

impl Run<'_> {
    fn with_database(&mut self) -> Result<()> {
        // While packages are fetched and unpacked, the processor is idle.
        let cargo_deny = cargo_deny::Installation::start(self.workspace)?;
        // Before the build, so that missing programs are reported soon.
        let programs = Programs::ensure(self.workspace)?;
        let server = TestServer::up(self.workspace)?;
        let equipment = Equipment {
            server: &server,
            programs: &programs,
        };
        let outcome = self.all(Some(equipment), cargo_deny);
        server.down()?;
        outcome
    }

    fn against_localstripe(&mut self) -> Result<()> {
        let localstripe = Localstripe::start(self.workspace)?;
        let mut cargo = self.workspace.cargo(LOCALSTRIPE_TEST);
        cargo.env(LOCALSTRIPE_URL, localstripe.url());
        let repeat = "cargo xtask test --localstripe";
        self.step("smoke test against localstripe", repeat, |totals| {
            command::show_and_read(&mut cargo, |line| totals.read(line))
        })
    }

    /// Runs the HTTP tests of the feature `name`, which need another program.
    fn http_tests(&mut self, name: &str, variables: &[(&str, &str)]) -> Result<()> {
        let server = TestServer::up(self.workspace)?;
        let features = format!("{TESTED},oms-api/{name}");
        let build = ["build", "--workspace", "--bins", "--features", &features];
        let (module, tests) = (format!("{name}::"), ["test", "--workspace"]);
        let which = ["--features", &features, "--test", "http", &module];
        let shown = ["--", "--nocapture"];
        let tests = [&tests[..], &which, &shown].concat();
        let outcome = self.cargo("build", &build).and_then(|()| {
            let mut cargo = self.workspace.cargo(tests.iter().copied());
            cargo
                .envs(variables.iter().copied())
                .env(TEST_DATABASE_URL, &server.url);
            let set = variables
                .iter()
                .map(|(name, value)| format!("{name}={value} "));
            let repeat = format!(
                "{}{TEST_DATABASE_URL}={} cargo {}",
                set.collect::<String>(),
                server.url,
                tests.join(" ")
            );
            self.step(name, &repeat, |totals| {
                command::show_and_read(&mut cargo, |line| totals.read(line))
            })
        });
        server.down()?;
        outcome
    }

    fn on_database(&mut self, url: &str) -> Result<()> {
        self.cargo("build", &with_features(&["build", "--workspace", "--bins"]))?;
        let mut cargo = self.workspace.cargo(SMOKE_TEST);
        cargo.env(SMOKE_DATABASE_URL, url);
        self.step("smoke test", "cargo xtask test --database URL", |totals| {
            command::show_and_read(&mut cargo, |line| totals.read(line))
        })
    }

    /// `cargo_deny` is `None` if it is installed.
    fn all(
        &mut self,
        equipment: Option<Equipment<'_>>,
        cargo_deny: Option<cargo_deny::Installation>,
    ) -> Result<()> {
        self.cargo("format", &["fmt", "--all", "--check"])?;
        let workspace = self.workspace;
        self.step("rules inside the crates", "cargo xtask tidy", |_| {
            tidy::run(workspace)
        })?;
        let repeat = format!("cargo {}", failpoints::TREE.join(" "));
        self.step("nothing for tests in a plain build", &repeat, |_| {
            failpoints::check_plain_build(workspace)
        })?;
        let features = checked_features(workspace);
        let clippy = ["clippy", "--workspace", "--all-targets", "--features"];
        let strict = [features.as_str(), "--", "-D", "warnings"];
        self.cargo("lints", &[&clippy[..], &strict].concat())?;
        let mut documentation = documentation::command(workspace, &features);
        let repeat = documentation::as_words(&features);
        self.step("documentation", &repeat, |_| {
            command::show(&mut documentation)
        })?;
        if let Some(installation) = cargo_deny {
            installation.finish()?;
        }
        self.cargo("rules between the crates", &cargo_deny::CHECK)?;
        match equipment {
            Some(equipment) => {
                self.step(
                    "packages of the client",
                    "cd sdk/typescript && npm ci",
                    |_| sdk::install_packages(workspace, equipment.programs),
                )?;
                let build = with_features(&["build", "--workspace", "--all-targets"]);
                self.cargo("build", &build)?;
                let kinds = [ALL_FAILURES, "--workspace", "--lib", "--bins", "--tests"];
                let tests = with_features(&[test_runner(workspace), &kinds].concat());
                let ran = statements::fresh_folder(workspace)?;
                self.tests(
                    "tests",
                    &tests,
                    Some(equipment),
                    &[(statements::VARIABLE, &ran)],
                )?;
                let mut cut = with_features(&["test", ALL_FAILURES, "--workspace"]);
                cut.extend(ON_PARTITIONS.iter().flat_map(|name| ["--test", *name]));
                cut.push("--");
                cut.extend(NOT_ON_PARTITIONS.iter().flat_map(|name| ["--skip", *name]));
                let is_cut = [
                    (PARTITIONS_VARIABLE, Path::new("1")),
                    (statements::VARIABLE, &ran),
                ];
                self.tests("tests on partitions", &cut, Some(equipment), &is_cut)?;
                self.step("statements", "cargo xtask statements", |_| {
                    statements::check(workspace, &ran, &equipment.server.url)
                })?;
                let doc_tests = with_features(&["test", "--workspace", "--doc"]);
                self.tests("documentation tests", &doc_tests, Some(equipment), &[])?;
                let server = (TEST_DATABASE_URL, equipment.server.url.as_str());
                let repeat = format!(
                    "cd sdk/typescript && npm ci && npm run verify && {}={} npm run test:server",
                    server.0, server.1
                );
                self.step("client in TypeScript", &repeat, |_| {
                    sdk::verify(workspace, equipment.programs, server)
                })?;
                let repeat = format!("cargo xtask bench {}", bench::CHECK.join(" "));
                self.step("measuring", &repeat, |_| bench::check(workspace))
            }
            None => {
                let unit_tests = with_features(&["test", "--workspace", "--lib", "--bins"]);
                self.tests("unit tests", &unit_tests, None, &[])
            }
        }
    }

    fn cargo(&mut self, name: &str, arguments: &[&str]) -> Result<()> {
        let mut cargo = self.workspace.cargo(arguments.iter().copied());
        let repeat = format!("cargo {}", arguments.join(" "));
        self.step(name, &repeat, |_| command::show(&mut cargo))
    }

    fn tests(
        &mut self,
        name: &str,
        arguments: &[&str],
        equipment: Option<Equipment<'_>>,
        variables: &[(&str, &Path)],
    ) -> Result<()> {
        let mut cargo = self.workspace.cargo(arguments.iter().copied());
        threads::lend(&mut cargo);
        cargo.envs(variables.iter().copied());
        let mut repeat = format!("cargo {}", arguments.join(" "));
        if let Some(Equipment { server, programs }) = equipment {
            programs.lend(&mut cargo);
            cargo.env(TEST_DATABASE_URL, &server.url);
            let programs = programs.as_words();
            repeat = format!("{programs}{TEST_DATABASE_URL}={} {repeat}", server.url);
        }
        self.step(name, &repeat, |totals| {
            command::show_and_read(&mut cargo, |line| totals.read(line))
        })
    }

    fn step(
        &mut self,
        name: &str,
        repeat: &str,
        work: impl FnOnce(&mut Totals) -> Result<()>,
    ) -> Result<()> {
        let started = Instant::now();
        let totals = &mut self.totals;
        let outcome = report::loud_step(name, || work(totals));
        self.done.push((name.to_owned(), started.elapsed()));
        outcome.map_err(|error| anyhow!("{name}: {error:#}\nrepeat it with: {repeat}"))
    }

    fn summary(&self, elapsed: Duration) {
        report::line("");
        for (name, time) in &self.done {
            report::line(&format!("  ✓ {name:<26} {:>7}", report::seconds(*time)));
        }
        report::line(&format!(
            "all {} steps passed in {}",
            self.done.len(),
            report::seconds(elapsed)
        ));
        report::line(&format!(
            "tests: {} passed, {} failed",
            self.totals.passed, self.totals.failed
        ));
    }
}

/// The requirements of tests beyond those of a build.
#[derive(Clone, Copy)]
struct Equipment<'a> {
    server: &'a TestServer,
    programs: &'a Programs,
}

/// Returns nextest if it is installed. Installing it takes longer than it saves.
fn test_runner(workspace: &Workspace) -> &'static [&'static str] {
    // nextest reports on standard error, where the totals are not read, so it is used only in a terminal.
    let has_nextest = report::is_interactive()
        && command::succeeds(&mut workspace.cargo(["nextest", "--version"]));
    if has_nextest {
        &["nextest", "run"]
    } else {
        &["test"]
    }
}

/// The PostgreSQL server of the tests.
struct TestServer {
    url: String,
    /// `None` for a server of the user.
    cluster: Option<Cluster>,
}

impl TestServer {
    fn up(workspace: &Workspace) -> Result<Self> {
        if let Some(url) = env::var(TEST_DATABASE_URL)
            .ok()
            .filter(|url| !url.is_empty())
        {
            report::line(&format!(
                "· the tests use the server that {TEST_DATABASE_URL} names"
            ));
            return Ok(Self { url, cluster: None });
        }
        let cluster = Cluster::for_tests(workspace).with_context(|| {
            format!(
                "the tests need a PostgreSQL server ({TEST_DATABASE_URL} may name an existing one)"
            )
        })?;
        cluster.up()?;
        Ok(Self {
            url: cluster.superuser_url(),
            cluster: Some(cluster),
        })
    }

    /// On a developer's machine the server keeps running, so that the next run is quick and a failed test can be
    /// repeated.
    fn down(self) -> Result<()> {
        match self.cluster {
            Some(cluster) if env::var_os("CI").is_some() => cluster.throw_away(),
            _ => Ok(()),
        }
    }
}
