//! The tasks around the queues.

use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::oneshot;

use crate::counts::Totals;
use crate::queues::Queues;
use crate::{Counts, Limits};

/// Why an item has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDone {
    /// Too many were waiting already. Nothing was done.
    #[error("too much is waiting")]
    Full,
    /// It waited too long. Nothing was done.
    #[error("it waited too long")]
    TooLate,
    /// Its batch did not end. What was done is not known.
    #[error("the work on it was lost")]
    Lost,
}

/// Does together the work that is waiting. Cloning it is cheap and shares it.
pub struct Batcher<K, I, O> {
    shared: Arc<Shared<K, I, O>>,
}

struct Shared<K, I, O> {
    limits: Limits,
    queues: Mutex<Queues<K, Waiting<I, O>>>,
    totals: Totals,
}

struct Waiting<I, O> {
    item: I,
    since: Instant,
    answer: oneshot::Sender<Result<O, NotDone>>,
}

impl<K, I, O> Clone for Batcher<K, I, O> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
        }
    }
}

impl<K, I, O> Batcher<K, I, O>
where
    K: Clone + Eq + Hash + Send + 'static,
    I: Send + 'static,
    O: Send + 'static,
{
    /// A batcher within these bounds.
    pub fn new(limits: Limits) -> Self {
        Self {
            shared: Arc::new(Shared {
                limits,
                queues: Mutex::new(Queues::new(limits)),
                totals: Totals::default(),
            }),
        }
    }

    /// Has an item worked on together with others of its key, and returns its answer.
    ///
    /// `work` gets items in the order of their coming and has to return one answer for each, in the same order. It has to
    /// be the same for all items, because whoever is there begins a batch, with whatever is in it. It runs in a task of its
    /// own in the runtime of the caller: nobody who stops waiting interrupts it.
    ///
    /// # Errors
    /// [`NotDone`], which says whether anything was done.
    pub async fn submit<Work, Doing>(&self, key: K, item: I, work: Work) -> Result<O, NotDone>
    where
        Work: Fn(K, Vec<I>) -> Doing + Clone + Send + 'static,
        Doing: Future<Output = Vec<O>> + Send + 'static,
    {
        let (sender, answer) = oneshot::channel();
        let waiting = Waiting {
            item,
            since: Instant::now(),
            answer: sender,
        };
        if self.shared.queues().push(key, waiting).is_err() {
            self.shared.totals.refused();
            return Err(NotDone::Full);
        }
        Shared::begin(&self.shared, &work);
        answer.await.unwrap_or(Err(NotDone::Lost))
    }

    /// What was done so far.
    pub fn counts(&self) -> Counts {
        let waiting = self.shared.queues().waiting();
        self.shared.totals.counts(waiting)
    }
}

impl<K, I, O> Shared<K, I, O>
where
    K: Clone + Eq + Hash + Send + 'static,
    I: Send + 'static,
    O: Send + 'static,
{
    fn queues(&self) -> MutexGuard<'_, Queues<K, Waiting<I, O>>> {
        // Nothing that holds it can panic half-way through a change.
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins every batch that may.
    fn begin<Work, Doing>(this: &Arc<Self>, work: &Work)
    where
        Work: Fn(K, Vec<I>) -> Doing + Clone + Send + 'static,
        Doing: Future<Output = Vec<O>> + Send + 'static,
    {
        loop {
            let Some((key, batch)) = this.queues().begin() else {
                return;
            };
            let under_way = UnderWay {
                shared: this.clone(),
                key,
                work: work.clone(),
            };
            tokio::spawn(async move { under_way.run(batch).await });
        }
    }

    /// The items that are still worth working on, and where their answers go.
    fn admit(
        &self,
        batch: Vec<Waiting<I, O>>,
    ) -> (Vec<I>, Vec<oneshot::Sender<Result<O, NotDone>>>) {
        let (mut items, mut answers) = (Vec::new(), Vec::new());
        for waiting in batch {
            if waiting.answer.is_closed() {
                continue;
            }
            if waiting.since.elapsed() > self.limits.wait {
                self.totals.refused();
                // The submitter may have gone just now.
                let _ = waiting.answer.send(Err(NotDone::TooLate));
                continue;
            }
            items.push(waiting.item);
            answers.push(waiting.answer);
        }
        (items, answers)
    }
}

/// A batch that was begun. When it ends, or panics, the next one begins.
struct UnderWay<K, I, O, Work, Doing>
where
    K: Clone + Eq + Hash + Send + 'static,
    I: Send + 'static,
    O: Send + 'static,
    Work: Fn(K, Vec<I>) -> Doing + Clone + Send + 'static,
    Doing: Future<Output = Vec<O>> + Send + 'static,
{
    shared: Arc<Shared<K, I, O>>,
    key: K,
    work: Work,
}

impl<K, I, O, Work, Doing> UnderWay<K, I, O, Work, Doing>
where
    K: Clone + Eq + Hash + Send + 'static,
    I: Send + 'static,
    O: Send + 'static,
    Work: Fn(K, Vec<I>) -> Doing + Clone + Send + 'static,
    Doing: Future<Output = Vec<O>> + Send + 'static,
{
    async fn run(self, batch: Vec<Waiting<I, O>>) {
        let (items, answers) = self.shared.admit(batch);
        if items.is_empty() {
            return;
        }
        self.shared.totals.batch(items.len());
        let done = (self.work)(self.key.clone(), items).await;
        // The next batch does not wait until everybody has been told.
        drop(self);
        for (answer, done) in answers.into_iter().zip(done) {
            // Whoever does not wait any more does not want to know.
            let _ = answer.send(Ok(done));
        }
    }
}

impl<K, I, O, Work, Doing> Drop for UnderWay<K, I, O, Work, Doing>
where
    K: Clone + Eq + Hash + Send + 'static,
    I: Send + 'static,
    O: Send + 'static,
    Work: Fn(K, Vec<I>) -> Doing + Clone + Send + 'static,
    Doing: Future<Output = Vec<O>> + Send + 'static,
{
    fn drop(&mut self) {
        self.shared.queues().end(&self.key);
        // A runtime that is shutting down begins nothing any more.
        if tokio::runtime::Handle::try_current().is_ok() {
            Shared::begin(&self.shared, &self.work);
        }
    }
}
