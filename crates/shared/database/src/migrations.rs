//! The migrations of the workspace, embedded in the program.

use std::collections::BTreeSet;
use std::time::Duration;

use diesel::QueryableByName;
use diesel::migration::{Migration, MigrationSource, MigrationVersion};
use diesel::pg::Pg;
use diesel::sql_types::{Bool, Text};
use diesel_async::{AsyncMigrationHarness, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};

use crate::connect;
use crate::{DbError, LockPatience};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../../migrations");

/// The lock timeout of migrations that don't set their own.
const LOCK_TIMEOUT: &str = "SET lock_timeout = '60s'";

/// This advisory lock ("oms" in ASCII) serialises programs that migrate concurrently. Programs poll for it, because a
/// waiting statement would hold a snapshot, and `CREATE INDEX CONCURRENTLY` in the other program waits for all
/// snapshots.
const TRY_LOCK: &str = "SELECT pg_try_advisory_lock(7302515) AS is_ours";

/// The interval between attempts to take the lock.
const POLL: Duration = Duration::from_millis(200);

/// Maximum time to connect.
const CONNECTING: Duration = Duration::from_secs(10);

/// Maximum time to wait for the lock.
const OUR_TURN: Duration = Duration::from_secs(70);

/// A failed migration.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The database could not be reached, or refused the connection.
    #[error("can't connect to the database: {0}")]
    Connection(#[from] diesel::ConnectionError),
    /// The server did not answer in time.
    #[error("the database did not answer within {} s while {task}", limit.as_secs())]
    Silent {
        /// The time limit.
        limit: Duration,
        /// The task that was not done in time.
        task: &'static str,
    },
    /// Another program is migrating the database.
    #[error("another program has been migrating this database for {} s", limit.as_secs())]
    Busy {
        /// The time limit.
        limit: Duration,
    },
    /// A statement failed.
    #[error(transparent)]
    Database(#[from] DbError),
    /// A migration failed and was rolled back. Earlier migrations stay applied.
    #[error("{0}")]
    Migration(String),
}

/// Applies the pending migrations and returns their names, oldest first.
///
/// Requires a multi-threaded tokio runtime.
///
/// # Errors
/// When the database can't be reached, or a migration fails and is rolled back.
pub async fn migrate(url: &str) -> Result<Vec<String>, MigrationError> {
    migrate_within(url, Duration::from_secs(86_400), LockPatience::none()).await
}

/// Like [`migrate`], with a time limit. When it expires, the connection is closed, and the server rolls back the
/// migration in progress. A migration that could not lock its tables in time is retried.
///
/// # Errors
/// Those of [`migrate`], and when the limit expires. The runtime must then be shut down without waiting for its
/// threads.
pub async fn migrate_within(
    url: &str,
    limit: Duration,
    patience: LockPatience,
) -> Result<Vec<String>, MigrationError> {
    run(url, limit, move |harness| {
        let pending = harness.pending_migrations(MIGRATIONS)?;
        let applied = pending
            .iter()
            .map(|migration| apply(harness, migration, &patience));
        applied.collect()
    })
    .await
}

/// Applies one migration. Only migrations that run in a transaction are retried: others may have left an invalid index
/// behind, on which a second try would fail.
fn apply(
    harness: &mut Harness,
    migration: &dyn Migration<Pg>,
    patience: &LockPatience,
) -> diesel::migration::Result<String> {
    let name = migration.name().to_string();
    let is_whole = migration.metadata().run_in_transaction();
    patience
        .run(
            &format!("migration {name}"),
            || harness.run_migration(migration),
            |error| {
                let cause = error.to_string();
                let is_lock =
                    cause.contains("due to lock timeout") || cause.contains("deadlock detected");
                is_whole && is_lock
            },
            |pause| Handle::current().block_on(sleep(pause)),
        )
        .map_err(|error| format!("{name}: {error}"))?;
    Ok(migration.name().version().to_string())
}

/// Reverts all migrations and returns their names, newest first. **All data is lost.**
///
/// # Errors
/// Those of [`migrate`].
pub async fn revert_all(url: &str) -> Result<Vec<String>, MigrationError> {
    run(url, Duration::from_secs(86_400), |harness| {
        Ok(names(&harness.revert_all_migrations(MIGRATIONS)?))
    })
    .await
}

/// Opens a connection outside of any pool. One statement may take up to `limit`.
///
/// # Errors
/// When the database can't be reached.
pub async fn connect(url: &str, limit: Duration) -> Result<AsyncPgConnection, MigrationError> {
    let connecting = timeout(CONNECTING, connect::connect(url, limit));
    let connected = connecting.await;
    Ok(connected.map_err(|_| silent(CONNECTING, "connecting"))??)
}

type Harness = AsyncMigrationHarness<AsyncPgConnection>;

async fn run(
    url: &str,
    limit: Duration,
    work: impl FnOnce(&mut Harness) -> diesel::migration::Result<Vec<String>> + Send + 'static,
) -> Result<Vec<String>, MigrationError> {
    // A single statement may use the whole time limit.
    let mut connection = connect(url, limit + OUR_TURN).await?;
    take_turn(&mut connection).await?;
    // The harness blocks its thread, so it runs in a blocking task.
    let migrating = tokio::task::spawn_blocking(move || {
        let mut harness = AsyncMigrationHarness::new(connection);
        work(&mut harness).map_err(|error| MigrationError::Migration(error.to_string()))
    });
    let migrated = timeout(limit, migrating).await;
    let migrated = migrated.map_err(|_| silent(limit, "migrating"))?;
    migrated.unwrap_or_else(|error| Err(MigrationError::Migration(error.to_string())))
}

#[derive(QueryableByName)]
struct Turn {
    #[diesel(sql_type = Bool)]
    is_ours: bool,
}

/// Waits until no other program is migrating the database.
async fn take_turn(connection: &mut AsyncPgConnection) -> Result<(), MigrationError> {
    let mut is_answering = false;
    let turn = timeout(OUR_TURN, async {
        connection.batch_execute(LOCK_TIMEOUT).await?;
        while !try_lock(connection).await? {
            is_answering = true;
            sleep(POLL).await;
        }
        Ok::<(), DbError>(())
    })
    .await;
    match turn {
        Ok(taken) => Ok(taken?),
        Err(_) if is_answering => Err(MigrationError::Busy { limit: OUR_TURN }),
        Err(_) => Err(silent(OUR_TURN, "taking the migration lock")),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this connection runs too few statements for a cache to help"
)]
async fn try_lock(connection: &mut AsyncPgConnection) -> Result<bool, DbError> {
    let turn: Turn = diesel::sql_query(TRY_LOCK).get_result(connection).await?;
    Ok(turn.is_ours)
}

fn silent(limit: Duration, task: &'static str) -> MigrationError {
    MigrationError::Silent { limit, task }
}

fn names(versions: &[MigrationVersion<'_>]) -> Vec<String> {
    versions.iter().map(ToString::to_string).collect()
}

#[derive(QueryableByName)]
struct Applied {
    #[diesel(sql_type = Text)]
    version: String,
}

/// Returns the versions that this program has and the database lacks, oldest first.
///
/// # Errors
/// When the database fails.
#[expect(
    clippy::disallowed_methods,
    reason = "a statement that failed to prepare because the table is missing must not stay cached"
)]
pub async fn pending(connection: &mut AsyncPgConnection) -> Result<Vec<String>, DbError> {
    let sql = "SELECT version::text AS version FROM __diesel_schema_migrations";
    let applied: Vec<Applied> = match diesel::sql_query(sql)
        .load(connection)
        .await
        .map_err(DbError::from)
    {
        Ok(applied) => applied,
        // An empty database doesn't have the table yet.
        Err(DbError::Other(error)) if error.to_string().contains("does not exist") => Vec::new(),
        Err(error) => return Err(error),
    };
    let applied: BTreeSet<String> = applied.into_iter().map(|row| row.version).collect();
    let mut pending = known();
    pending.retain(|version| !applied.contains(version));
    Ok(pending)
}

fn known() -> Vec<String> {
    let migrations: Vec<Box<dyn Migration<Pg>>> = MIGRATIONS
        .migrations()
        .expect("embedded migrations can always be listed");
    let mut versions: Vec<String> = migrations
        .iter()
        .map(|migration| migration.name().version().to_string())
        .collect();
    versions.sort();
    versions
}
