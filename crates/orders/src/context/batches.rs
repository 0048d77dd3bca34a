//! The kinds of work that are done in batches, for several orders of a tenant together. The use case that submits a
//! kind of work implements it as [`Work`](oms_batching::Work).

use std::sync::Arc;
use std::time::Duration;

use oms_batching::{Batcher, Counts, Limits};
use oms_payments::PaymentBatches;

use super::OrderContext;

/// Lookups of idempotency keys.
#[derive(Clone)]
pub(crate) struct LookUps(pub(crate) Arc<OrderContext>);

/// Orders to place.
#[derive(Clone)]
pub(crate) struct Arrivals(pub(crate) Arc<OrderContext>);

/// Orders to settle as paid.
#[derive(Clone)]
pub(crate) struct EndPaid(pub(crate) Arc<OrderContext>);

/// Shipments to create and to send.
#[derive(Clone)]
pub(crate) struct Shipping(pub(crate) Arc<OrderContext>);

/// Reads of orders by ID.
#[derive(Clone)]
pub(crate) struct Reads(pub(crate) Arc<OrderContext>);

/// One queue for each kind of work.
pub(crate) struct OrderBatches {
    pub(crate) look_ups: Batcher<LookUps>,
    pub(crate) arrivals: Batcher<Arrivals>,
    pub(crate) payments: Batcher<EndPaid>,
    pub(crate) shipments: Batcher<Shipping>,
    pub(crate) reads: Batcher<Reads>,
}

impl OrderBatches {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            look_ups: Batcher::new(limits),
            arrivals: Batcher::new(limits),
            payments: Batcher::new(limits),
            shipments: Batcher::new(limits),
            reads: Batcher::new(limits),
        }
    }

    /// The counts so far, including those of payments.
    pub(super) fn counts(&self, references: &PaymentBatches) -> BatchCounts {
        BatchCounts {
            look_ups: self.look_ups.counts(),
            arrivals: self.arrivals.counts(),
            references: references.counts(),
            payments: self.payments.counts(),
            shipments: self.shipments.counts(),
            reads: self.reads.counts(),
        }
    }

    /// Age of the oldest batch in progress, of any kind.
    pub(super) fn oldest(&self) -> Option<Duration> {
        // Destructured, so that the compiler reports a forgotten kind.
        let Self {
            look_ups,
            arrivals,
            payments,
            shipments,
            reads,
        } = self;
        let ages = [
            look_ups.oldest(),
            arrivals.oldest(),
            payments.oldest(),
            shipments.oldest(),
            reads.oldest(),
        ];
        ages.into_iter().flatten().max()
    }
}

/// Batch counts by kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchCounts {
    /// Lookups of idempotency keys.
    pub look_ups: Counts,
    /// Orders placed.
    pub arrivals: Counts,
    /// References of prepared payments.
    pub references: Counts,
    /// Orders settled as paid.
    pub payments: Counts,
    /// Shipments created or sent.
    pub shipments: Counts,
    /// Orders read by ID.
    pub reads: Counts,
}

impl BatchCounts {
    /// The names of the kinds in metrics.
    pub const KINDS: [&'static str; 6] = [
        "look_up",
        "place",
        "store_reference",
        "end_paid",
        "ship",
        "read",
    ];

    /// The counts, in the order of [`BatchCounts::KINDS`].
    pub fn by_kind(&self) -> [Counts; Self::KINDS.len()] {
        [
            self.look_ups,
            self.arrivals,
            self.references,
            self.payments,
            self.shipments,
            self.reads,
        ]
    }
}
