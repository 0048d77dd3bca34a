//! Keeps PostgreSQL's statistics of fast-growing tables fresh.

use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;
use oms_database::{Database, DbError, analyze_grown_tables};
use oms_work::{CancellationToken, Next, Worker};

/// A crowd that places the first orders of a new installation multiplies its tables in a second. A turn takes less than
/// a millisecond.
const INTERVAL: Duration = Duration::from_millis(250);

/// The worker that analyses these tables.
pub(super) struct Analyzer {
    pub(super) database: Database,
}

#[async_trait]
impl Worker for Analyzer {
    fn name(&self) -> &'static str {
        "statistics"
    }

    fn interval(&self) -> Duration {
        INTERVAL
    }

    async fn turn(&self, _: &CancellationToken) -> Next {
        match analyze(&self.database).await {
            Ok(tables) if tables.is_empty() => {}
            Ok(tables) => tracing::debug!(tables = tables.join(", "), "tables were analysed"),
            Err(error) => {
                let cause: &dyn Error = &error;
                tracing::warn!(cause, "tables could not be analysed");
            }
        }
        Next::AfterInterval
    }
}

async fn analyze(database: &Database) -> Result<Vec<String>, DbError> {
    let mut connection = database.acquire().await?;
    analyze_grown_tables(&mut connection).await
}
