//! Measures how far behind the sweeper is, and how many orders need an operator.

use std::time::Duration;

use crate::context::OrderContext;
use crate::error::OrderError;
use crate::store::{dead_letters, reconciliations};

/// Unfinished work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// How long the most overdue order has been due. Zero if none is due.
    pub sweep_lag: Duration,
    /// Orders that need an operator.
    pub open_dead_letters: u64,
}

/// Measures the backlog of all tenants.
///
/// # Errors
/// If the database can't be reached.
pub async fn measure_backlog(context: &OrderContext) -> Result<Backlog, OrderError> {
    let mut connection = context.database.acquire().await?;
    let stores = reconciliations::find_due_tenants(&mut connection, context.now()).await?;
    let lag = stores.iter().map(|store| store.lag).max();
    Ok(Backlog {
        sweep_lag: lag.unwrap_or_default(),
        open_dead_letters: dead_letters::count_open(&mut connection).await?,
    })
}
