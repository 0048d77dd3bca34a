//! The interface for submitters.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::{Instant, timeout, timeout_at};
use tracing::Instrument;

use crate::batch_tasks::{Running, Shared, Told, Waiting};
use crate::claim::{Claim, GivenUp};
use crate::{Answer, Batch, BatchError, Counts, Limits, Turn, Work};

/// Why an item has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDone {
    /// The queue was full. Nothing was done.
    #[error("the queue is full")]
    Full,
    /// The item waited too long for its turn. Nothing was done.
    #[error("the item waited too long for its turn")]
    TooLate,
    /// The item waited too long for a held resource. Nothing was done.
    #[error("a resource that the item needs was held for too long")]
    Blocked,
    /// The batch of the item panicked or did not end in time. The outcome is unknown.
    #[error("the outcome of the item's batch is unknown")]
    Lost,
}

impl From<GivenUp> for NotDone {
    fn from(given_up: GivenUp) -> Self {
        match given_up {
            GivenUp::Waiting => Self::TooLate,
            GivenUp::Parked => Self::Blocked,
        }
    }
}

/// Groups waiting work into batches. Clones are cheap and share it.
pub struct Batcher<W: Work> {
    shared: Arc<Shared<W>>,
}

/// A submitted item.
struct Submitted<'a, W: Work> {
    key: &'a W::Key,
    item: &'a Arc<W::Item>,
    work: &'a W,
    since: Instant,
}

impl<W: Work> Clone for Batcher<W> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
        }
    }
}

impl<W: Work> Batcher<W> {
    /// Creates a batcher with these limits. Must be called inside the tokio runtime in which batches will run.
    pub fn new(limits: Limits) -> Self {
        Self {
            shared: Arc::new(Shared::new(limits)),
        }
    }

    /// Processes an item together with others of its key, and returns its answer.
    ///
    /// `work` must be the same for all items, because any submitter may start a batch. It runs in its own task, which a
    /// submitter that stops waiting does not interrupt.
    ///
    /// If a batch of several items fails with an error that a single item may have caused, each item is processed
    /// alone, in its own task, while the next batch starts. An item that is still contended is retried patiently.
    ///
    /// # Errors
    /// [`NotDone`], which tells whether anything was done.
    pub async fn submit(
        &self,
        key: W::Key,
        item: Arc<W::Item>,
        work: &W,
    ) -> Result<Result<W::Output, W::Error>, NotDone> {
        let submitted = Submitted {
            key: &key,
            item: &item,
            work,
            since: Instant::now(),
        };
        let mut blocker = None;
        loop {
            let turn = match self.in_turn(&submitted, blocker).await? {
                Told::Done(done) => return Ok(done),
                Told::Not(not_done) => return Err(not_done),
                Told::Next(turn) => turn,
            };
            match self.by_itself(&submitted, turn).await? {
                Ok(Answer::Done(done)) => return Ok(Ok(done)),
                Ok(Answer::Wait(on)) => blocker = Some(on),
                Err(error) => return Ok(Err(error)),
            }
        }
    }

    /// Waits for the blocker, if there is one, then in the queue, and then for the batch.
    async fn in_turn(
        &self,
        submitted: &Submitted<'_, W>,
        blocker: Option<W::Blocker>,
    ) -> Result<Told<W>, NotDone> {
        let (shared, key, work) = (&self.shared, submitted.key, submitted.work);
        let claim = Arc::new(Claim::default());
        let (sender, mut told) = oneshot::channel();
        let waiting = Waiting {
            item: submitted.item.clone(),
            since: submitted.since,
            blocker,
            claim: claim.clone(),
            told: sender,
        };
        if waiting.blocker.is_some() {
            claim.take();
            Shared::park(shared, key, work, waiting);
        } else if shared.queues().push(key, waiting).is_err() {
            shared.totals.refused();
            return Err(NotDone::Full);
        }
        Shared::begin(shared, work);
        let limits = &shared.limits;
        let answer = match timeout_at(submitted.since + limits.wait, &mut told).await {
            Ok(answer) => answer,
            Err(_) => match claim.give_up() {
                Some(given_up) => {
                    shared.queues().purge(key);
                    shared.totals.refused();
                    return Err(given_up.into());
                }
                None => {
                    let answer = timeout(limits.patience, told).await;
                    answer.map_err(|_| NotDone::Lost)?
                }
            },
        };
        answer.map_err(|_| NotDone::Lost)
    }

    /// Processes an item alone, and patiently if that is contended.
    async fn by_itself(
        &self,
        submitted: &Submitted<'_, W>,
        turn: Turn,
    ) -> Result<Result<Answer<W::Output, W::Blocker>, W::Error>, NotDone> {
        if turn == Turn::Alone {
            let done = self.run_one(submitted, turn, None).await?;
            match &done {
                Err(error) if error.is_contended() => {}
                _ => return Ok(done),
            }
        }
        let patient = self.shared.patient.clone().acquire_owned();
        let permit = timeout_at(submitted.since + self.shared.limits.wait, patient).await;
        let Ok(permit) = permit else {
            self.shared.totals.refused();
            return Err(NotDone::Blocked);
        };
        self.run_one(submitted, Turn::Patient, permit.ok()).await
    }

    async fn run_one(
        &self,
        submitted: &Submitted<'_, W>,
        turn: Turn,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Result<Result<Answer<W::Output, W::Blocker>, W::Error>, NotDone> {
        let (shared, key) = (self.shared.clone(), submitted.key.clone());
        let (item, work) = (submitted.item.clone(), submitted.work.clone());
        let running = async move {
            let _permit = permit;
            // A patient wait for a held resource is no sign of a stuck database.
            let _running = (turn != Turn::Patient).then(|| Running::of(&shared));
            let held = shared.queues().blockers(&key).into_iter().collect();
            let batch = Batch {
                items: vec![item],
                turn,
                held,
            };
            let mut answers = work.run(key, batch).await?;
            Ok(answers.pop().expect("one item in, one answer out"))
        };
        // Log lines of the work belong to the submitter's request.
        let task = self.shared.runtime.spawn(running.in_current_span());
        match timeout(self.shared.limits.patience, task).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(_)) | Err(_) => Err(NotDone::Lost),
        }
    }

    /// Returns the counts so far.
    pub fn counts(&self) -> Counts {
        let queues = self.shared.queues();
        let (waiting, parked) = (queues.waiting(), queues.parked());
        drop(queues);
        self.shared.totals.counts(waiting, parked)
    }

    /// Returns the age of the oldest batch in progress, excluding patient waits. `None` if there is none.
    pub fn oldest(&self) -> Option<Duration> {
        let running = self.shared.running();
        running.first().map(|(since, _)| since.elapsed())
    }
}
