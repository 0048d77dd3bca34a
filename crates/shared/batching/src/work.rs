//! The interface of the work that batches do.

use std::collections::HashSet;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

/// The work that a batcher groups into batches.
pub trait Work: Clone + Send + Sync + 'static {
    /// Items of different keys never share a batch.
    type Key: Clone + Eq + Hash + Send + Sync + 'static;
    /// The unit of work.
    type Item: Send + Sync + 'static;
    /// The answer of one item.
    type Output: Send + 'static;
    /// The error of a batch.
    type Error: BatchError + Send + 'static;
    /// A resource that an item may wait for while others proceed, such as a locked row.
    type Blocker: Clone + Eq + Hash + Send + Sync + 'static;

    /// Processes items in the given order, and returns one answer for each, in the same order.
    ///
    /// If it fails, it must have done nothing, or be idempotent.
    fn run(
        &self,
        key: Self::Key,
        batch: Batch<Self>,
    ) -> impl Future<Output = BatchResult<Self>> + Send;

    /// Returns the blockers that are free. Work that never answers [`Answer::Wait`] has no blockers.
    fn freed(
        &self,
        _key: Self::Key,
        blockers: Vec<Self::Blocker>,
    ) -> impl Future<Output = Vec<Self::Blocker>> + Send {
        async { blockers }
    }
}

/// An answer for each item of a batch, or the error of the whole batch.
pub(crate) type BatchResult<W> =
    Result<Vec<Answer<<W as Work>::Output, <W as Work>::Blocker>>, <W as Work>::Error>;

/// The input of [`Work::run`].
pub struct Batch<W: Work> {
    /// The items, in arrival order: at least one, and exactly one unless the turn is [`Turn::Together`].
    pub items: Vec<Arc<W::Item>>,
    /// How they are processed.
    pub turn: Turn,
    /// The blockers of earlier items of the key. An item that needs one of these must wait behind them.
    pub held: HashSet<W::Blocker>,
}

/// How the items of a batch are processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// In the key's turn. Other items wait in the meantime, so the work must not wait for held resources.
    Together,
    /// After a failed batch, concurrently with following batches. The work must not wait long either, because many
    /// items may run like this.
    Alone,
    /// Concurrently with following batches, a few items at a time. The work may wait for held resources.
    Patient,
}

/// The outcome of one item.
#[derive(Debug)]
pub enum Answer<O, B> {
    /// The item is done.
    Done(O),
    /// Nothing was done. The item is processed again when this blocker is free.
    Wait(B),
}

impl<O, B: Clone> Answer<O, B> {
    /// The blocker of the item, unless it is done.
    pub fn blocker(&self) -> Option<B> {
        match self {
            Self::Done(_) => None,
            Self::Wait(blocker) => Some(blocker.clone()),
        }
    }
}

/// The error of a batch, which decides what happens to its items.
pub trait BatchError: Sized {
    /// Returns a copy of the error for another item. `None` if a single item may have caused it; each item is then
    /// processed alone.
    fn shared(&self) -> Option<Self>;

    /// Whether another session held a needed resource for too long.
    fn is_contended(&self) -> bool;
}
