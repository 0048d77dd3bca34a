//! The tasks around the queues.

use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tracing::Instrument;

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
pub struct Batcher<K, I, O, E> {
    shared: Arc<Shared<K, I, O, E>>,
}

struct Shared<K, I, O, E> {
    limits: Limits,
    runtime: Handle,
    queues: Mutex<Queues<K, Waiting<I, O, E>>>,
    totals: Totals,
}

struct Waiting<I, O, E> {
    item: Arc<I>,
    since: Instant,
    told: Teller<O, E>,
}

/// Whoever waits for the answer of one item.
type Teller<O, E> = oneshot::Sender<Told<O, E>>;

/// What the submitter of an item is told.
enum Told<O, E> {
    Done(Result<O, E>),
    /// Its batch failed as a whole, and did nothing.
    Alone,
    TooLate,
}

impl<K, I, O, E> Clone for Batcher<K, I, O, E> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
        }
    }
}

impl<K, I, O, E> Batcher<K, I, O, E>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    I: Send + Sync + 'static,
    O: Send + 'static,
    E: Send + 'static,
{
    /// A batcher within these bounds. Has to be called inside the tokio runtime in which batches shall run.
    pub fn new(limits: Limits) -> Self {
        Self {
            shared: Arc::new(Shared {
                limits,
                runtime: Handle::current(),
                queues: Mutex::new(Queues::new(limits)),
                totals: Totals::default(),
            }),
        }
    }

    /// Has an item worked on together with others of its key, and returns its answer.
    ///
    /// `work` gets items in the order of their coming and returns one answer for each, in the same order. It has to be the
    /// same for all items, because whoever is there begins a batch, with whatever is in it. It runs in a task of its own:
    /// nobody who stops waiting interrupts it.
    ///
    /// When `work` fails it has to have done nothing, or to be such that doing it again changes nothing: of several items
    /// each is then worked on alone, in a task of its own, while the next batch begins. So none suffers for another, and
    /// each has the answer or the error that is its own.
    ///
    /// # Errors
    /// [`NotDone`], which says whether anything was done.
    pub async fn submit<Work, Doing>(
        &self,
        key: K,
        item: Arc<I>,
        work: Work,
    ) -> Result<Result<O, E>, NotDone>
    where
        Work: Fn(K, Vec<Arc<I>>) -> Doing + Clone + Send + Sync + 'static,
        Doing: Future<Output = Result<Vec<O>, E>> + Send + 'static,
    {
        let (sender, told) = oneshot::channel();
        let waiting = Waiting {
            item: item.clone(),
            since: Instant::now(),
            told: sender,
        };
        if self.shared.queues().push(&key, waiting).is_err() {
            self.shared.totals.refused();
            return Err(NotDone::Full);
        }
        Shared::begin(&self.shared, &work);
        match told.await {
            Ok(Told::Done(done)) => Ok(done),
            Ok(Told::Alone) => {
                // What is logged of it belongs to its submitter's request.
                let alone = alone(key, item, work).in_current_span();
                let alone = self.shared.runtime.spawn(alone);
                alone.await.map_err(|_| NotDone::Lost)
            }
            Ok(Told::TooLate) => Err(NotDone::TooLate),
            Err(_) => Err(NotDone::Lost),
        }
    }

    /// What was done so far.
    pub fn counts(&self) -> Counts {
        let waiting = self.shared.queues().waiting();
        self.shared.totals.counts(waiting)
    }
}

async fn alone<K, I, O, E, Doing>(
    key: K,
    item: Arc<I>,
    work: impl Fn(K, Vec<Arc<I>>) -> Doing,
) -> Result<O, E>
where
    Doing: Future<Output = Result<Vec<O>, E>>,
{
    let mut done = work(key, vec![item]).await?;
    Ok(done.pop().expect("one item in, one answer out"))
}

impl<K, I, O, E> Shared<K, I, O, E>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    I: Send + Sync + 'static,
    O: Send + 'static,
    E: Send + 'static,
{
    fn queues(&self) -> MutexGuard<'_, Queues<K, Waiting<I, O, E>>> {
        // Nothing that holds it can panic half-way through a change.
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins every batch that may.
    fn begin<Work, Doing>(this: &Arc<Self>, work: &Work)
    where
        Work: Fn(K, Vec<Arc<I>>) -> Doing + Clone + Send + Sync + 'static,
        Doing: Future<Output = Result<Vec<O>, E>> + Send + 'static,
    {
        loop {
            let Some((key, batch)) = this.queues().begin() else {
                return;
            };
            let (shared, work) = (this.clone(), work.clone());
            this.runtime
                .spawn(async move { Self::run(shared, key, work, batch).await });
        }
    }

    async fn run<Work, Doing>(this: Arc<Self>, key: K, work: Work, batch: Vec<Waiting<I, O, E>>)
    where
        Work: Fn(K, Vec<Arc<I>>) -> Doing + Clone + Send + Sync + 'static,
        Doing: Future<Output = Result<Vec<O>, E>> + Send + 'static,
    {
        let under_way = UnderWay {
            end: || {
                this.queues().end(&key);
                Self::begin(&this, &work);
            },
        };
        let (items, told) = this.admit(batch);
        if items.is_empty() {
            return;
        }
        this.totals.batch(items.len());
        let done = work(key.clone(), items).await;
        // The next batch does not wait until everybody has been told.
        drop(under_way);
        tell(told, done);
    }

    /// The items that are still worth working on, and who is to be told of them.
    fn admit(&self, batch: Vec<Waiting<I, O, E>>) -> (Vec<Arc<I>>, Vec<Teller<O, E>>) {
        let (mut items, mut told) = (Vec::new(), Vec::new());
        for waiting in batch {
            if waiting.told.is_closed() {
                continue;
            }
            if waiting.since.elapsed() > self.limits.wait {
                self.totals.refused();
                // The submitter may have gone just now.
                let _ = waiting.told.send(Told::TooLate);
                continue;
            }
            items.push(waiting.item);
            told.push(waiting.told);
        }
        (items, told)
    }
}

/// Tells everybody what became of a batch. Whoever does not wait any more does not want to know.
fn tell<O, E>(told: Vec<Teller<O, E>>, done: Result<Vec<O>, E>) {
    match done {
        Ok(answers) => {
            for (told, answer) in told.into_iter().zip(answers) {
                let _ = told.send(Told::Done(Ok(answer)));
            }
        }
        Err(error) => match <[_; 1]>::try_from(told) {
            Ok([only]) => {
                let _ = only.send(Told::Done(Err(error)));
            }
            Err(several) => {
                for told in several {
                    let _ = told.send(Told::Alone);
                }
            }
        },
    }
}

/// A batch that was begun: when it ends, or panics, the next one begins.
struct UnderWay<End: Fn()> {
    end: End,
}

impl<End: Fn()> Drop for UnderWay<End> {
    fn drop(&mut self) {
        (self.end)();
    }
}
