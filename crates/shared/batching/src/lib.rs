#![doc = include_str!("../README.md")]

mod batch_tasks;
mod batcher;
mod claim;
mod counts;
mod queues;
mod work;

pub use batcher::{Batcher, NotDone};
pub use counts::{BATCH_SIZES, Counts};
pub use work::{Answer, Batch, BatchError, Turn, Work};

use std::time::Duration;

/// The limits of a [`Batcher`]. Each must be at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Maximum items per batch.
    pub batch: usize,
    /// Maximum waiting items per key.
    pub waiting: usize,
    /// Maximum time between an item's arrival and the start of the batch that answers it.
    pub wait: Duration,
    /// Maximum batches in progress per key.
    pub in_flight_per_key: usize,
    /// Maximum batches in progress in total.
    pub in_flight: usize,
    /// Time after which a batch gives up its slot. The batch continues, but another may start.
    pub overdue: Duration,
    /// Maximum batches in progress without a slot, in total. If it is reached, overdue batches keep their slots.
    pub most_overdue: usize,
    /// Maximum time between the start of an item's batch and its answer. After that, the outcome is reported as
    /// unknown.
    pub patience: Duration,
    /// Maximum items that wait patiently for a held resource, in total.
    pub patient: usize,
}

impl Limits {
    /// Returns the limits for batches of up to `batch` items. If `batch` is 1, a key may use all of `in_flight`,
    /// because each batch is a single item.
    pub const fn of_batches(batch: usize, in_flight_per_key: usize, in_flight: usize) -> Self {
        Self {
            batch,
            waiting: 10_000,
            wait: Duration::from_secs(5),
            in_flight_per_key: if batch == 1 {
                in_flight
            } else {
                in_flight_per_key
            },
            in_flight,
            overdue: Duration::from_secs(1),
            most_overdue: 4 * in_flight,
            patience: Duration::from_secs(30),
            patient: in_flight.div_ceil(2),
        }
    }
}
