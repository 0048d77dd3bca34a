//! Counters of a batcher.

use std::sync::atomic::{AtomicU64, Ordering};

/// The upper bounds of the buckets for batch sizes: powers of two.
pub const BATCH_SIZES: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// Totals since the start, and the current queue lengths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Started batches by size: one bucket per bound of [`BATCH_SIZES`] (not cumulative), and a last one for larger
    /// batches.
    pub batches_by_size: [u64; BATCH_SIZES.len() + 1],
    /// Items in these batches. Divided by the batches, this is the mean batch size.
    pub items: u64,
    /// Items that were refused because the queue was full or they waited too long.
    pub refused: u64,
    /// Items that currently wait for their turn.
    pub waiting: u64,
    /// Items that currently wait for a held resource.
    pub parked: u64,
}

impl Counts {
    /// The number of started batches.
    pub fn batches(&self) -> u64 {
        self.batches_by_size.iter().sum()
    }
}

#[derive(Default)]
pub(crate) struct Totals {
    batches_by_size: [AtomicU64; BATCH_SIZES.len() + 1],
    items: AtomicU64,
    refused: AtomicU64,
}

impl Totals {
    pub(crate) fn batch(&self, items: usize) {
        let power = items.next_power_of_two().trailing_zeros() as usize;
        let size = power.min(BATCH_SIZES.len());
        self.batches_by_size[size].fetch_add(1, Ordering::Relaxed);
        self.items.fetch_add(items as u64, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn counts(&self, waiting: usize, parked: usize) -> Counts {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts {
            batches_by_size: self.batches_by_size.each_ref().map(count),
            items: count(&self.items),
            refused: count(&self.refused),
            waiting: waiting as u64,
            parked: parked as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_counted_by_the_next_power_of_two() {
        let totals = Totals::default();
        for items in [1, 2, 3, 4, 5, 64, 65, 256, 257, 10_000] {
            totals.batch(items);
        }
        let counts = totals.counts(0, 0);
        assert_eq!(counts.batches_by_size, [1, 1, 2, 1, 0, 0, 1, 1, 1, 2]);
        assert_eq!(counts.batches(), 10);
    }
}
