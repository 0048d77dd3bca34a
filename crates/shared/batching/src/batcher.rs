//! The submitters' side of the queues.

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
    /// Too many were waiting already. Nothing was done.
    #[error("too much is waiting")]
    Full,
    /// It waited too long for its turn. Nothing was done.
    #[error("it waited too long")]
    TooLate,
    /// It waited too long for something that was held. Nothing was done.
    #[error("what it needs was held for too long")]
    Blocked,
    /// Its batch did not end, or not in time. What was done is not known.
    #[error("the work on it was lost")]
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

/// Does together the work that is waiting. Cloning it is cheap and shares it.
pub struct Batcher<W: Work> {
    shared: Arc<Shared<W>>,
}

/// An item on its way, as its submitter has it.
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
    /// A batcher within these bounds. Must be called inside the tokio runtime in which batches shall run.
    pub fn new(limits: Limits) -> Self {
        Self {
            shared: Arc::new(Shared::new(limits)),
        }
    }

    /// Has an item worked on together with others of its key, and returns its answer.
    ///
    /// `work` must be the same for all items, because the submitter of any of them may begin a batch. It runs in a task of
    /// its own: a submitter that stops waiting does not interrupt it.
    ///
    /// When a batch of several fails with an error that may be about one of them, each is worked on alone, in a task of its
    /// own, while the next batch begins. One that is contended even then tries again with patience.
    ///
    /// # Errors
    /// [`NotDone`], which says whether anything was done.
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

    /// Waits in the queue, or first for a blocker, and then for the batch.
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

    /// Works on an item alone, and with patience where that does not do.
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
            // Waiting for what somebody holds is no sign of a database that is stuck.
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
        // What is logged of it belongs to its submitter's request.
        let task = self.shared.runtime.spawn(running.in_current_span());
        match timeout(self.shared.limits.patience, task).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(_)) | Err(_) => Err(NotDone::Lost),
        }
    }

    /// What was done so far.
    pub fn counts(&self) -> Counts {
        let queues = self.shared.queues();
        let (waiting, parked) = (queues.waiting(), queues.parked());
        drop(queues);
        self.shared.totals.counts(waiting, parked)
    }

    /// The age of the oldest batch in progress, apart from items that wait with patience for what somebody holds. `None` when
    /// there is none.
    pub fn oldest(&self) -> Option<Duration> {
        let running = self.shared.running();
        running.first().map(|(since, _)| since.elapsed())
    }
}
