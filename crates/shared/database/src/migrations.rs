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

use crate::connect::connect;
use crate::{DbError, LockPatience};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../../migrations");

/// A migration that sets no bound of its own waits this long for a lock on a table.
const LOCK_TIMEOUT: &str = "SET lock_timeout = '60s'";

/// Two programs that migrate at the same time take turns through this advisory lock ("oms" in ASCII). The second one polls
/// for it: a statement that waits has a snapshot, and `CREATE INDEX CONCURRENTLY` of the first one waits for all snapshots.
const TRY_LOCK: &str = "SELECT pg_try_advisory_lock(7302515) AS is_ours";

/// How often the second one tries.
const POLL: Duration = Duration::from_millis(200);

/// How long a server may take to let us in.
const CONNECTING: Duration = Duration::from_secs(10);

/// How long it may take until it is our turn.
const OUR_TURN: Duration = Duration::from_secs(70);

/// Migrating did not work.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The database could not be reached, or refused us.
    #[error("can't connect to the database: {0}")]
    Connection(#[from] diesel::ConnectionError),
    /// The server took too long over something.
    #[error("the database did not answer within {} s while {task}", limit.as_secs())]
    Silent {
        /// How long that is.
        limit: Duration,
        /// What it was asked for.
        task: &'static str,
    },
    /// Another program is migrating the database.
    #[error("another program has been migrating this database for {} s", limit.as_secs())]
    Busy {
        /// How long that is.
        limit: Duration,
    },
    /// A statement failed.
    #[error(transparent)]
    Database(#[from] DbError),
    /// A migration failed; it was rolled back, and those before it stay.
    #[error("{0}")]
    Migration(String),
}

/// Applies what is pending and returns the names of what was applied, oldest first.
///
/// Needs a multi-threaded tokio runtime.
///
/// # Errors
/// When the database can't be reached, or a migration fails; it is then rolled back.
pub async fn migrate(url: &str) -> Result<Vec<String>, MigrationError> {
    migrate_within(url, Duration::from_secs(86_400), LockPatience::none()).await
}

/// As [`migrate`], unless it takes longer: then the connection is given up, and the server rolls back what it is at. A
/// migration that could not lock its tables in time is tried again.
///
/// # Errors
/// As [`migrate`], and when it takes too long. The runtime must then be shut down without waiting for its threads.
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

/// Outside of a transaction an index may have been left behind, so that a second try would find it.
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
            |error| is_whole && error.to_string().contains("due to lock timeout"),
            |pause| Handle::current().block_on(sleep(pause)),
        )
        .map_err(|error| format!("{name}: {error}"))?;
    Ok(migration.name().version().to_string())
}

/// Takes back every migration and returns their names, newest first. **All data is lost.**
///
/// # Errors
/// As [`migrate`].
pub async fn revert_all(url: &str) -> Result<Vec<String>, MigrationError> {
    run(url, Duration::from_secs(86_400), |harness| {
        Ok(names(&harness.revert_all_migrations(MIGRATIONS)?))
    })
    .await
}

type Harness = AsyncMigrationHarness<AsyncPgConnection>;

async fn run(
    url: &str,
    limit: Duration,
    work: impl FnOnce(&mut Harness) -> diesel::migration::Result<Vec<String>> + Send + 'static,
) -> Result<Vec<String>, MigrationError> {
    // A statement of a migration may take all of its time.
    let connecting = timeout(CONNECTING, connect(url, limit + OUR_TURN));
    let connected = connecting.await;
    let mut connection = connected.map_err(|_| silent(CONNECTING, "connecting"))??;
    take_turn(&mut connection).await?;
    // It blocks its thread.
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

/// Waits until no other program migrates the database.
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
        Err(_) => Err(silent(OUR_TURN, "taking the lock of migrations")),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this connection does nothing else, and nothing often"
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

/// The versions that this program has and the database does not, oldest first.
///
/// # Errors
/// When the database can't be asked.
#[expect(
    clippy::disallowed_methods,
    reason = "a failed preparation of the missing table must not stay cached"
)]
pub async fn pending(connection: &mut AsyncPgConnection) -> Result<Vec<String>, DbError> {
    let sql = "SELECT version::text AS version FROM __diesel_schema_migrations";
    let applied: Vec<Applied> = match diesel::sql_query(sql)
        .load(connection)
        .await
        .map_err(DbError::from)
    {
        Ok(applied) => applied,
        // An empty database does not even have the table.
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
