//! Connects to the database. Commands try once; the server waits.

use std::time::Duration;

use anyhow::{Context, bail};
use oms_database::{
    Database, Pooling, check_pooler, check_transaction_pooler, differing_defaults, migrations,
    set_role_defaults,
};
use tokio::time::{Instant, sleep, timeout};

use crate::config::{Config, DatabaseSettings};
use crate::grants;

/// How long a database that accepts connections may stay silent.
const PATIENCE: Duration = Duration::from_secs(30);

/// Pause between two attempts.
const PAUSE: Duration = Duration::from_millis(250);

/// Interval at which the log repeats that the server waits for the database.
const REMINDER: Duration = Duration::from_secs(10);

/// Returns the pool if the database answers and has all migrations that this program knows.
pub(crate) async fn connect(config: &Config) -> anyhow::Result<Database> {
    connect_to(&config.database).await
}

/// Like [`connect`], with settings that may differ from the configuration.
pub(crate) async fn connect_to(settings: &DatabaseSettings) -> anyhow::Result<Database> {
    let database = pool(settings)?;
    let attempt = async {
        reach(&database).await?;
        check(settings, &database).await
    };
    within(PATIENCE, attempt).await?;
    Ok(database)
}

/// Like [`connect`], but waits up to `OMS_DATABASE_WAIT_MS` for a database that is not reachable yet.
pub(crate) async fn wait_for(config: &Config) -> anyhow::Result<Database> {
    let database = pool(&config.database)?;
    let since = Instant::now();
    let mut reminded = None;
    while let Err(error) = within(PATIENCE, reach(&database)).await {
        if since.elapsed() >= config.database.wait || is_permanent(&error) {
            return Err(error);
        }
        if reminded.is_none_or(|at: Instant| at.elapsed() >= REMINDER) {
            let waited_s = since.elapsed().as_secs();
            tracing::warn!(
                cause = format!("{error:#}"),
                waited_s,
                "waiting for the database"
            );
            reminded = Some(Instant::now());
        }
        sleep(PAUSE).await;
    }
    within(PATIENCE, check(&config.database, &database)).await?;
    Ok(database)
}

fn pool(settings: &DatabaseSettings) -> anyhow::Result<Database> {
    Ok(Database::new(&settings.pool())?)
}

async fn reach(database: &Database) -> anyhow::Result<()> {
    let reached = database.acquire().await;
    reached.map(drop).context("can't connect to DATABASE_URL")
}

async fn check(settings: &DatabaseSettings, database: &Database) -> anyhow::Result<()> {
    match settings.pooling {
        Pooling::Session => check_pooler(settings.url()).await?,
        Pooling::Transaction => check_transaction_pooler(settings.url()).await?,
    }
    let mut connection = database.acquire().await?;
    if settings.pooling == Pooling::Transaction {
        let differing = differing_defaults(&mut connection, &settings.pool()).await?;
        if !differing.is_empty() {
            bail!(
                "sessions of DATABASE_URL have wrong defaults: {}; run `oms-api migrate`, and make the pooler reconnect \
                 (RECONNECT in PgBouncer's console)",
                differing.join(", ")
            );
        }
    }
    let pending = migrations::pending(&mut connection).await?;
    if !pending.is_empty() {
        bail!(
            "{} migration(s) are pending; run `oms-api migrate` first",
            pending.len()
        );
    }
    grants::check(&mut connection).await?;
    drop(connection);
    database.check_messages().await?;
    Ok(())
}

/// Makes the session settings defaults of the role, and returns the names of the settings that changed.
pub(crate) async fn set_defaults(settings: &DatabaseSettings) -> anyhow::Result<Vec<String>> {
    let setting = async {
        let database = pool(settings)?;
        let mut connection = database.acquire().await?;
        let set = set_role_defaults(&mut connection, &settings.pool()).await;
        set.context("can't set defaults of the role of DATABASE_URL")
    };
    within(PATIENCE, setting).await
}

/// Fails when the work takes too long.
pub(crate) async fn within<T>(
    patience: Duration,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    timeout(patience, work).await.unwrap_or_else(|_| {
        bail!(
            "can't connect to DATABASE_URL: the server accepts connections but has not answered for {} s",
            patience.as_secs()
        )
    })
}

/// Returns whether waiting is useless, because the server answered and denied access.
fn is_permanent(error: &anyhow::Error) -> bool {
    let text = format!("{error:#}");
    let role_is_unknown = text.contains("role \"") && text.contains("does not exist");
    role_is_unknown
        || [
            "authentication failed",
            "no pg_hba.conf entry",
            "is not permitted to log in",
            "permission denied for database",
            "no TLS connection: ",
            "invalid connection string",
        ]
        .iter()
        .any(|refusal| text.contains(refusal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_server_that_does_not_deny_access_is_waited_for() {
        for text in [
            "error connecting to server: Connection refused (os error 111)",
            "failed to lookup address information: Name or service not known",
            "FATAL: the database system is starting up",
            "FATAL: database \"oms\" does not exist",
        ] {
            assert!(!is_permanent(&anyhow::anyhow!(text)), "{text}");
        }
        for text in [
            "FATAL: password authentication failed for user \"oms\"",
            "FATAL: role \"oms\" does not exist",
            "no TLS connection: the certificate of db has expired",
        ] {
            let error = anyhow::anyhow!(text).context("can't connect");
            assert!(is_permanent(&error), "{text}");
        }
    }
}
