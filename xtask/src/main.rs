//! Development tasks, run as `cargo xtask <command>`.
//!
//! It prepares the requirements of this workspace's programs, then builds, starts, checks and stops them. It depends on
//! no crate of the workspace, so it builds quickly and works even if they do not compile.

mod apt;
mod bench;
mod cargo_deny;
mod checks;
mod command;
mod database;
mod db;
mod dotenv;
mod http;
mod localstripe;
mod programs;
mod report;
mod sdk;
mod signals;
mod start;
mod statements;
mod sys_init;
mod tidy;
mod upgrade;
mod workspace;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Development tasks of oms.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Prepare everything: database, migrations, seed data, .env. Can be repeated.
    SysInit,
    /// Start the payment sandbox and the API, after sys-init if that is needed.
    Start {
        /// Also start the example storefront of the TypeScript client. Needs npm.
        #[arg(long)]
        storefront: bool,
    },
    /// Run all checks, on a fresh machine too.
    #[command(args_conflicts_with_subcommands = true)]
    Test {
        /// Only the checks that need no database: format, rules, lints, unit tests.
        #[arg(long)]
        quick: bool,
        /// Only a smoke test of the Stripe adapter against localstripe, which is fetched from PyPI (needs Python 3).
        #[arg(long, conflicts_with = "quick")]
        localstripe: bool,
        /// Only the tests that place orders through a PgBouncer in transaction mode: the program of this path.
        #[arg(long, value_name = "PATH", conflicts_with_all = ["quick", "localstripe"])]
        pgbouncer: Option<PathBuf>,
        #[command(subcommand)]
        only: Option<TestOnly>,
        /// Only a smoke test of the running program on a database of yours: tenants of its own are added to it.
        #[arg(long, value_name = "URL", conflicts_with_all = ["quick", "localstripe", "pgbouncer"])]
        database: Option<String>,
        /// The same on a database of Citus, whose tables are distributed first. The URL is that of the coordinator.
        #[arg(long, value_name = "URL", conflicts_with_all = ["quick", "localstripe", "pgbouncer", "database"])]
        citus: Option<String>,
    },
    /// Benchmark the release programs against their own database: rates, latencies, cost of an order. --help lists the
    /// options.
    #[command(disable_help_flag = true)]
    Bench {
        /// Arguments for oms-bench.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Start, stop, migrate, reset or open the development database.
    Db {
        #[command(subcommand)]
        action: db::Action,
    },
    /// Compare the dependencies with the RustSec database of security advisories. Needs the network.
    Advisories {
        /// Use the copy of the database in `~/.cargo/advisory-dbs`.
        #[arg(long)]
        offline: bool,
    },
    /// Check the rules between and inside crates that cargo-deny can't check.
    Tidy {
        /// First write the table of edges, xtask/edges.toml, into deny.toml and ARCHITECTURE.md.
        #[arg(long)]
        write: bool,
        /// Print the crates and the rooms of orders/service, or of the given folder, with the arrows between them.
        #[arg(long, value_name = "FOLDER", num_args = 0..=1, default_missing_value = "", conflicts_with = "write")]
        picture: Option<String>,
    },
    /// Check the rules for statements once more, on what the last `cargo xtask test` has run.
    Statements,
    /// Write what is generated from the code: the pages of docs/reference, and bins/oms-api/openapi.json.
    Docs,
}

/// Tests that run separately.
#[derive(Subcommand)]
enum TestOnly {
    /// Replace the version of an older commit by this one, and bring it back, while orders are placed.
    Upgrade {
        /// The older commit.
        #[arg(long, value_name = "REVISION", default_value = "HEAD^")]
        from: String,
        /// How many orders exist before, in a database that the older version would have: some minutes for a million.
        #[arg(long, value_name = "NUMBER", default_value_t = 0)]
        orders: u32,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = workspace::Workspace::find().and_then(|workspace| match arguments.task {
        Task::SysInit => sys_init::run(&workspace),
        Task::Start { storefront } => start::run(&workspace, storefront),
        Task::Test {
            only: Some(TestOnly::Upgrade { from, orders }),
            ..
        } => checks::run(&workspace, checks::Extent::Upgrade { from, orders }),
        Task::Test {
            pgbouncer: Some(program),
            ..
        } => checks::run(&workspace, checks::Extent::Pgbouncer { program }),
        Task::Test {
            quick,
            localstripe,
            database,
            citus,
            ..
        } => {
            let extent = checks::Extent::from_flags(quick, localstripe, citus.or(database));
            checks::run(&workspace, extent)
        }
        Task::Bench { arguments } => bench::run(&workspace, &arguments),
        Task::Db { action } => db::run(&workspace, action),
        Task::Advisories { offline } => {
            let network = match offline {
                true => cargo_deny::Network::Unused,
                false => cargo_deny::Network::Used,
            };
            cargo_deny::check_advisories(&workspace, network)
        }
        Task::Tidy {
            picture: Some(folder),
            ..
        } => tidy::show_picture(
            &workspace,
            Some(folder.as_str()).filter(|it| !it.is_empty()),
        ),
        Task::Tidy { write: true, .. } => tidy::write(&workspace),
        Task::Tidy { .. } => tidy::run(&workspace),
        Task::Statements => checks::check_statements(&workspace),
        Task::Docs => checks::write_docs(&workspace),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::problem(&error);
            ExitCode::FAILURE
        }
    }
}
