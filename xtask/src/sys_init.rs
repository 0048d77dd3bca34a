//! `cargo xtask sys-init`: prepares everything that the programs need before they start.
//!
//! Every step first checks whether it is already done, so running it again is quick and continues an interrupted run.

use std::fs::File;
use std::process::Command;

use anyhow::{Context, Result};
use uuid::Uuid;

use crate::command;
use crate::database::{self, Database};
use crate::dotenv;
use crate::report;
use crate::start;
use crate::workspace::Workspace;

/// The products of the seed data: SKU, ID and description.
const PRODUCTS: [(&str, &str, &str); 6] = [
    (
        "WIDGET-A",
        "11111111-1111-4111-8111-111111111111",
        "$10.00, in every warehouse",
    ),
    (
        "WIDGET-B",
        "22222222-2222-4222-8222-222222222222",
        "$15.00, in every warehouse",
    ),
    (
        "GADGET-C",
        "33333333-3333-4333-8333-333333333333",
        "$20.00, in every warehouse",
    ),
    (
        "SPLIT-EAST",
        "44444444-4444-4444-8444-444444444444",
        "$25.00, Atlanta and Chicago only",
    ),
    (
        "SPLIT-WEST",
        "55555555-5555-4555-8555-555555555555",
        "$30.00, Dallas, Denver and Phoenix only",
    ),
    (
        "SCARCE",
        "66666666-6666-4666-8666-666666666666",
        "$5.00, 3 in Atlanta, 50 elsewhere",
    ),
];
const CUSTOMER: &str = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa";
const ATLANTA: &str = "191 Peachtree St NE, Atlanta, GA";

/// Prepares everything and prints requests to try.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    prepare(workspace)?;
    report::line("\nProducts of the seed data:");
    for (sku, id, remark) in PRODUCTS {
        report::line(&format!("  {sku:<10}  {id}  {remark}"));
    }
    report::line("\nNext: cargo xtask start. Then, in another terminal:");
    print_requests(start::ports(workspace)?.api);
    Ok(())
}

/// Starts the database, writes `.env`, builds the programs, and creates the tables and the seed data.
pub(crate) fn prepare(workspace: &Workspace) -> Result<Database> {
    let _lock = only_one_at_a_time(workspace)?;
    let database = database::choose(workspace)?;
    database.up()?;
    if !database.is_given() {
        database::record(workspace, &database)?;
        dotenv::write_database_url(workspace, &database.url())?;
    }
    build(workspace)?;
    migrate(workspace, &database)?;
    seed(workspace, &database)?;
    Ok(database)
}

/// One call builds both programs: two calls would compile their shared crates twice, with different features.
const BUILD: [&str; 6] = [
    "build",
    "--bins",
    "--package",
    "oms-api",
    "--package",
    "payment-sandbox",
];

/// Builds the programs that `start` runs.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    report::loud_step("programs built", || command::show(&mut workspace.cargo(BUILD)))
        .context("the workspace does not build: fix the errors that the compiler reports, then run the same command again")
}

/// Applies pending migrations.
pub(crate) fn migrate(workspace: &Workspace, database: &Database) -> Result<()> {
    report::step("migrations applied", |_| {
        command::capture(&mut api(workspace, database, "migrate")).map(drop)
    })
    .context("the migrations could not be applied")
}

/// Inserts missing seed data.
pub(crate) fn seed(workspace: &Workspace, database: &Database) -> Result<()> {
    report::step("seed data in place", |_| {
        command::capture(&mut api(workspace, database, "seed")).map(drop)
    })
    .context("the seed data could not be inserted")
}

/// The API program with a subcommand, on the chosen database.
pub(crate) fn api(workspace: &Workspace, database: &Database, subcommand: &str) -> Command {
    let mut api = Command::new(workspace.program("oms-api"));
    api.arg(subcommand)
        .env("DATABASE_URL", database.url())
        .current_dir(&workspace.root);
    api
}

/// Prints requests to paste into a terminal. The idempotency key is new each time, so that the first answer is 201.
pub(crate) fn print_requests(port: u16) {
    let (_, product, _) = PRODUCTS[0];
    let key = Uuid::new_v4();
    let order = format!(
        "curl -i http://127.0.0.1:{port}/orders -H 'content-type: application/json' -H 'x-idempotency-key: {key}' \
         -d '{{\"customerId\":\"{CUSTOMER}\",\"creditCardNumber\":\"4111111111111111\",\
         \"shippingAddress\":\"{ATLANTA}\",\"items\":[{{\"productId\":\"{product}\",\"quantity\":2}}]}}'"
    );
    report::line(
        "\n  # two of WIDGET-A to Atlanta: 201. Sent again, the same key answers 200 with cached: true",
    );
    report::line(&format!("  {order}"));
    report::line("\n  # check its health");
    report::line(&format!("  curl -i http://127.0.0.1:{port}/health"));
    report::line("\n  # read the order: replace ORDER_ID by its orderId");
    report::line(&format!(
        "  curl -i http://127.0.0.1:{port}/orders/ORDER_ID"
    ));
}

/// Two concurrent preparations would create the same things twice.
fn only_one_at_a_time(workspace: &Workspace) -> Result<File> {
    let path = workspace.made_folder()?.join("lock");
    let context = || {
        format!(
            "{} cannot be locked: check permissions and disk space",
            path.display()
        )
    };
    let file = File::create(&path).with_context(context)?;
    if file.try_lock().is_err() {
        report::line("· another cargo xtask is preparing this project: waiting for it");
        file.lock().with_context(context)?;
    }
    Ok(file)
}
