//! Determining the outcome of a payment whose attempt was left open, and preventing any other outcome.

mod next_step;
mod outcome;

use oms_database::{Database, DbError, LockWait};
use oms_validation::TenantId;

use super::recorded_gateway::RecordedGateway;
use crate::store::attempts::{self, Sent};
use crate::{
    Attempt, AttemptState, DeclineCode, Operation, OperationKey, PaymentGateway, PaymentStatus,
    PrepareRequest, Reference, UnsavedCalls,
};
use next_step::{Step, next_step};
pub use outcome::{LaterCause, SettleOutcome, Settled};
use outcome::{paid, pending};

/// What to do with a payment that waits for the customer or for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FencePolicy {
    /// Its time has not expired: leave it.
    KeepPending,
    /// Its time has expired: cancel it.
    CancelPending,
    /// Only observe, because a confirmation may be in flight: settle what is paid, cancelled or declined, and leave
    /// everything else.
    Observe,
}

/// Settles the payment of an attempt that was left open, in the name of `actor`. Holds no connection during calls to
/// the gateway, can be repeated, and does not close the attempt.
///
/// A worker that is still collecting the payment loses: it can no longer store the reference, or the payment is
/// cancelled, or it was paid before that, which is then the outcome. Only [`FencePolicy::Observe`] does not interfere.
pub async fn settle_payment(
    database: &Database,
    gateway: &dyn PaymentGateway,
    tenant_id: TenantId,
    attempt: &Attempt,
    policy: FencePolicy,
    actor: &str,
) -> Settled {
    let mut settlement = Settlement {
        database,
        gateway: RecordedGateway::new(gateway, attempt, actor),
        tenant_id,
        attempt,
        policy,
        state: attempt.state,
    };
    let outcome = if attempt.gateway != gateway.name() {
        SettleOutcome::Later(LaterCause::OtherGateway(attempt.gateway.clone()))
    } else if attempt.is_inherited {
        settlement.read_inherited().await
    } else {
        settlement.run().await
    };
    if outcome.closing().is_none() {
        settlement.observe(&outcome).await;
    }
    Settled {
        outcome,
        calls: settlement.gateway.take_calls(),
    }
}

struct Settlement<'a> {
    database: &'a Database,
    gateway: RecordedGateway<'a>,
    tenant_id: TenantId,
    attempt: &'a Attempt,
    policy: FencePolicy,
    /// The state in which the attempt was last seen, or into which we moved it.
    state: AttemptState,
}

impl Settlement<'_> {
    async fn run(&mut self) -> SettleOutcome {
        match (self.attempt.state, &self.attempt.reference) {
            (AttemptState::Created, _) => self.settle_created().await,
            (AttemptState::Other(state), _) => SettleOutcome::Later(LaterCause::Newer(state)),
            (state, Some(reference)) if state.is_open() => self.settle_sent(reference).await,
            _ => SettleOutcome::Superseded,
        }
    }

    /// Settles only what has ended at the gateway. Everything else is left to the database that this one was copied
    /// from, which may be collecting the payment at this moment.
    async fn read_inherited(&mut self) -> SettleOutcome {
        let reference = match (self.attempt.state, &self.attempt.reference) {
            (AttemptState::Other(state), _) => {
                return SettleOutcome::Later(LaterCause::Newer(state));
            }
            (state, _) if !state.is_open() => return SettleOutcome::Superseded,
            (_, Some(reference)) => reference,
            (_, None) => return SettleOutcome::Later(LaterCause::Inherited),
        };
        match self.gateway.lookup(reference).await {
            Ok(PaymentStatus::Paid { amount }) => paid(self.attempt.amount, amount),
            Ok(PaymentStatus::Cancelled) => SettleOutcome::Voided { decline_code: None },
            Ok(_) => SettleOutcome::Later(LaterCause::Inherited),
            Err(error) => SettleOutcome::Later(error.into()),
        }
    }

    /// Prepares the payment again, which returns the payment that was prepared before, if any, so that it can be
    /// cancelled. If that fails nothing is lost: a payment without a stored reference is never confirmed.
    async fn settle_created(&mut self) -> SettleOutcome {
        if self.policy == FencePolicy::Observe {
            return pending(PaymentStatus::NotConfirmed);
        }
        let request = PrepareRequest::of(self.tenant_id, self.attempt);
        let reference = match self.gateway.prepare(&request).await {
            Ok(reference) => reference,
            Err(error) => {
                tracing::debug!(%error, "settling a payment whose reference the gateway did not return");
                return SettleOutcome::NeverPrepared;
            }
        };
        let calls = self.gateway.take_calls();
        match self.store_or_reload(reference, &calls).await {
            Ok(Some(reference)) => self.settle_sent(&reference).await,
            Ok(None) => SettleOutcome::Superseded,
            Err(error) => {
                self.gateway.put_back(calls);
                SettleOutcome::Later(error.into())
            }
        }
    }

    /// Returns the reference that is stored now, ours or another worker's; `None` when the attempt is closed.
    async fn store_or_reload(
        &mut self,
        reference: Reference,
        calls: &UnsavedCalls,
    ) -> Result<Option<Reference>, DbError> {
        let mut connection = self.database.acquire().await?;
        let (tenant_id, id) = (self.tenant_id, self.attempt.id);
        let sent = Sent {
            attempt_id: id,
            reference: &reference,
            calls,
        };
        let stored =
            attempts::store_references(&mut connection, tenant_id, &[sent], LockWait::Session)
                .await?;
        if stored.contains(&id) {
            self.state = AttemptState::Sent;
            return Ok(Some(reference));
        }
        let now = attempts::find_attempt(&mut connection, tenant_id, id).await?;
        let Some(now) = now.filter(|attempt| attempt.state.is_open()) else {
            return Ok(None);
        };
        self.state = now.state;
        Ok(now.reference)
    }

    async fn settle_sent(&mut self, reference: &Reference) -> SettleOutcome {
        let status = match self.gateway.lookup(reference).await {
            Ok(status) => status,
            Err(error) => return SettleOutcome::Later(error.into()),
        };
        let decline_code = match next_step(self.attempt.amount, status, self.policy) {
            Step::Done(outcome) => return outcome,
            Step::Fence { decline_code } => decline_code,
        };
        match self.begin_voiding().await {
            Ok(true) => self.fence(reference, decline_code).await,
            Ok(false) => SettleOutcome::Superseded,
            Err(error) => SettleOutcome::Later(error.into()),
        }
    }

    /// Records that a cancellation is about to be sent. False when another worker has closed the attempt.
    async fn begin_voiding(&mut self) -> Result<bool, DbError> {
        let calls = self.gateway.take_calls();
        let written = async {
            let mut connection = self.database.acquire().await?;
            let (tenant_id, id) = (self.tenant_id, self.attempt.id);
            let (from, to) = (&AttemptState::AT_THE_GATEWAY, AttemptState::Voiding);
            attempts::move_attempt(&mut connection, tenant_id, id, from, to, &calls).await
        };
        match written.await {
            Ok(moved) => {
                self.state = AttemptState::Voiding;
                Ok(moved)
            }
            Err(error) => {
                self.gateway.put_back(calls);
                Err(error)
            }
        }
    }

    async fn fence(
        &mut self,
        reference: &Reference,
        decline_code: Option<DeclineCode>,
    ) -> SettleOutcome {
        let attempt = self.attempt;
        let key = OperationKey::unique(attempt.order_id, Operation::Cancel, attempt.number);
        match self.gateway.cancel(reference, &key).await {
            Ok(PaymentStatus::Cancelled) => SettleOutcome::Voided { decline_code },
            Ok(PaymentStatus::Paid { amount }) => paid(attempt.amount, amount),
            Ok(status) => pending(status),
            Err(error) => SettleOutcome::Later(error.into()),
        }
    }

    /// Records the observed state of an attempt that stays open.
    async fn observe(&mut self, outcome: &SettleOutcome) {
        let heard = match outcome {
            SettleOutcome::Later(LaterCause::Pending(status)) => AttemptState::heard(status),
            // Unknown either way; but a confirmation is no longer in flight.
            SettleOutcome::Later(LaterCause::Gateway(_)) => Some(AttemptState::Unknown),
            _ => None,
        };
        let (database, tenant_id) = (self.database, self.tenant_id);
        let from = &[self.state];
        self.gateway.observe(database, tenant_id, from, heard).await;
    }
}
