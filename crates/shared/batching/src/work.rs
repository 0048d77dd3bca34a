//! What is done with the items of a batch.

use std::collections::HashSet;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

/// The work that a batcher does together.
pub trait Work: Clone + Send + Sync + 'static {
    /// Items of different keys never share a batch.
    type Key: Clone + Eq + Hash + Send + Sync + 'static;
    /// What is worked on.
    type Item: Send + Sync + 'static;
    /// The answer of one item.
    type Output: Send + 'static;
    /// Why a batch failed.
    type Error: BatchError + Send + 'static;
    /// What an item may have to wait for while others go on, such as a row that is locked.
    type Blocker: Clone + Eq + Hash + Send + Sync + 'static;

    /// Works on items in their order, and returns one answer for each, in the same order.
    ///
    /// When it fails it must have done nothing, or be such that doing it again changes nothing.
    fn run(
        &self,
        key: Self::Key,
        batch: Batch<Self>,
    ) -> impl Future<Output = BatchResult<Self>> + Send;

    /// Those of the blockers that nothing holds any more. Work that never answers [`Answer::Wait`] has none.
    fn freed(
        &self,
        _key: Self::Key,
        blockers: Vec<Self::Blocker>,
    ) -> impl Future<Output = Vec<Self::Blocker>> + Send {
        async { blockers }
    }
}

/// An answer for each item of a batch, or why the batch failed as a whole.
pub(crate) type BatchResult<W> =
    Result<Vec<Answer<<W as Work>::Output, <W as Work>::Blocker>>, <W as Work>::Error>;

/// What [`Work::run`] gets.
pub struct Batch<W: Work> {
    /// The items, in the order of their arrival. At least one; one only unless the turn is [`Turn::Together`].
    pub items: Vec<Arc<W::Item>>,
    /// How they are worked on.
    pub turn: Turn,
    /// What earlier items of the key are waiting for. An item that needs one of these must wait behind them.
    pub held: HashSet<W::Blocker>,
}

/// How the items of a batch are worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// In the key's turn: others wait meanwhile, so that it must not wait for what somebody holds.
    Together,
    /// After its batch failed, beside the following batches. It must not wait long either: many may do so together.
    Alone,
    /// Beside the following batches, and few at a time: it may wait for what somebody holds.
    Patient,
}

/// What became of one item.
#[derive(Debug)]
pub enum Answer<O, B> {
    /// It is done.
    Done(O),
    /// Nothing was done with it. It is worked on again when nothing holds this any more.
    Wait(B),
}

impl<O, B: Clone> Answer<O, B> {
    /// What the item waits for, unless it is done.
    pub fn blocker(&self) -> Option<B> {
        match self {
            Self::Done(_) => None,
            Self::Wait(blocker) => Some(blocker.clone()),
        }
    }
}

/// The error of a batch, which says what happens to the items.
pub trait BatchError: Sized {
    /// The same error for another item. `None` if it may be about one item: then each item is worked on alone.
    fn shared(&self) -> Option<Self>;

    /// Whether something that the work needs was held by somebody else for too long.
    fn is_contended(&self) -> bool;
}
