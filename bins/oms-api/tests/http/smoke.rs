//! A smoke test of the running program on a database that the user names, mainly for Citus: about a hundred checks with
//! several tenants. Only `cargo xtask test --citus URL` and `cargo xtask test --database URL` run it.
//!
//! Every tenant is new, so the database may contain other tenants. One API and one gateway serve all of them: the
//! workers process the orders of every tenant, and query this gateway about them.

mod catalogue;
mod orders;
mod workers;

use std::env;

use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use uuid::Uuid;

use crate::answer::Answer;
use crate::api::{APPLYING, Api, Settings, command};
use crate::process::{Exit, Process};
use crate::reporting::SECRET;
use crate::request::new_key;
use crate::sandbox::Sandbox;
use crate::shop::client;

/// The variable with the URL of the database.
const URL: &str = "OMS_SMOKE_DATABASE_URL";

/// The scopes of the tenants' keys.
const SCOPES: &str = "--scope orders:read --scope orders:write --scope orders:cancel --scope orders:refund \
                      --scope inventory:read --scope inventory:write --scope settings:write --scope fulfilment:read \
                      --scope fulfilment:write --scope operations";

/// The database may be slow. The sweeper does not run.
const PLACING: Settings<'_> = &[
    ("OMS_DATABASE_STATEMENT_TIMEOUT_MS", "30000"),
    ("OMS_DATABASE_LOCK_TIMEOUT_MS", "20000"),
    APPLYING,
];

/// The sweeper runs every 200 ms, also retries orders that were just placed, even while their request continues, and
/// gives up after two tries.
const SETTLING: Settings<'_> = &[
    ("OMS_SWEEP_INTERVAL_MS", "200"),
    ("OMS_SWEEP_AFTER_MS", "0"),
    ("OMS_SWEEP_MAX_TRIES", "2"),
    ("OMS_DATABASE_STATEMENT_TIMEOUT_MS", "30000"),
    ("OMS_DATABASE_LOCK_TIMEOUT_MS", "20000"),
    APPLYING,
];

/// The number of passed checks, and the failed ones.
#[derive(Default)]
struct Checks {
    passed: usize,
    failed: Vec<String>,
}

impl Checks {
    fn that(&mut self, what: &str, is_so: bool, seen: &dyn std::fmt::Debug) {
        match is_so {
            true => self.passed += 1,
            false => {
                eprintln!("✗ {what}: {seen:?}");
                self.failed.push(what.to_owned());
            }
        }
    }

    fn status(&mut self, what: &str, answer: &Answer, status: u16) {
        let seen = (answer.status, &answer.text);
        self.that(what, answer.status == status, &seen);
    }

    fn problem(&mut self, what: &str, answer: &Answer, status: u16, code: &str) {
        let is_so = answer.status == status && answer.code() == code;
        self.that(what, is_so, &(answer.status, &answer.text));
    }
}

/// The program on the database.
struct Installation {
    url: String,
    api: Api,
    sandbox: Sandbox,
    client: Client,
}

impl Installation {
    async fn start(url: String) -> Self {
        let client = client();
        let sandbox = Sandbox::start(client.clone()).await;
        let api = Api::start(command(&url, &sandbox.url, PLACING)).await;
        sandbox.report_to(&api.url, SECRET).await;
        Self {
            url,
            api,
            sandbox,
            client,
        }
    }

    /// Kills the API, as a power cut would, and starts another one, whose sweeper runs.
    async fn restart(&mut self) {
        self.api.process.kill();
        self.api = Api::start(command(&self.url, &self.sandbox.url, SETTLING)).await;
        self.sandbox.report_to(&self.api.url, SECRET).await;
    }

    async fn run(&self, words: &str, settings: Settings<'_>) -> Exit {
        run(&self.url, words, settings).await
    }

    /// Creates a tenant with the demo catalogue and a key.
    async fn tenant(&self, checks: &mut Checks) -> Tenant {
        let id = Uuid::new_v4().to_string();
        let words = format!("keys create --tenant {id} --name smoke {SCOPES}");
        let key = self.run(&words, &[]).await;
        checks.that("a key is created", key.status.success(), &key);
        let seeded = self.run("seed", &[("OMS_TENANT_ID", &id)]).await;
        checks.that("a tenant is seeded", seeded.status.success(), &seeded);
        Tenant {
            id,
            key: key.stdout.trim().to_owned(),
            client: self.client.clone(),
        }
    }
}

/// Runs a command of the program.
async fn run(url: &str, words: &str, settings: Settings<'_>) -> Exit {
    let mut command = command(url, "http://127.0.0.1:1", settings);
    command.args(words.split_whitespace());
    Process::start(command).ended().await
}

/// A tenant and its API key.
#[derive(Clone)]
struct Tenant {
    id: String,
    key: String,
    client: Client,
}

impl Tenant {
    fn request(&self, api: &Api, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", api.url));
        request.bearer_auth(&self.key)
    }

    async fn get(&self, api: &Api, path: &str) -> Answer {
        let request = self.request(api, Method::GET, path);
        Answer::of(request.send().await.unwrap()).await
    }

    /// Sends a request with a new idempotency key.
    async fn post(&self, api: &Api, path: &str, body: &Value) -> Answer {
        self.post_once(api, path, &new_key(), body).await
    }

    async fn post_once(&self, api: &Api, path: &str, key: &str, body: &Value) -> Answer {
        let request = self.request(api, Method::POST, path);
        let request = request.header("idempotency-key", key).json(body);
        Answer::of(request.send().await.unwrap()).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_that_share_a_database_are_served() {
    let url = env::var(URL).expect("`cargo xtask test --database URL` sets it");
    let mut checks = Checks::default();
    for _ in 0..2 {
        let migrated = run(&url, "migrate", &[]).await;
        checks.that(
            "migrate succeeds, also when repeated",
            migrated.status.success(),
            &migrated,
        );
    }
    distribute(&url, &mut checks).await;
    let mut installation = Installation::start(url).await;
    let tenants = [
        installation.tenant(&mut checks).await,
        installation.tenant(&mut checks).await,
        installation.tenant(&mut checks).await,
    ];
    catalogue::check(&installation, &tenants, &mut checks).await;
    orders::check(&installation, &tenants, &mut checks).await;
    workers::check(&mut installation, &tenants, &mut checks).await;
    println!("{} checks passed", checks.passed);
    assert!(checks.failed.is_empty(), "{:#?}", checks.failed);
}

/// Distributes the tables if the database has Citus.
async fn distribute(url: &str, checks: &mut Checks) {
    let tried = run(url, "distribute --dry-run", &[]).await;
    if tried.stderr.contains("the extension `citus` is missing") {
        eprintln!("this is plain PostgreSQL: nothing to distribute");
        return;
    }
    checks.that("the statements are printed", tried.status.success(), &tried);
    let distributed = run(url, "distribute", &[]).await;
    checks.that(
        "the tables are distributed",
        distributed.status.success(),
        &distributed,
    );
    let again = run(url, "distribute", &[]).await;
    let is_so = again.stdout.contains("everything is distributed");
    checks.that("nothing is left to distribute", is_so, &again);
}
