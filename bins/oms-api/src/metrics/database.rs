//! The metrics of the database, sampled at each scrape.

use oms_database::{DURATION_BOUNDS_S, Database, DbFailure, DurationCounts, PoolStatus};
use oms_inventory::stock_lock_times;
use oms_monitoring::metrics::{Distribution, Metrics, MetricsError};

use super::sample;

type Size = fn(PoolStatus) -> usize;

/// Registers the metrics of the pool, of locks and of failures.
pub(super) fn register(metrics: &Metrics, database: &Database) -> Result<(), MetricsError> {
    let help = "Database connections of the pool: `open`, of which `in_use` and `idle`; `awaited` counts callers that wait for one.";
    let sizes: [(_, Size); 4] = [
        ("open", |pool| pool.size),
        ("in_use", |pool| pool.size.saturating_sub(pool.idle)),
        ("idle", |pool| pool.idle),
        ("awaited", |pool| pool.waiting),
    ];
    for (state, size) in sizes {
        let (database, labels) = (database.clone(), [("state", state)]);
        metrics.gauge_from("oms_database_connections", help, &labels, move || {
            sample(size(database.status()) as u64)
        })?;
    }
    let most = sample(database.status().max_size as u64);
    let help = "Maximum database connections of the pool.";
    metrics.gauge_from("oms_database_connections_max", help, &[], move || most)?;
    let pool = database.clone();
    metrics.histogram_from(
        "oms_database_connection_wait_seconds",
        "How long callers waited for a database connection, including those that got none.",
        &[],
        &DURATION_BOUNDS_S,
        move || distribution(&pool.waits()),
    )?;
    metrics.histogram_from(
        "oms_stock_lock_seconds",
        "How long it took to lock the stock of a transaction, including one round trip and failed attempts.",
        &[],
        &DURATION_BOUNDS_S,
        || distribution(&stock_lock_times()),
    )?;
    let help = "Statements and transactions that the database did not complete. A `deadlock` is caused by another program, because oms locks in a fixed order.";
    for failure in DbFailure::ALL {
        let labels = [("reason", failure.as_str())];
        metrics.counter_from("oms_database_failures_total", help, &labels, move || {
            failure.count()
        })?;
    }
    Ok(())
}

fn distribution(durations: &DurationCounts) -> Distribution {
    Distribution {
        counts: durations.counts.to_vec(),
        sum: durations.sum.as_secs_f64(),
    }
}
