//! The migrations of the workspace, embedded in the program.

use std::collections::BTreeSet;

use diesel::QueryableByName;
use diesel::migration::{Migration, MigrationSource, MigrationVersion};
use diesel::pg::Pg;
use diesel::sql_types::Text;
use diesel_async::{
    AsyncConnection, AsyncMigrationHarness, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::DbError;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../../migrations");

/// Two programs that migrate at once take turns through this advisory lock ("oms" in ASCII).
const ADVISORY_LOCK: &str = "SELECT pg_advisory_lock(7302515)";

/// Migrating did not work.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The database could not be reached, or refused us.
    #[error("can't connect to the database: {0}")]
    Connection(#[from] diesel::ConnectionError),
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
    run(url, |harness| {
        Ok(names(&harness.run_pending_migrations(MIGRATIONS)?))
    })
    .await
}

/// Takes back every migration and returns their names, newest first. **All data is lost.**
///
/// # Errors
/// As [`migrate`].
pub async fn revert_all(url: &str) -> Result<Vec<String>, MigrationError> {
    run(url, |harness| {
        Ok(names(&harness.revert_all_migrations(MIGRATIONS)?))
    })
    .await
}

type Harness = AsyncMigrationHarness<AsyncPgConnection>;

async fn run(
    url: &str,
    work: impl FnOnce(&mut Harness) -> diesel::migration::Result<Vec<String>>,
) -> Result<Vec<String>, MigrationError> {
    let mut connection = AsyncPgConnection::establish(url).await?;
    connection
        .batch_execute(ADVISORY_LOCK)
        .await
        .map_err(DbError::from)?;
    let mut harness = AsyncMigrationHarness::new(connection);
    work(&mut harness).map_err(|error| MigrationError::Migration(error.to_string()))
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
