//! The connection pool.

use std::sync::Arc;
use std::time::{Duration, Instant};

use deadpool::managed::{Object, Pool, PoolError};
use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;

use crate::connect::Server;
use crate::durations::{DurationCounts, Durations};
use crate::failures::DbFailure;
use crate::sessions::{Bounds, Sessions, Watch};
use crate::transaction_pooler::Pooling;
use crate::{DbError, Tenants, cached_sql};

/// A connection that returns to the pool on drop.
pub type PooledConnection = Object<Sessions>;

/// The address of the database and its time limits.
#[derive(Clone)]
pub struct DatabaseConfig {
    /// `postgres://user:password@host:port/name`. It is a secret, so this type doesn't implement `Debug`.
    pub url: String,
    /// Maximum number of connections.
    pub max_connections: usize,
    /// Maximum wait for a free connection, and for opening a new one.
    pub acquire_timeout: Duration,
    /// Maximum wait for a lock.
    pub lock_timeout: Duration,
    /// Maximum duration of one statement.
    pub statement_timeout: Duration,
    /// Maximum silence of a server that owes an answer, including the one to a COMMIT. The connection is then closed.
    /// Must exceed `statement_timeout`, within which a healthy server answers.
    pub answer_timeout: Duration,
    /// Maximum silence of a server while an idle connection is tested.
    pub ping_timeout: Duration,
    /// Time after its last answer during which a connection is used without a test.
    pub fresh: Duration,
    /// Maximum pause inside a transaction, after which PostgreSQL ends the session.
    pub idle_in_transaction_timeout: Duration,
    /// How a pooler between this process and the server, if any, assigns sessions.
    pub pooling: Pooling,
}

impl DatabaseConfig {
    /// Returns the defaults for a server at `url`.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            max_connections: 20,
            acquire_timeout: Duration::from_secs(5),
            lock_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(10),
            answer_timeout: Duration::from_secs(12),
            ping_timeout: Duration::from_secs(2),
            fresh: Duration::from_secs(1),
            idle_in_transaction_timeout: Duration::from_secs(15),
            pooling: Pooling::Session,
        }
    }

    /// Returns the statements that set up a new session. Empty if a pooler assigns sessions by transaction, because the
    /// next transaction may use another session.
    ///
    /// Citus finds the node of a statement by its parameters, which a generic plan doesn't contain, so
    /// `plan_cache_mode` is `auto` there.
    fn session_setup(&self) -> String {
        if self.pooling == Pooling::Transaction {
            return String::new();
        }
        let set = |(name, value)| format!("SET {name} = '{value}'; ");
        let settings: String = self.settings().into_iter().map(set).collect();
        settings
            + "SELECT set_config('plan_cache_mode', 'auto', false) FROM pg_extension WHERE extname = 'citus'"
    }
}

/// The connection pool. Clones are cheap and share it.
#[derive(Clone)]
pub struct Database {
    pool: Pool<Sessions>,
    watch: Arc<Watch>,
    waits: Arc<Durations>,
    tenants: Arc<Tenants>,
}

/// The state of the pool.
#[derive(Clone, Copy, Debug)]
pub struct PoolStatus {
    /// Open connections.
    pub size: usize,
    /// Idle connections.
    pub idle: usize,
    /// Callers waiting for a connection.
    pub waiting: usize,
    /// Maximum number of connections.
    pub max_size: usize,
}

impl Database {
    /// Creates a pool that opens connections on demand.
    ///
    /// Must be called inside the tokio runtime that will drive the connections. The runtime must outlive all their
    /// users.
    ///
    /// # Errors
    /// Only for an invalid URL or configuration, not for an unreachable server.
    pub fn new(config: &DatabaseConfig) -> Result<Self, DbError> {
        let unusable = |error: &dyn std::error::Error| DbError::Unavailable(error.to_string());
        let server = Server::parse(&config.url).map_err(|error| unusable(&error))?;
        let bounds = Bounds {
            answer: config.answer_timeout,
            ping: config.ping_timeout,
            fresh: config.fresh,
        };
        let watch = Arc::new(Watch::default());
        let sessions = Sessions::new(server, config.session_setup(), bounds, watch.clone());
        let pool = Pool::builder(sessions)
            .max_size(config.max_connections)
            // The session used last has its plans and warm processor caches. Round robin would make every session plan
            // every statement, and keep all of them in use even under little load.
            .queue_mode(deadpool::managed::QueueMode::Lifo)
            .wait_timeout(Some(config.acquire_timeout))
            .create_timeout(Some(config.acquire_timeout))
            .recycle_timeout(Some(config.acquire_timeout))
            .runtime(deadpool::Runtime::Tokio1)
            .build()
            .map_err(|error| unusable(&error))?;
        Ok(Self {
            pool,
            watch,
            waits: Arc::default(),
            tenants: Arc::default(),
        })
    }

    /// Returns a connection, and waits for one if all are in use.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] if none is free in time.
    pub async fn acquire(&self) -> Result<PooledConnection, DbError> {
        let since = Instant::now();
        let acquired = self.pool.get().await;
        self.waits.count(since.elapsed());
        acquired.map_err(|error| {
            DbFailure::NoConnection.happened();
            match error {
                PoolError::Timeout(_) => {
                    DbError::Unavailable("no connection was free in time".to_owned())
                }
                PoolError::Backend(error) => DbError::Unavailable(error.to_string()),
                error => DbError::Unavailable(error.to_string()),
            }
        })
    }

    /// Returns how long callers waited for connections, including failed attempts.
    pub fn waits(&self) -> DurationCounts {
        self.waits.counts()
    }

    /// Returns the age of the oldest unanswered statement. `None` if there is none.
    pub fn oldest_call(&self) -> Option<Duration> {
        self.watch.oldest()
    }

    /// Checks that the server's messages are in English, because deadlocks and time-outs are recognised by their text.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] with instructions if they are not, or the database's error.
    pub async fn check_messages(&self) -> Result<(), DbError> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Text)]
            lc_messages: String,
        }

        let mut connection = self.acquire().await?;
        let statement = cached_sql("SELECT current_setting('lc_messages') AS lc_messages");
        let row: Row = statement.get_result(&mut connection).await?;
        if is_english(&row.lc_messages) {
            return Ok(());
        }
        Err(DbError::Unavailable(format!(
            "its messages are not in English (lc_messages is {}): run ALTER ROLE … SET lc_messages = 'C' \
            as a superuser",
            row.lc_messages
        )))
    }

    /// Returns the tenants that are known to be registered.
    pub fn tenants(&self) -> &Tenants {
        &self.tenants
    }

    /// The state of the pool.
    pub fn status(&self) -> PoolStatus {
        let status = self.pool.status();
        PoolStatus {
            size: status.size,
            idle: status.available,
            waiting: status.waiting,
            max_size: status.max_size,
        }
    }

    /// Closes the pool. Idle connections close now, others when they are returned.
    pub fn close(&self) {
        self.pool.close();
    }
}

/// Whether messages in a locale such as `en_US.UTF-8` are in English. An empty locale is that of the server's process,
/// which occurs if `initdb` found none.
fn is_english(locale: &str) -> bool {
    let language = locale.split(['_', '.']).next().unwrap_or_default();
    matches!(language, "" | "C" | "POSIX" | "en")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn english_locales_are_recognised() {
        for locale in ["", "C", "C.UTF-8", "POSIX", "en_US.utf8", "en_GB"] {
            assert!(is_english(locale), "{locale}");
        }
        for locale in ["de_DE.UTF-8", "fr", "enm"] {
            assert!(!is_english(locale), "{locale}");
        }
    }
}
