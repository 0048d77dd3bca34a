//! What a batcher has done so far.

use std::sync::atomic::{AtomicU64, Ordering};

/// Totals since the start, and what waits now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Batches that were begun.
    pub batches: u64,
    /// Items in them. Divided by the batches: how many were done together.
    pub items: u64,
    /// Items that were refused because too many were waiting, or that waited too long.
    pub refused: u64,
    /// Items that wait now.
    pub waiting: u64,
}

#[derive(Default)]
pub(crate) struct Totals {
    batches: AtomicU64,
    items: AtomicU64,
    refused: AtomicU64,
}

impl Totals {
    pub(crate) fn batch(&self, items: usize) {
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.items.fetch_add(items as u64, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn counts(&self, waiting: usize) -> Counts {
        Counts {
            batches: self.batches.load(Ordering::Relaxed),
            items: self.items.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            waiting: waiting as u64,
        }
    }
}
