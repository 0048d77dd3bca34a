//! The readiness check of the database, over a connection outside the pool.

use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::QueryableByName;
use diesel::sql_types::Bool;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use tokio::time::timeout;

use crate::answers::Answers;
use crate::connect::Server;
use crate::pool::Database;
use crate::session::Session;
use crate::{DbError, cached_sql, migrations, retirement};

/// Maximum age of an unanswered statement of the pool. Its own time limits end it far earlier.
const STUCK: Duration = Duration::from_secs(20);

/// The state of a database that answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fitness {
    /// It is not a standby, and accepts writes.
    pub is_writable: bool,
    /// It has all migrations of this program.
    pub is_migrated: bool,
}

/// Checks the database over its own connection, so that a busy pool doesn't affect the result.
pub struct Probe {
    database: Database,
    url: String,
    deadline: Duration,
    session: Option<Made>,
}

struct Made {
    session: Session,
    at: Instant,
}

impl Probe {
    /// Creates a probe with a time limit. It connects on the first check.
    pub fn new(database: Database, url: impl Into<String>, deadline: Duration) -> Self {
        Self {
            database,
            url: url.into(),
            deadline,
            session: None,
        }
    }

    /// Checks the database. A lost connection is replaced immediately. After a failure, the next call opens a new
    /// connection.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] if there is no answer in time, or the database's error.
    pub async fn ask(&mut self) -> Result<Fitness, DbError> {
        let had_session = self.session.is_some();
        let deadline = self.deadline;
        let asked = timeout(deadline, async {
            match self.ask_once().await {
                Err(_) if had_session => self.ask_once().await,
                asked => asked,
            }
        });
        let asked = asked.await.unwrap_or_else(|_| {
            Err(DbError::Unavailable(format!(
                "it did not answer within {} ms",
                deadline.as_millis()
            )))
        });
        let asked = asked.and_then(|fitness| match self.database.oldest_call() {
            Some(age) if age > STUCK => Err(DbError::Unavailable(format!(
                "a statement of the pool has had no answer for {} s",
                age.as_secs()
            ))),
            _ => Ok(fitness),
        });
        // A session stays read-only even after its server accepts writes again.
        if !asked.as_ref().is_ok_and(|fitness| fitness.is_writable) {
            self.session = None;
        }
        asked
    }

    async fn ask_once(&mut self) -> Result<Fitness, DbError> {
        // The session is taken out, so that a cancelled check never leaves a session in the middle of an answer.
        let session = self.session.take();
        let is_current = |made: &Made| !retirement::includes(made.at);
        let mut made = match session.filter(is_current) {
            Some(made) => made,
            None => self.connect().await?,
        };
        let fitness = fitness(&mut made.session).await?;
        self.session = Some(made);
        Ok(fitness)
    }

    async fn connect(&self) -> Result<Made, DbError> {
        let at = Instant::now();
        let answers = Arc::new(Answers::new(Arc::default()));
        let opened =
            async { Session::open(&Server::parse(&self.url)?, answers, self.deadline).await };
        let session = opened.await;
        let session = session.map_err(|error| DbError::Unavailable(error.to_string()))?;
        Ok(Made { session, at })
    }
}

async fn fitness(connection: &mut AsyncPgConnection) -> Result<Fitness, DbError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Bool)]
        is_writable: bool,
    }

    let statement = cached_sql(
        "SELECT NOT pg_is_in_recovery() AND NOT current_setting('transaction_read_only')::boolean
             AS is_writable",
    );
    let row: Row = statement.get_result(connection).await?;
    let pending = migrations::pending(connection).await?;
    Ok(Fitness {
        is_writable: row.is_writable,
        is_migrated: pending.is_empty(),
    })
}
