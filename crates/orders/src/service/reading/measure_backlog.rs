//! How far behind the sweeper is, and how much waits for people.

use std::time::Duration;

use crate::context::OrderContext;
use crate::error::OrderError;
use crate::store::{dead_letters, reconciliations};

/// What has yet to be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// For how long the order that is due first has been due; zero when none is.
    pub sweep_lag: Duration,
    /// Orders that wait for a person.
    pub open_dead_letters: u64,
}

/// Measures the backlog of all stores.
///
/// # Errors
/// When the database can't be asked.
pub async fn measure_backlog(context: &OrderContext) -> Result<Backlog, OrderError> {
    let mut connection = context.database.acquire().await?;
    let stores = reconciliations::find_due_tenants(&mut connection, context.now()).await?;
    let lag = stores.iter().map(|store| store.lag).max();
    Ok(Backlog {
        sweep_lag: lag.unwrap_or_default(),
        open_dead_letters: dead_letters::count_open(&mut connection).await?,
    })
}
