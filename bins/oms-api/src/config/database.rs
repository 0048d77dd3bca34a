//! The settings of the database, and the rules between them.

use std::time::Duration;

use oms_database::{DatabaseConfig, Pooling, Server, TlsMode, with_mode};
use secrecy::{ExposeSecret, SecretString};

use super::Environment;
use super::reader::Reader;

const URL: &str = "DATABASE_URL";
const MIGRATION_URL: &str = "OMS_MIGRATION_DATABASE_URL";
const TLS: &str = "OMS_DATABASE_TLS";
const LOCK_TIMEOUT: &str = "OMS_DATABASE_LOCK_TIMEOUT_MS";
const ANSWER_TIMEOUT: &str = "OMS_DATABASE_ANSWER_TIMEOUT_MS";

/// The address of the database, and how long to wait for it.
#[derive(Clone, Debug)]
pub(crate) struct DatabaseSettings {
    url: SecretString,
    /// The URL for migrations, which bypasses a pooler and logs in as the owner of the tables.
    migration_url: Option<SecretString>,
    pub(crate) pooling: Pooling,
    tls: TlsPolicy,
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
    /// Maximum number of tries of a migration whose tables are locked.
    pub(crate) migrate_lock_tries: u32,
    /// Pause between two tries.
    pub(crate) migrate_lock_pause: Duration,
}

/// The required protection of a connection to another machine in production.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TlsPolicy {
    /// The server's certificate and name are verified: `sslmode=verify-full`, which is also the default.
    Verified,
    /// The protection that the URL requests.
    Insecure,
}

impl DatabaseSettings {
    /// Reads the settings.
    pub(super) fn read(reader: &mut Reader<'_>, environment: Environment) -> Self {
        let ms = 100..=3_600_000;
        let mut wait = |name, default| reader.milliseconds(name, default, ms.clone());
        let [acquire, lock, statement, idle] = [
            wait("OMS_DATABASE_ACQUIRE_TIMEOUT_MS", 5000),
            wait(LOCK_TIMEOUT, 5000),
            wait("OMS_DATABASE_STATEMENT_TIMEOUT_MS", 10_000),
            wait("OMS_DATABASE_IDLE_IN_TRANSACTION_TIMEOUT_MS", 15_000),
        ];
        Self {
            url: verified(reader.text(URL, None), environment).into(),
            migration_url: reader
                .optional(MIGRATION_URL)
                .map(|url| verified(url, environment).into()),
            pooling: pooling(reader),
            tls: tls_policy(reader),
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
            migrate_lock_tries: reader.number("OMS_MIGRATE_LOCK_TRIES", 10, 1..=1000),
            migrate_lock_pause: reader.milliseconds(
                "OMS_MIGRATE_LOCK_PAUSE_MS",
                2000,
                10..=600_000,
            ),
        }
    }

    /// Checks the rules between settings.
    pub(super) fn check(&self, reader: &mut Reader<'_>, environment: Environment) {
        self.check_url(reader, environment, URL, self.url());
        if let Some(url) = &self.migration_url {
            self.check_url(reader, environment, MIGRATION_URL, url.expose_secret());
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

    fn check_url(&self, reader: &mut Reader<'_>, environment: Environment, name: &str, url: &str) {
        if url.is_empty() {
            return;
        }
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            reader.problem(name, "must start with postgres:// or postgresql://");
            return;
        }
        let server = match Server::parse(url) {
            Ok(server) => server,
            Err(error) => return reader.problem(name, &format!("can't be used: {error}")),
        };
        let must_be_verified =
            environment == Environment::Production && self.tls == TlsPolicy::Verified;
        if must_be_verified && server.is_remote() && server.mode() != Some(TlsMode::VerifyFull) {
            reader.problem(
                name,
                "must have sslmode=verify-full in production, where it names another machine; OMS_DATABASE_TLS=insecure allows \
                 less",
            );
        }
    }

    /// Returns a warning if an attacker in the network could read the connection or impersonate the server.
    pub(crate) fn exposure(&self) -> Option<&'static str> {
        let server = Server::parse(self.url()).ok()?;
        if !server.is_remote() {
            return None;
        }
        match server.mode() {
            None | Some(TlsMode::Disable) => Some(
                "the connection to the database is not encrypted, and DATABASE_URL names another host: keep it inside a private network",
            ),
            Some(TlsMode::Require) => Some(
                "the connection to the database is encrypted, but its server is not verified: use sslmode=verify-full",
            ),
            Some(TlsMode::VerifyCa) => Some(
                "the name of the database server is not verified, only the authority that signed its certificate: use sslmode=verify-full",
            ),
            Some(TlsMode::VerifyFull) => None,
        }
    }

    /// The URL, including the password.
    pub(crate) fn url(&self) -> &str {
        self.url.expose_secret()
    }

    /// Returns the settings for `oms-api migrate`, which can't use a transaction pooler. `None` if `DATABASE_URL` leads
    /// to one and no other URL is set.
    pub(crate) fn for_migrations(&self) -> Option<Self> {
        let url = match (&self.migration_url, self.pooling) {
            (Some(url), _) => url,
            (None, Pooling::Session) => &self.url,
            (None, Pooling::Transaction) => return None,
        };
        Some(Self {
            url: url.clone(),
            pooling: Pooling::Session,
            ..self.clone()
        })
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
            pooling: self.pooling,
            ..DatabaseConfig::new(self.url())
        }
    }
}

/// Adds `sslmode=verify-full` in production to a URL that names another machine and has no `sslmode`.
fn verified(url: String, environment: Environment) -> String {
    let is_unsaid =
        Server::parse(&url).is_ok_and(|server| server.is_remote() && server.mode().is_none());
    match environment {
        Environment::Production if is_unsaid => with_mode(&url, TlsMode::VerifyFull),
        Environment::Production | Environment::Development => url,
    }
}

fn pooling(reader: &mut Reader<'_>) -> Pooling {
    reader.parsed("OMS_DATABASE_POOLER", "session", |text| match text {
        "session" => Ok(Pooling::Session),
        "transaction" => Ok(Pooling::Transaction),
        _ => Err("must be session or transaction".to_owned()),
    })
}

fn tls_policy(reader: &mut Reader<'_>) -> TlsPolicy {
    reader.parsed(TLS, "verified", |text| match text {
        "verified" => Ok(TlsPolicy::Verified),
        "insecure" => Ok(TlsPolicy::Insecure),
        _ => Err("must be verified or insecure".to_owned()),
    })
}

/// 20 % more than the statement timeout.
fn default_answer_timeout_ms(statement_timeout: Duration) -> u64 {
    let most = statement_timeout + statement_timeout / 5;
    u64::try_from(most.as_millis()).unwrap_or(u64::MAX)
}
