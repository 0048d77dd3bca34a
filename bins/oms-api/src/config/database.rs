//! The settings of the database, and the rules between them.

use std::time::Duration;

use oms_database::DatabaseConfig;
use secrecy::{ExposeSecret, SecretString};

use super::reader::Reader;

const URL: &str = "DATABASE_URL";
const LOCK_TIMEOUT: &str = "OMS_DATABASE_LOCK_TIMEOUT_MS";
const ANSWER_TIMEOUT: &str = "OMS_DATABASE_ANSWER_TIMEOUT_MS";

/// The address of the database, and how long to wait for it.
#[derive(Debug)]
pub(crate) struct DatabaseSettings {
    url: SecretString,
    pub(crate) max_connections: usize,
    acquire_timeout: Duration,
    lock_timeout: Duration,
    statement_timeout: Duration,
    /// Maximum time for which a database may be silent while an answer is due.
    answer_timeout: Duration,
    /// Maximum wait for an answer when an idle connection is tested.
    ping_timeout: Duration,
    idle_in_transaction_timeout: Duration,
    /// How long the server waits at start for a database that is not reachable yet.
    pub(crate) wait: Duration,
    /// Maximum run time of `oms-api migrate`.
    pub(crate) migrate_timeout: Duration,
}

impl DatabaseSettings {
    /// Reads the settings.
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let ms = 100..=3_600_000;
        let mut wait = |name, default| reader.milliseconds(name, default, ms.clone());
        let [acquire, lock, statement, idle] = [
            wait("OMS_DATABASE_ACQUIRE_TIMEOUT_MS", 5000),
            wait(LOCK_TIMEOUT, 5000),
            wait("OMS_DATABASE_STATEMENT_TIMEOUT_MS", 10_000),
            wait("OMS_DATABASE_IDLE_IN_TRANSACTION_TIMEOUT_MS", 15_000),
        ];
        Self {
            url: reader.text(URL, None).into(),
            max_connections: reader.number("OMS_DATABASE_MAX_CONNECTIONS", 20, 1..=1000),
            acquire_timeout: acquire,
            lock_timeout: lock,
            statement_timeout: statement,
            answer_timeout: reader.milliseconds(
                ANSWER_TIMEOUT,
                default_answer_timeout_ms(statement),
                100..=7_200_000,
            ),
            ping_timeout: reader.milliseconds("OMS_DATABASE_PING_TIMEOUT_MS", 2000, 50..=3_600_000),
            idle_in_transaction_timeout: idle,
            wait: reader.milliseconds("OMS_DATABASE_WAIT_MS", 60_000, 0..=3_600_000),
            migrate_timeout: reader.milliseconds(
                "OMS_MIGRATE_TIMEOUT_MS",
                1_800_000,
                1000..=86_400_000,
            ),
        }
    }

    /// Checks the rules between settings.
    pub(super) fn check(&self, reader: &mut Reader<'_>) {
        let url = self.url();
        if !url.is_empty() && !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            reader.problem(URL, "must start with postgres:// or postgresql://");
        }
        if self.answer_timeout <= self.statement_timeout {
            reader.problem(
                ANSWER_TIMEOUT,
                "must be more than OMS_DATABASE_STATEMENT_TIMEOUT_MS, within which a healthy database answers",
            );
        }
        if self.lock_timeout >= self.statement_timeout {
            reader.problem(
                LOCK_TIMEOUT,
                "must be less than OMS_DATABASE_STATEMENT_TIMEOUT_MS, which includes it",
            );
        }
    }

    /// The URL, including the password.
    pub(crate) fn url(&self) -> &str {
        self.url.expose_secret()
    }

    /// The configuration of a pool.
    pub(crate) fn pool(&self) -> DatabaseConfig {
        DatabaseConfig {
            max_connections: self.max_connections,
            acquire_timeout: self.acquire_timeout,
            lock_timeout: self.lock_timeout,
            statement_timeout: self.statement_timeout,
            idle_in_transaction_timeout: self.idle_in_transaction_timeout,
            answer_timeout: self.answer_timeout,
            ping_timeout: self.ping_timeout,
            ..DatabaseConfig::new(self.url())
        }
    }
}

/// 20 % more than the statement time-out.
fn default_answer_timeout_ms(statement_timeout: Duration) -> u64 {
    let most = statement_timeout + statement_timeout / 5;
    u64::try_from(most.as_millis()).unwrap_or(u64::MAX)
}
