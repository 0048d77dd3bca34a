#![doc = include_str!("../README.md")]

mod batcher;
mod counts;
mod queues;

pub use batcher::{Batcher, NotDone};
pub use counts::{BATCH_SIZES, Counts};

use std::time::Duration;

/// The bounds of a [`Batcher`]. Each is at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most items of one batch.
    pub batch: usize,
    /// Most items that wait, of each key.
    pub waiting: usize,
    /// Longest time between an item's coming and the beginning of its batch.
    pub wait: Duration,
    /// Most batches under way at a time, of each key.
    pub in_flight_per_key: usize,
    /// Most batches under way at a time, of all keys.
    pub in_flight: usize,
}

impl Limits {
    /// As many as `batch` together; one by one, when that is 1. Then as many are under way at a time as may be, because
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
        }
    }
}
