//! The background worker that keeps PostgreSQL's statistics of fast-growing tables fresh.

use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;
use oms_database::{Database, DbError, analyze_grown_tables};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::workers::{Pulse, Worker};

/// PostgreSQL's sessions tell of their rows at most once a second.
const INTERVAL: Duration = Duration::from_secs(1);

/// The worker.
pub(crate) struct Analyzer {
    pub(crate) database: Database,
    pub(crate) stopping: CancellationToken,
}

#[async_trait]
impl Worker for Analyzer {
    fn name(&self) -> &'static str {
        "statistics"
    }

    async fn run(&self, pulse: &Pulse) {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stopping = &self.stopping;
        while stopping.run_until_cancelled(ticks.tick()).await.is_some() {
            match analyze(&self.database).await {
                Ok(tables) if tables.is_empty() => {}
                Ok(tables) => tracing::debug!(tables = tables.join(", "), "tables were analysed"),
                Err(error) => {
                    let cause: &dyn Error = &error;
                    tracing::warn!(cause, "tables could not be analysed");
                }
            }
            pulse.beat();
        }
    }
}

async fn analyze(database: &Database) -> Result<Vec<String>, DbError> {
    let mut connection = database.acquire().await?;
    analyze_grown_tables(&mut connection).await
}
