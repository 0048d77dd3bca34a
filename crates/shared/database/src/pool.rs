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
use crate::{DbError, cached_sql};

/// A connection that goes back to the pool when it is dropped.
pub type PooledConnection = Object<Sessions>;

/// How to reach the database, and how long to wait for it.
#[derive(Clone)]
pub struct DatabaseConfig {
    /// `postgres://user:password@host:port/name`. A secret, which is why this has no `Debug`.
    pub url: String,
    /// Most connections at a time.
    pub max_connections: usize,
    /// Longest wait for a free connection, and for a new one to be made.
    pub acquire_timeout: Duration,
    /// Longest wait for a row lock.
    pub lock_timeout: Duration,
    /// Longest run of one statement.
    pub statement_timeout: Duration,
    /// Longest silence of a server that owes an answer, also that of a COMMIT, after which its connection is given up. More
    /// than `statement_timeout`, after which a server that is well has answered.
    pub answer_timeout: Duration,
    /// Longest silence of a server when a connection that nobody used is tested.
    pub ping_timeout: Duration,
    /// How long after its last answer a connection is used without a test.
    pub fresh: Duration,
    /// Longest pause inside a transaction, after which PostgreSQL ends the session.
    pub idle_in_transaction_timeout: Duration,
    /// Whether a pooler is in between.
    pub pooling: Pooling,
}

impl DatabaseConfig {
    /// The defaults for a server at `url`.
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

    /// The parameters of every session, and a first call to PostGIS: it costs a new backend some 50 ms, which no
    /// order should have to pay. Nothing where the session is another one's in a moment.
    fn session_setup(&self) -> String {
        if self.pooling == Pooling::Transaction {
            return String::new();
        }
        let set = |(name, value)| format!("SET {name} = '{value}'; ");
        let settings: String = self.settings().into_iter().map(set).collect();
        settings
            + "DO $$ BEGIN
                 PERFORM 'SRID=4326;POINT(0 0)'::geography <-> 'SRID=4326;POINT(1 1)'::geography;
             EXCEPTION WHEN undefined_object THEN NULL; -- not migrated yet
             END $$"
    }
}

/// The pool. Cloning it is cheap and shares it.
#[derive(Clone)]
pub struct Database {
    pool: Pool<Sessions>,
    watch: Arc<Watch>,
    waits: Arc<Durations>,
}

/// How the pool is doing.
#[derive(Clone, Copy, Debug)]
pub struct PoolStatus {
    /// Connections that exist.
    pub size: usize,
    /// Connections that nobody uses.
    pub idle: usize,
    /// Callers that wait for one.
    pub waiting: usize,
    /// Most connections that there may be.
    pub max_size: usize,
}

impl Database {
    /// A pool that makes its connections when they are first needed.
    ///
    /// Has to be called inside the tokio runtime that shall drive the connections, and which outlives all of their users.
    ///
    /// # Errors
    /// Never for a reachable or unreachable server; only for a URL or a configuration that no pool can have.
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
            // The one that was used last has its plans, and its memory is in the processor's caches; taking turns would have
            // every session warm up for every statement, and a quiet system pay for all of them.
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
        })
    }

    /// Takes a connection, waiting for one if all are in use.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] when there is none in time.
    pub async fn acquire(&self) -> Result<PooledConnection, DbError> {
        let since = Instant::now();
        let acquired = self.pool.get().await;
        self.waits.count(since.elapsed());
        acquired.map_err(|error| {
            DbFailure::NoConnection.happened();
            match error {
                PoolError::Timeout(_) => {
                    DbError::Unavailable("no free connection in time".to_owned())
                }
                PoolError::Backend(error) => DbError::Unavailable(error.to_string()),
                error => DbError::Unavailable(error.to_string()),
            }
        })
    }

    /// How long callers waited for their connections, also in vain.
    pub fn waits(&self) -> DurationCounts {
        self.waits.counts()
    }

    /// For how long the oldest statement that has no answer yet has been in progress. `None` when there is none.
    pub fn oldest_call(&self) -> Option<Duration> {
        self.watch.oldest()
    }

    /// Makes sure that the server's messages are English: deadlocks and time-outs are told apart by them.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] with what to do, when they are not; or why the server can't be asked.
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
            "its messages are not in English (lc_messages is {}): have a superuser run \
             ALTER ROLE … SET lc_messages = 'C'",
            row.lc_messages
        )))
    }

    /// How the pool is doing.
    pub fn status(&self) -> PoolStatus {
        let status = self.pool.status();
        PoolStatus {
            size: status.size,
            idle: status.available,
            waiting: status.waiting,
            max_size: status.max_size,
        }
    }

    /// Closes the pool: idle connections end now, others when they come back.
    pub fn close(&self) {
        self.pool.close();
    }
}

/// Whether messages in a locale such as `en_US.UTF-8` are in English. An empty one is that of the server's process,
/// where `initdb` found none.
fn is_english(locale: &str) -> bool {
    let language = locale.split(['_', '.']).next().unwrap_or_default();
    matches!(language, "" | "C" | "POSIX" | "en")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn english_is_told_from_other_languages() {
        for locale in ["", "C", "C.UTF-8", "POSIX", "en_US.utf8", "en_GB"] {
            assert!(is_english(locale), "{locale}");
        }
        for locale in ["de_DE.UTF-8", "fr", "enm"] {
            assert!(!is_english(locale), "{locale}");
        }
    }
}
