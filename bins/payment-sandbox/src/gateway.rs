//! The shared state, behind one mutex that is never held across an await: who may run, with which fault, and the
//! sequence "compute, write to the journal, apply", which makes a kill harmless.

mod calls;
mod control;
mod delivery;

pub(crate) use calls::Calls;
pub(crate) use delivery::Errand;

use std::{
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, watch};

use crate::{
    answer::Answer,
    api_error::ApiError,
    endpoint::Operation,
    events::Origin,
    faults::{Action, Facts, FaultPlan},
    idempotency::{IdempotencyKeys, KeyUse, Seen},
    journal::{self, Journal},
    ledger::{Change, Executed, Ledger},
    limits::RateLimit,
    requests::{Command, Query, Request},
    webhooks::{Outbox, WebhookEndpoint},
};

/// Unix seconds.
pub(crate) type Clock = fn() -> i64;

/// The simulated payment gateway.
#[derive(Debug)]
pub(crate) struct Gateway {
    books: Mutex<Books>,
    gate: watch::Sender<Gate>,
    /// Wakes the courier when there may be something to deliver.
    news: Notify,
    /// Counts the tries of deliveries, for calls that wait for one.
    tries: watch::Sender<u64>,
    /// The webhook endpoint from the command line.
    configured: Option<WebhookEndpoint>,
    clock: Clock,
}

#[derive(Debug)]
struct Books {
    ledger: Ledger,
    keys: IdempotencyKeys,
    journal: Journal,
    plan: FaultPlan,
    calls: Calls,
    limit: RateLimit,
    outbox: Outbox,
}

/// What waiting calls watch: how often calls were released, and how often abandoned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gate {
    released: u64,
    abandoned: u64,
}

/// An incoming call.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) operation: Operation,
    /// The request, or why it is not valid.
    pub(crate) request: Result<Request, ApiError>,
    pub(crate) key: Option<KeyUse>,
    pub(crate) request_id: String,
}

/// What happens to a call.
#[derive(Debug)]
pub(crate) enum Admission {
    /// It is answered without being executed, and no fault applies.
    Answered(Answer),
    /// It is to be executed, with this fault, if any.
    Admitted(Box<Admitted>),
}

/// A call that is to be executed.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) fault: Option<Action>,
    /// As it was when the call was admitted.
    pub(crate) gate: Gate,
    work: Work,
    request_id: String,
}

#[derive(Debug)]
enum Work {
    Command(Command, Option<KeyUse>),
    Query(Query),
    Replay(Reply),
}

/// An answer, and for a replay the request that it answered first.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) answer: Answer,
    pub(crate) original_request: Option<String>,
    /// The sequence numbers of the events that it caused.
    events: Vec<u64>,
}

impl Gateway {
    /// Opens the journal and restores its state.
    ///
    /// # Errors
    /// When the journal can't be read or written, or another process has it.
    pub(crate) fn open(
        state_file: &Path,
        webhooks: Option<WebhookEndpoint>,
        clock: Clock,
    ) -> anyhow::Result<Self> {
        let lock = journal::lock(state_file)?;
        let mut ledger = Ledger::default();
        let mut keys = IdempotencyKeys::default();
        for mut change in journal::read(state_file)? {
            if let Some(record) = change.key.take() {
                keys.remember(record);
            }
            if let Some(expired) = change.expired.take() {
                keys.expire(&expired);
            }
            ledger.apply(change);
        }
        let now = clock();
        let kept = keys.kept(now).cloned();
        let records = kept.map(|record| Change {
            key: Some(record),
            ..Change::default()
        });
        let journal = Journal::compacted(state_file, lock, ledger.changes().chain(records))?;
        let mut books = Books {
            ledger,
            keys,
            journal,
            plan: FaultPlan::default(),
            calls: Calls::default(),
            limit: RateLimit::default(),
            outbox: Outbox::default(),
        };
        books.outbox.endpoint.clone_from(&webhooks);
        books.put_undelivered();
        Ok(Self {
            books: Mutex::new(books),
            gate: watch::Sender::default(),
            news: Notify::new(),
            tries: watch::Sender::default(),
            configured: webhooks,
            clock,
        })
    }

    /// The current time, for parsing requests.
    pub(crate) fn now(&self) -> i64 {
        (self.clock)()
    }

    /// Counts a call, looks up its idempotency key, and consults the fault plan.
    pub(crate) fn admit(&self, call: Call) -> Admission {
        let mut books = self.books();
        let order_id = books.ledger.order_of(&call.request).map(str::to_owned);
        books.calls.count(call.operation, order_id.as_deref());
        if !books.limit.admits(self.now()) {
            return Admission::Answered(ApiError::rate_limited().answer());
        }
        let replay = match books.replay(call.key.as_ref(), self.now()) {
            Ok(replay) => replay,
            Err(error) => return Admission::Answered(error.answer()),
        };
        let request = match call.request {
            Ok(request) => request,
            Err(error) => return Admission::Answered(error.answer()),
        };
        let fault = books.plan.take(Facts {
            operation: call.operation,
            order_id: order_id.as_deref(),
            pays: request.pays(),
            replay: replay.is_some(),
        });
        let work = match (replay, request) {
            (Some(reply), _) => Work::Replay(reply),
            (None, Request::Query(query)) => Work::Query(query),
            (None, Request::Command(command)) => Work::Command(command, call.key),
        };
        if let Work::Command(_, Some(key)) = &work
            && !fault.as_ref().is_some_and(Action::loses_request)
        {
            books.keys.claim(key.clone());
        }
        let gate = *self.gate.borrow();
        Admission::Admitted(Box::new(Admitted {
            fault,
            gate,
            work,
            request_id: call.request_id,
        }))
    }

    /// Executes a call immediately. `None` when everything was reset meanwhile.
    pub(crate) fn run(&self, admitted: Box<Admitted>) -> Option<Reply> {
        let mut books = self.books();
        if self.gate.borrow().abandoned != admitted.gate.abandoned {
            return None;
        }
        let injected = match admitted.fault {
            Some(Action::ErrorBefore { status } | Action::ErrorAfter { status }) => {
                Some(ApiError::injected(status).answer())
            }
            _ => None,
        };
        let mut reply = match admitted.work {
            Work::Replay(reply) => reply,
            Work::Query(query) => Reply::first(books.ledger.query(&query)),
            Work::Command(command, key) => {
                let fault = admitted.fault.as_ref();
                let now = self.now();
                books.command(&command, key, fault, &admitted.request_id, now)
            }
        };
        if !reply.events.is_empty() {
            self.news.notify_one();
        }
        if let Some(answer) = injected {
            reply.answer = answer;
        }
        Some(reply)
    }

    /// Waits until held calls are released. `false` when they were abandoned instead.
    pub(crate) async fn released(&self, before: Gate) -> bool {
        self.wait(|gate| *gate != before).await.abandoned == before.abandoned
    }

    /// Waits until calls are abandoned, because the process is stopping or everything was reset.
    pub(crate) async fn abandoned(&self, before: Gate) {
        self.wait(|gate| gate.abandoned != before.abandoned).await;
    }

    async fn wait(&self, changed: impl FnMut(&Gate) -> bool) -> Gate {
        let mut gate = self.gate.subscribe();
        let changed = gate.wait_for(changed).await;
        *changed.expect("the sender lives in self, which is borrowed here")
    }

    /// Abandons every waiting call, without an effect.
    pub(crate) fn abandon_calls(&self) {
        let _books = self.books();
        self.gate.send_modify(|gate| gate.abandoned += 1);
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        // A panic under the lock can't leave half a change, because changes are applied last.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Books {
    /// The answer that is stored under the key, if there is one.
    fn replay(&self, key: Option<&KeyUse>, now: i64) -> Result<Option<Reply>, ApiError> {
        let Some(key) = key else { return Ok(None) };
        Ok(match self.keys.look_up(key, now)? {
            Seen::New => None,
            Seen::Executed { answer, request_id } => Some(Reply {
                answer,
                original_request: Some(request_id),
                events: Vec::new(),
            }),
        })
    }

    fn command(
        &mut self,
        command: &Command,
        key: Option<KeyUse>,
        fault: Option<&Action>,
        request_id: &str,
        now: i64,
    ) -> Reply {
        let origin = Origin {
            request_id: Some(request_id.to_owned()),
            idempotency_key: key.as_ref().map(|key| key.key.clone()),
        };
        let forced = fault.and_then(Action::decline);
        let (mut executed, stored) = match fault {
            Some(Action::ErrorBefore { status }) => {
                let nothing = Executed::from(ApiError::injected(*status));
                // Only a 500 comes from Stripe itself; the others come from in front of it.
                (nothing, *status == 500)
            }
            Some(Action::LateEffect { .. }) => (self.ledger.execute_late(command, now), true),
            _ => (self.ledger.execute(command, forced.as_ref(), now), true),
        };
        if let Some(key) = key {
            if stored {
                let failure = match fault {
                    Some(Action::ErrorAfter { status: 500 }) => {
                        Some(ApiError::injected(500).answer())
                    }
                    _ => None,
                };
                let result = failure.as_ref().unwrap_or(&executed.answer);
                executed.change.key = Some(key.executed(result, request_id, now));
            } else {
                self.keys.release(&key.key);
            }
        }
        self.commit(executed, &origin, now)
    }

    /// Writes an effect and its events to the journal, and applies them.
    fn commit(&mut self, mut executed: Executed, origin: &Origin, now: i64) -> Reply {
        let faults = self.add_events(&mut executed.change, origin, now);
        let places = executed.change.events.iter().map(|event| event.seq);
        let events = places.collect();
        let queued = self.outgoing(&executed.change, faults);
        match self.record(executed.change) {
            Ok(()) => {
                self.put_all(queued);
                Reply {
                    events,
                    ..Reply::first(executed.answer)
                }
            }
            Err(error) => Reply::first(error.answer()),
        }
    }

    /// Journal first, memory second, answer last.
    fn record(&mut self, mut change: Change) -> Result<(), ApiError> {
        if change == Change::default() {
            return Ok(());
        }
        if let Err(error) = self.journal.append(&change) {
            eprintln!("payment-sandbox: {error:#}");
            if let Some(record) = &change.key {
                self.keys.release(&record.key);
            }
            let message = "The state file can't be written.";
            return Err(ApiError::internal(500, message));
        }
        if let Some(record) = change.key.take() {
            self.keys.remember(record);
        }
        if let Some(expired) = change.expired.take() {
            self.keys.expire(&expired);
        }
        self.ledger.apply(change);
        Ok(())
    }
}

impl Reply {
    /// An answer that is given for the first time.
    pub(crate) fn first(answer: Answer) -> Self {
        Self {
            answer,
            original_request: None,
            events: Vec::new(),
        }
    }
}
