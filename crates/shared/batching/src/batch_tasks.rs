//! The tasks that run batches and probe blockers.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, sleep, timeout};

use crate::claim::Claim;
use crate::counts::Totals;
use crate::queues::{Queued, Queues};
use crate::work::BatchResult;
use crate::{Answer, Batch, BatchError, Limits, NotDone, Turn, Work};

/// First and maximum pause between two checks of blockers.
const PROBE_PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(40));

pub(crate) struct Shared<W: Work> {
    pub(crate) limits: Limits,
    pub(crate) runtime: Handle,
    pub(crate) queues: Mutex<Queues<W::Key, Waiting<W>>>,
    /// The start times of work in progress.
    pub(crate) running: Mutex<BTreeSet<(Instant, u64)>>,
    pub(crate) next_run: AtomicU64,
    pub(crate) patient: Arc<Semaphore>,
    pub(crate) totals: Totals,
}

pub(crate) struct Waiting<W: Work> {
    pub(crate) item: Arc<W::Item>,
    pub(crate) since: Instant,
    pub(crate) blocker: Option<W::Blocker>,
    pub(crate) claim: Arc<Claim>,
    pub(crate) told: oneshot::Sender<Told<W>>,
}

impl<W: Work> Queued for Waiting<W> {
    type Arrival = Instant;
    type Blocker = W::Blocker;

    fn arrival(&self) -> Instant {
        self.since
    }

    fn blocker(&self) -> Option<&W::Blocker> {
        self.blocker.as_ref()
    }

    fn is_given_up(&self) -> bool {
        self.claim.is_given_up() || self.told.is_closed()
    }
}

/// The message to the submitter of an item.
pub(crate) enum Told<W: Work> {
    Done(Result<W::Output, W::Error>),
    /// The item must be processed again: its batch failed as a whole and did nothing, or it was alone and contended.
    Next(Turn),
    Not(NotDone),
}

impl<W: Work> Shared<W> {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            runtime: Handle::current(),
            queues: Mutex::new(Queues::new(limits)),
            running: Mutex::default(),
            next_run: AtomicU64::new(0),
            patient: Arc::new(Semaphore::new(limits.patient)),
            totals: Totals::default(),
        }
    }

    pub(crate) fn queues(&self) -> MutexGuard<'_, Queues<W::Key, Waiting<W>>> {
        // No code panics half-way through a change while it holds the lock.
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn running(&self) -> MutexGuard<'_, BTreeSet<(Instant, u64)>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts all batches that may start.
    pub(crate) fn begin(this: &Arc<Self>, work: &W) {
        loop {
            let Some((key, batch)) = this.queues().begin() else {
                return;
            };
            let (shared, work) = (this.clone(), work.clone());
            this.runtime
                .spawn(async move { Self::run(&shared, key, &work, batch).await });
        }
    }

    async fn run(this: &Arc<Self>, key: W::Key, work: &W, batch: Vec<Waiting<W>>) {
        let mut place = Place {
            shared: this,
            key: &key,
            work,
            is_let_go: false,
        };
        let waiting = this.admit(batch);
        if waiting.is_empty() {
            return;
        }
        this.totals.batch(waiting.len());
        let running = Running::of(this);
        let batch = Batch {
            items: waiting.iter().map(|it| it.item.clone()).collect(),
            turn: Turn::Together,
            held: this.queues().blockers(&key).into_iter().collect(),
        };
        let mut done = std::pin::pin!(work.run(key.clone(), batch));
        let done = match timeout(this.limits.overdue, &mut done).await {
            Ok(done) => done,
            Err(_) => {
                place.let_go();
                done.await
            }
        };
        drop(running);
        // The next batch must not wait until all submitters have their answers.
        drop(place);
        Self::tell(this, &key, work, waiting, done);
    }

    /// Returns the items that are still worth processing.
    fn admit(&self, batch: Vec<Waiting<W>>) -> Vec<Waiting<W>> {
        let mut admitted = Vec::with_capacity(batch.len());
        for waiting in batch {
            if waiting.told.is_closed() || !waiting.claim.take() {
                continue;
            }
            if waiting.since.elapsed() > self.limits.wait {
                self.totals.refused();
                let too_late = waiting.too_late();
                // The submitter may have left just now.
                let _ = waiting.told.send(Told::Not(too_late));
                continue;
            }
            admitted.push(waiting);
        }
        admitted
    }

    /// Sends the outcomes of a batch to the submitters. Those that have left are ignored.
    fn tell(
        this: &Arc<Self>,
        key: &W::Key,
        work: &W,
        batch: Vec<Waiting<W>>,
        done: BatchResult<W>,
    ) {
        match done {
            Ok(answers) => {
                for (mut waiting, answer) in batch.into_iter().zip(answers) {
                    match answer {
                        Answer::Done(done) => {
                            let _ = waiting.told.send(Told::Done(Ok(done)));
                        }
                        Answer::Wait(blocker) => {
                            waiting.blocker = Some(blocker);
                            Self::park(this, key, work, waiting);
                        }
                    }
                }
            }
            Err(error) => tell_error(batch, error),
        }
    }

    /// Parks an item until its blocker is free.
    pub(crate) fn park(this: &Arc<Self>, key: &W::Key, work: &W, waiting: Waiting<W>) {
        waiting.claim.park();
        // The submitter's wait may have expired while the item was taken, so it didn't give up.
        if waiting.since.elapsed() >= this.limits.wait && waiting.claim.give_up().is_some() {
            this.totals.refused();
            let _ = waiting.told.send(Told::Not(NotDone::Blocked));
            return;
        }
        if this.queues().park(key, waiting) {
            let probing = Self::probe(this.clone(), key.clone(), work.clone());
            this.runtime.spawn(probing);
        }
    }

    /// Periodically checks the blockers of a key's parked items, until no item is parked.
    async fn probe(this: Arc<Self>, key: W::Key, work: W) {
        let (mut pause, longest) = PROBE_PAUSES;
        loop {
            sleep(pause).await;
            pause = (pause * 2).min(longest);
            let Some(blockers) = this.queues().probe(&key) else {
                return;
            };
            let freed = work.freed(key.clone(), blockers).await;
            if !freed.is_empty() {
                pause = PROBE_PAUSES.0;
                this.queues().resume(&key, &freed);
                Self::begin(&this, &work);
            }
        }
    }
}

impl<W: Work> Waiting<W> {
    fn too_late(&self) -> NotDone {
        match self.blocker {
            Some(_) => NotDone::Blocked,
            None => NotDone::TooLate,
        }
    }
}

/// Sends the error of a batch that failed as a whole.
fn tell_error<W: Work>(batch: Vec<Waiting<W>>, error: W::Error) {
    let next = match batch.len() {
        1 if error.is_contended() => Some(Turn::Patient),
        1 => None,
        _ => Some(Turn::Alone),
    };
    let mut batch = batch.into_iter();
    let Some(last) = batch.next_back() else {
        return;
    };
    for waiting in batch {
        let told = match error.shared() {
            Some(error) => Told::Done(Err(error)),
            None => Told::Next(Turn::Alone),
        };
        let _ = waiting.told.send(told);
    }
    let told = match next {
        Some(turn) if error.shared().is_none() => Told::Next(turn),
        _ => Told::Done(Err(error)),
    };
    let _ = last.told.send(told);
}

/// The slot of a batch in progress. On drop, after a panic too, the next batch starts.
struct Place<'a, W: Work> {
    shared: &'a Arc<Shared<W>>,
    key: &'a W::Key,
    work: &'a W,
    is_let_go: bool,
}

impl<W: Work> Place<'_, W> {
    fn let_go(&mut self) {
        self.is_let_go = self.shared.queues().let_go(self.key);
        Shared::begin(self.shared, self.work);
    }
}

impl<W: Work> Drop for Place<'_, W> {
    fn drop(&mut self) {
        match self.is_let_go {
            true => self.shared.queues().end_overdue(),
            false => self.shared.queues().end(self.key),
        }
        Shared::begin(self.shared, self.work);
    }
}

/// Registers work in progress, to measure its age.
pub(crate) struct Running<'a, W: Work> {
    shared: &'a Shared<W>,
    begun: (Instant, u64),
}

impl<'a, W: Work> Running<'a, W> {
    pub(crate) fn of(shared: &'a Shared<W>) -> Self {
        let number = shared.next_run.fetch_add(1, Ordering::Relaxed);
        let begun = (Instant::now(), number);
        shared.running().insert(begun);
        Self { shared, begun }
    }
}

impl<W: Work> Drop for Running<'_, W> {
    fn drop(&mut self) {
        self.shared.running().remove(&self.begun);
    }
}
