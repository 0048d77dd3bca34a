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

/// The bounds of a [`Batcher`]. Each is at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most items of one batch.
    pub batch: usize,
    /// Most items that wait, of each key.
    pub waiting: usize,
    /// Longest time between an item's arrival and the beginning of the batch that answers it.
    pub wait: Duration,
    /// Most batches in progress at a time, of each key.
    pub in_flight_per_key: usize,
    /// Most batches in progress at a time, of all keys.
    pub in_flight: usize,
    /// How long a batch keeps its place among those in progress. One that takes longer goes on, but another may begin
    /// beside it.
    pub overdue: Duration,
    /// Most batches that go on without a place, of all keys. Beyond it a batch keeps its place however long it takes.
    pub most_overdue: usize,
    /// Longest time between the beginning of an item's batch and its answer. After it, the outcome is reported as unknown.
    pub patience: Duration,
    /// Most items at a time that wait by themselves for what others hold, of all keys.
    pub patient: usize,
}

impl Limits {
    /// As many as `batch` together; one by one, when that is 1. Then as many are in progress at a time as may be, because
    /// each of them is one only.
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
