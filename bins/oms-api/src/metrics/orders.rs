//! The metrics of orders, sampled at each scrape.

use std::sync::Arc;

use oms_monitoring::metrics::{Distribution, Metrics, MetricsError};
use oms_orders::{BATCH_SIZES, BatchCounts, Bound, OrderContext, PlacingOutcome};

use super::sample;

/// Registers the metrics of placed orders and of the batches that carry them.
pub(crate) fn register(metrics: &Metrics, context: &Arc<OrderContext>) -> Result<(), MetricsError> {
    for outcome in PlacingOutcome::ALL {
        let context = context.clone();
        metrics.counter_from(
            "oms_orders_total",
            "Requests to place an order, by outcome. `out_of_stock`: the stock was taken by other orders; `gateway_refused`: the gateway rejects the installation, the amount or the currency; `defect`: a bug in oms, logged at ERROR.",
            &[("outcome", outcome.as_str())],
            move || context.placed(outcome),
        )?;
    }
    for bound in Bound::ALL {
        let context = context.clone();
        metrics.counter_from(
            "oms_bounds_exceeded_total",
            "Requests to place or pay an order that exceeded a limit for unpaid orders or declines.",
            &[("bound", bound.as_str())],
            move || context.exceeded(bound),
        )?;
    }
    for (index, kind) in BatchCounts::KINDS.into_iter().enumerate() {
        let labels = [("kind", kind)];
        let shared = context.clone();
        let counts = move || shared.batch_counts().by_kind()[index];
        let now = counts.clone();
        metrics.gauge_from(
            "oms_batch_queue_length",
            "Items that wait for a batch: `look_up` of idempotency keys, `place`, `store_reference` of payments, `end_paid`, `read`.",
            &labels,
            move || sample(now().waiting + now().parked),
        )?;
        let now = counts.clone();
        metrics.counter_from(
            "oms_batch_refused_total",
            "Items whose queue was full, or that waited too long in it, by kind of batch.",
            &labels,
            move || now().refused,
        )?;
        metrics.histogram_from(
            "oms_batch_size",
            "Items of a batch, by kind of batch.",
            &labels,
            &BATCH_SIZES,
            move || {
                let counts = counts();
                Distribution {
                    counts: counts.batches_by_size.to_vec(),
                    sum: sample(counts.items),
                }
            },
        )?;
    }
    Ok(())
}
