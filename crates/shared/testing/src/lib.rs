#![doc = include_str!("../README.md")]

pub mod certificates;
pub mod clock;
pub mod eventually;
mod fake_citus;
pub mod gateway;
pub mod generated;
pub mod invariants;
pub mod issuer;
#[cfg(feature = "kafka")]
mod kafka_broker;
mod nats_server;
mod private_server;
pub mod process;
mod proxy;
mod template;
pub mod world;

#[cfg(feature = "kafka")]
pub use kafka_broker::KafkaBroker;
pub use nats_server::NatsServer;
pub use private_server::{PrivateServer, Setup};
pub use proxy::SilentProxy;

use std::thread;
use std::time::Duration;

use anyhow::Context;
use diesel_async::{AsyncConnection, SimpleAsyncConnection};
use oms_database::{Connection, Database, DatabaseConfig};
use uuid::Uuid;

/// How long a test waits for something that is immediate on an idle machine. No test waits until it expires, so neither
/// the speed of the machine nor its load affects results.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// The database of a test, dropped at the end of the test.
#[derive(Debug)]
pub struct TestDatabase {
    server_url: String,
    name: String,
}

impl TestDatabase {
    /// Creates a database without rows, with all migrations applied.
    ///
    /// # Panics
    /// If there is no server. The message says what to do.
    pub fn create() -> Self {
        Self::cloned_from(template::server_url(), template::ensure)
    }

    /// Like [`TestDatabase::create`], on a private server.
    ///
    /// # Panics
    /// Like [`TestDatabase::create`].
    pub fn create_on(server: &PrivateServer) -> Self {
        Self::cloned_from(server.url().to_owned(), template::ensure)
    }

    /// Creates a database without migrations.
    ///
    /// # Panics
    /// Like [`TestDatabase::create`].
    pub fn create_empty() -> Self {
        let server_url = template::server_url();
        Self::cloned_from(server_url, async |_: &str| Ok("template0".to_owned()))
    }

    /// Copies this database, like `createdb --template`. It must have no connections.
    ///
    /// # Panics
    /// If it has connections, or like [`TestDatabase::create`].
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
        created.unwrap_or_else(|error| panic!("can't create a test database: {error:#}"));
        Self { server_url, name }
    }

    /// Returns the URL of the database.
    pub fn url(&self) -> String {
        template::url_of(&self.server_url, &self.name)
    }

    /// Starts a proxy in front of the server, and returns the database's URL through it.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn behind_proxy(&self) -> (SilentProxy, String) {
        let url = self.url();
        let server = template::address_of(&url);
        let proxy = SilentProxy::before(server.clone()).await;
        let through = format!("127.0.0.1:{}", proxy.port());
        (proxy, url.replacen(&server, &through, 1))
    }

    /// Opens a connection outside any pool, without time-outs.
    ///
    /// # Panics
    /// If the server does not answer.
    pub async fn connect(&self) -> Connection {
        Connection::establish(&self.url())
            .await
            .expect("the test database accepts connections")
    }

    /// Creates a pool of up to `max_connections` connections with the production settings and the tests' time-outs.
    ///
    /// # Panics
    /// Never, because the configuration is valid.
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
        // If the server is gone, so is the database.
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

/// Runs `work` to completion on a thread with its own runtime, which works both inside and outside a runtime.
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
