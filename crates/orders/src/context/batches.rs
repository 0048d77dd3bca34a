//! The kinds of work that are done in batches, for several orders of a tenant at a time. Each kind is implemented by the use
//! case that submits it, as [`Work`](oms_batching::Work).

use std::sync::Arc;
use std::time::Duration;

use oms_batching::{Batcher, Counts, Limits};
use oms_payments::PaymentBatches;

use super::OrderContext;

/// Look-ups of idempotency keys.
#[derive(Clone)]
pub(crate) struct LookUps(pub(crate) Arc<OrderContext>);

/// Orders to place.
#[derive(Clone)]
pub(crate) struct Arrivals(pub(crate) Arc<OrderContext>);

/// Orders to end as paid.
#[derive(Clone)]
pub(crate) struct EndPaid(pub(crate) Arc<OrderContext>);

/// Reads of orders by their id.
#[derive(Clone)]
pub(crate) struct Reads(pub(crate) Arc<OrderContext>);

/// The queue of each kind.
pub(crate) struct OrderBatches {
    pub(crate) look_ups: Batcher<LookUps>,
    pub(crate) arrivals: Batcher<Arrivals>,
    pub(crate) payments: Batcher<EndPaid>,
    pub(crate) reads: Batcher<Reads>,
}

impl OrderBatches {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            look_ups: Batcher::new(limits),
            arrivals: Batcher::new(limits),
            payments: Batcher::new(limits),
            reads: Batcher::new(limits),
        }
    }

    /// What was done together so far, with what payments did.
    pub(super) fn counts(&self, references: &PaymentBatches) -> BatchCounts {
        BatchCounts {
            look_ups: self.look_ups.counts(),
            arrivals: self.arrivals.counts(),
            references: references.counts(),
            payments: self.payments.counts(),
            reads: self.reads.counts(),
        }
    }

    /// The age of the oldest batch in progress, of any kind.
    pub(super) fn oldest(&self) -> Option<Duration> {
        // Destructured so that a new kind can't be forgotten here.
        let Self {
            look_ups,
            arrivals,
            payments,
            reads,
        } = self;
        let ages = [
            look_ups.oldest(),
            arrivals.oldest(),
            payments.oldest(),
            reads.oldest(),
        ];
        ages.into_iter().flatten().max()
    }
}

/// What was done together so far, by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchCounts {
    /// Look-ups of idempotency keys.
    pub look_ups: Counts,
    /// Orders that were placed.
    pub arrivals: Counts,
    /// References of prepared payments.
    pub references: Counts,
    /// Orders that were ended as paid.
    pub payments: Counts,
    /// Orders that were read by their id.
    pub reads: Counts,
}

impl BatchCounts {
    /// The kinds, as the metrics have them.
    pub const KINDS: [&'static str; 5] =
        ["look_up", "place", "store_reference", "end_paid", "read"];

    /// The counts, in the order of [`BatchCounts::KINDS`].
    pub fn by_kind(&self) -> [Counts; Self::KINDS.len()] {
        [
            self.look_ups,
            self.arrivals,
            self.references,
            self.payments,
            self.reads,
        ]
    }
}
