#![doc = include_str!("../README.md")]

pub mod certificates;
pub mod clock;
pub mod eventually;
pub mod gateway;
pub mod generated;
pub mod invariants;
pub mod issuer;
mod private_server;
pub mod process;
mod proxy;
mod template;
pub mod world;

pub use private_server::{PrivateServer, Setup};
pub use proxy::SilentProxy;

use std::thread;
use std::time::Duration;

use anyhow::Context;
use diesel_async::{AsyncConnection, SimpleAsyncConnection};
use oms_database::{Connection, Database, DatabaseConfig};
use uuid::Uuid;

/// How long a test waits for what happens at once on an idle machine. No test waits for it to pass: how fast the machine is,
/// or what runs beside the tests, decides nothing.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A database of one test's own, dropped at its end.
#[derive(Debug)]
pub struct TestDatabase {
    server_url: String,
    name: String,
}

impl TestDatabase {
    /// Makes one: empty of rows, all migrations applied.
    ///
    /// # Panics
    /// When there is no server to make it on; the message says what to do.
    pub fn create() -> Self {
        Self::cloned_from(template::server_url(), template::ensure)
    }

    /// The same, on a server of the test's own.
    ///
    /// # Panics
    /// As [`TestDatabase::create`].
    pub fn create_on(server: &PrivateServer) -> Self {
        Self::cloned_from(server.url().to_owned(), template::ensure)
    }

    /// Makes one without any migration applied.
    ///
    /// # Panics
    /// As [`TestDatabase::create`].
    pub fn create_empty() -> Self {
        let server_url = template::server_url();
        Self::cloned_from(server_url, async |_: &str| Ok("template0".to_owned()))
    }

    /// Makes a copy of this one, as `createdb --template` does. Nobody may be connected to it.
    ///
    /// # Panics
    /// When somebody is, or as [`TestDatabase::create`].
    pub fn copy(&self) -> Self {
        let name = self.name.clone();
        Self::cloned_from(self.server_url.clone(), async move |_: &str| Ok(name))
    }

    fn cloned_from(
        server_url: String,
        template: impl AsyncFnOnce(&str) -> anyhow::Result<String> + Send,
    ) -> Self {
        let name = format!("oms_test_{}", Uuid::now_v7().simple());
        let created = on_own_runtime(async || {
            let template = template(&server_url).await?;
            let statement =
                format!("CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy");
            execute(&server_url, &statement).await
        });
        created.unwrap_or_else(|error| panic!("can't make a test database: {error:#}"));
        Self { server_url, name }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        template::url_of(&self.server_url, &self.name)
    }

    /// A proxy before its server, and where the database is through that.
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn behind_proxy(&self) -> (SilentProxy, String) {
        let url = self.url();
        let server = template::address_of(&url);
        let proxy = SilentProxy::before(server.clone()).await;
        let through = format!("127.0.0.1:{}", proxy.port());
        (proxy, url.replacen(&server, &through, 1))
    }

    /// A connection outside any pool, with no time-outs set.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn connect(&self) -> Connection {
        Connection::establish(&self.url())
            .await
            .expect("the test database takes connections")
    }

    /// A pool with the product's own settings and up to `max_connections` connections, and with the tests' own time-outs.
    ///
    /// # Panics
    /// Never for a reachable server.
    pub fn pool(&self, max_connections: usize) -> Database {
        let config = DatabaseConfig {
            max_connections,
            acquire_timeout: PATIENCE,
            lock_timeout: PATIENCE,
            statement_timeout: PATIENCE * 2,
            answer_timeout: PATIENCE * 3,
            ping_timeout: PATIENCE,
            idle_in_transaction_timeout: PATIENCE * 2,
            ..DatabaseConfig::new(self.url())
        };
        Database::new(&config).expect("the configuration is valid")
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // A server that is gone has no database left to drop.
        let _ = on_own_runtime(async || execute(&self.server_url, &statement).await);
    }
}

async fn execute(server_url: &str, statement: &str) -> anyhow::Result<()> {
    let mut connection = Connection::establish(server_url)
        .await
        .context("can't connect; run `cargo xtask test`, which starts a server for the tests")?;
    connection
        .batch_execute(statement)
        .await
        .with_context(|| statement.to_owned())
}

/// Runs `work` to its end on a thread with a runtime of its own, so that it works inside and outside of any runtime.
fn on_own_runtime<T: Send>(
    work: impl AsyncFnOnce() -> anyhow::Result<T> + Send,
) -> anyhow::Result<T> {
    thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .context("can't start a runtime")?;
            runtime.block_on(work())
        });
        worker
            .join()
            .unwrap_or_else(|_| anyhow::bail!("the worker panicked"))
    })
}
