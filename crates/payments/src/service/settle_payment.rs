//! Finding out what became of a payment whose attempt was left open, and making sure that nothing more becomes of it.

use oms_database::{Database, DbError};
use oms_validation::{Money, TenantId};

use super::recorded_gateway::RecordedGateway;
use crate::store::attempts;
use crate::{
    Attempt, AttemptState, Closing, DeclineCode, GatewayError, Operation, OperationKey,
    PaymentGateway, PaymentStatus, PrepareRequest, Reference, UnsavedCalls,
};

/// What to do with a payment that waits for the customer or for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FencePolicy {
    /// Its time is not over: leave it.
    KeepPending,
    /// Its time is over: cancel it.
    CancelPending,
    /// Just look, because somebody may be confirming it at this moment: what is paid, cancelled or declined is settled,
    /// and everything else is left.
    Observe,
}

/// What is known of a payment now.
#[derive(Debug)]
pub enum SettleOutcome {
    /// The customer has paid exactly what was asked.
    Paid {
        /// What was taken.
        amount: Money,
    },
    /// The customer has paid something else than was asked. Keep the stock, and alert.
    WrongAmount {
        /// What was taken.
        charged: Money,
    },
    /// The gateway says that it is cancelled: proof that no money moved or can still move.
    Voided {
        /// Why it was declined before, if it was.
        decline_code: Option<DeclineCode>,
    },
    /// No reference is stored: once the attempt is closed, that is proof that no money moved or can still move.
    NeverPrepared,
    /// Not to be settled now. Keep the stock, and look again later.
    Later(LaterCause),
    /// Somebody else has closed the attempt. Read the order again.
    Superseded,
}

/// Why a payment can't be settled now.
#[derive(Debug, thiserror::Error)]
pub enum LaterCause {
    /// The customer or the bank has yet to do something, and the gateway does not let us cancel, or we don't want to.
    #[error("the payment is pending at the gateway: {0:?}")]
    Pending(PaymentStatus),
    /// The gateway did not answer.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The database did not answer.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The attempt belongs to a gateway that this program was not given.
    #[error("the attempt belongs to the gateway {0}")]
    OtherGateway(String),
    /// The gateway has a refund with this refund's id, of another amount.
    #[error("the gateway has a refund of another amount: {amount:?}")]
    OtherRefund {
        /// The amount that it has.
        amount: Money,
    },
}

impl SettleOutcome {
    /// How the attempt may be closed now; none while it has to stay open.
    pub fn closing(&self) -> Option<Closing> {
        match self {
            Self::Paid { amount } => Some(Closing::Paid { captured: *amount }),
            Self::Voided {
                decline_code: Some(code),
            } => Some(Closing::Declined(code.clone())),
            Self::Voided { decline_code: None } => Some(Closing::Voided),
            Self::NeverPrepared => Some(Closing::NeverPrepared),
            Self::WrongAmount { .. } | Self::Later(_) | Self::Superseded => None,
        }
    }

    /// As [`closing`](Self::closing), but takes whatever the gateway has charged for the payment: for an operator who
    /// accepts it, and for giving all of it back. None for money in another currency than the attempt's, and for none at
    /// all.
    pub fn accept_charged_amount(&self, attempt: &Attempt) -> Option<Closing> {
        let Self::WrongAmount { charged } = self else {
            return self.closing();
        };
        let acceptable = charged.currency == attempt.amount.currency && charged.amount_minor > 0;
        acceptable.then_some(Closing::Paid { captured: *charged })
    }
}

/// What is known of a payment, and the calls by which it was learnt.
#[derive(Debug)]
#[must_use = "an outcome with a closing changes nothing until the attempt is closed"]
pub struct Settled {
    /// What is known of the payment.
    pub outcome: SettleOutcome,
    /// What is not in the history yet. Nothing, where nothing is to be closed.
    pub calls: UnsavedCalls,
}

impl Settled {
    /// As [`SettleOutcome::closing`].
    pub fn closing(&self) -> Option<Closing> {
        self.outcome.closing()
    }
}

/// Settles the payment of an attempt that was left open. Holds no connection while the gateway is asked, can be
/// repeated, and does not close the attempt.
///
/// Whoever still collects the payment meanwhile loses: either the reference can't be stored any more, or the payment is
/// cancelled, or it was paid before that and this says so. Only [`FencePolicy::Observe`] leaves them alone.
pub async fn settle_payment(
    database: &Database,
    gateway: &dyn PaymentGateway,
    tenant_id: TenantId,
    attempt: &Attempt,
    policy: FencePolicy,
) -> Settled {
    let mut settlement = Settlement {
        database,
        gateway: RecordedGateway::new(gateway, attempt),
        tenant_id,
        attempt,
        policy,
        state: attempt.state,
    };
    let outcome = if attempt.gateway == gateway.name() {
        settlement.run().await
    } else {
        SettleOutcome::Later(LaterCause::OtherGateway(attempt.gateway.clone()))
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
    /// The state that the attempt was last seen in, or that we put it into.
    state: AttemptState,
}

impl Settlement<'_> {
    async fn run(&mut self) -> SettleOutcome {
        match (self.attempt.state, &self.attempt.reference) {
            (AttemptState::Created, _) => self.settle_created().await,
            (state, Some(reference)) if state.is_open() => self.settle_sent(reference).await,
            _ => SettleOutcome::Superseded,
        }
    }

    /// Preparing again finds the payment that was prepared before, if any, so that it can be cancelled. Where that fails
    /// nothing is lost: a payment without a stored reference is never confirmed.
    async fn settle_created(&mut self) -> SettleOutcome {
        if self.policy == FencePolicy::Observe {
            return pending(PaymentStatus::NotConfirmed);
        }
        let request = PrepareRequest::of(self.tenant_id, self.attempt);
        let reference = match self.gateway.prepare(&request).await {
            Ok(reference) => reference,
            Err(error) => {
                tracing::debug!(%error, "settling a payment that the gateway can't name");
                return SettleOutcome::NeverPrepared;
            }
        };
        let calls = self.gateway.take_calls();
        match self.store_or_reload(reference, &calls).await {
            Ok(Some(reference)) => self.settle_sent(&reference).await,
            Ok(None) => SettleOutcome::Superseded,
            Err(error) => {
                self.gateway.give_back(calls);
                SettleOutcome::Later(error.into())
            }
        }
    }

    /// The reference that is stored now, ours or another's; none when the attempt is closed.
    async fn store_or_reload(
        &mut self,
        reference: Reference,
        calls: &UnsavedCalls,
    ) -> Result<Option<Reference>, DbError> {
        let mut connection = self.database.acquire().await?;
        let (tenant_id, id) = (self.tenant_id, self.attempt.id);
        if attempts::store_reference(&mut connection, tenant_id, id, &reference, calls).await? {
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

    /// Writes that a cancellation is about to be sent. False when somebody has closed the attempt.
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
                self.gateway.give_back(calls);
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

    /// Writes what was learnt of an attempt that stays open.
    async fn observe(&mut self, outcome: &SettleOutcome) {
        let heard = match outcome {
            SettleOutcome::Later(LaterCause::Pending(status)) => AttemptState::heard(status),
            // What is not known of any more is known of as little as before, except that a confirmation has ended.
            SettleOutcome::Later(LaterCause::Gateway(_)) => Some(AttemptState::Unknown),
            _ => None,
        };
        let (database, tenant_id) = (self.database, self.tenant_id);
        let from = &[self.state];
        self.gateway.observe(database, tenant_id, from, heard).await;
    }
}

fn pending(status: PaymentStatus) -> SettleOutcome {
    SettleOutcome::Later(LaterCause::Pending(status))
}

/// What to do about a payment.
#[derive(Debug)]
enum Step {
    Done(SettleOutcome),
    Fence { decline_code: Option<DeclineCode> },
}

fn next_step(expected: Money, status: PaymentStatus, policy: FencePolicy) -> Step {
    match (status, policy) {
        (PaymentStatus::Paid { amount }, _) => Step::Done(paid(expected, amount)),
        (PaymentStatus::Cancelled, _) => Step::Done(SettleOutcome::Voided { decline_code: None }),
        // A confirmation may still be on its way.
        (PaymentStatus::NotConfirmed, FencePolicy::KeepPending | FencePolicy::CancelPending) => {
            Step::Fence { decline_code: None }
        }
        (PaymentStatus::Declined { code }, _) => Step::Fence {
            decline_code: Some(code),
        },
        (PaymentStatus::NeedsAction | PaymentStatus::Authorised, FencePolicy::CancelPending) => {
            Step::Fence { decline_code: None }
        }
        // What the bank is working on can't be called back.
        (status @ PaymentStatus::Processing, _)
        | (
            status @ (PaymentStatus::NeedsAction | PaymentStatus::Authorised),
            FencePolicy::KeepPending | FencePolicy::Observe,
        )
        | (status @ PaymentStatus::NotConfirmed, FencePolicy::Observe) => {
            Step::Done(pending(status))
        }
    }
}

fn paid(expected: Money, amount: Money) -> SettleOutcome {
    if amount == expected {
        SettleOutcome::Paid { amount }
    } else {
        SettleOutcome::WrongAmount { charged: amount }
    }
}

#[cfg(test)]
mod tests {
    use super::FencePolicy::{CancelPending, KeepPending, Observe};
    use super::*;
    use crate::{AttemptId, NewAttempt};
    use oms_validation::{Currency, OrderId};

    fn usd(amount_minor: i64) -> Money {
        let currency = Currency::parse("USD").unwrap();
        Money {
            amount_minor,
            currency,
        }
    }

    fn step(status: PaymentStatus, policy: FencePolicy) -> Step {
        next_step(usd(2000), status, policy)
    }

    #[test]
    fn the_wrong_amount_never_closes_an_attempt() {
        for policy in [KeepPending, CancelPending, Observe] {
            let right = PaymentStatus::Paid { amount: usd(2000) };
            let Step::Done(outcome) = step(right, policy) else {
                panic!("a payment is no reason to cancel");
            };
            let captured = usd(2000);
            assert_eq!(outcome.closing(), Some(Closing::Paid { captured }));

            let wrong = PaymentStatus::Paid { amount: usd(1) };
            let Step::Done(outcome) = step(wrong, policy) else {
                panic!("a payment is no reason to cancel");
            };
            assert!(matches!(outcome, SettleOutcome::WrongAmount { .. }));
            assert_eq!(outcome.closing(), None);
        }
    }

    #[test]
    fn what_could_still_be_confirmed_is_cancelled_before_anything_is_released() {
        let code = DeclineCode::new("expired_card");
        for policy in [KeepPending, CancelPending] {
            let unconfirmed = step(PaymentStatus::NotConfirmed, policy);
            assert!(matches!(unconfirmed, Step::Fence { decline_code: None }));
            let declined = step(PaymentStatus::Declined { code: code.clone() }, policy);
            assert!(matches!(declined, Step::Fence { decline_code: Some(found) } if found == code));
        }
    }

    #[test]
    fn only_a_cancelled_payment_is_voided_without_another_call() {
        let Step::Done(outcome) = step(PaymentStatus::Cancelled, KeepPending) else {
            panic!("it is cancelled already");
        };
        assert_eq!(outcome.closing(), Some(Closing::Voided));
    }

    #[test]
    fn a_customer_is_waited_for_until_the_time_is_over() {
        for status in [PaymentStatus::NeedsAction, PaymentStatus::Authorised] {
            for policy in [KeepPending, Observe] {
                let early = step(status.clone(), policy);
                assert!(matches!(early, Step::Done(SettleOutcome::Later(_))));
            }
            let late = step(status, CancelPending);
            assert!(matches!(late, Step::Fence { decline_code: None }));
        }
    }

    #[test]
    fn what_the_bank_is_working_on_is_waited_for_whatever_the_time() {
        for policy in [KeepPending, CancelPending, Observe] {
            let processing = step(PaymentStatus::Processing, policy);
            assert!(matches!(processing, Step::Done(SettleOutcome::Later(_))));
        }
    }

    #[test]
    fn whoever_just_looks_fences_what_was_declined_and_nothing_else() {
        let unconfirmed = step(PaymentStatus::NotConfirmed, Observe);
        assert!(matches!(unconfirmed, Step::Done(SettleOutcome::Later(_))));
        let code = DeclineCode::new("expired_card");
        let declined = step(PaymentStatus::Declined { code: code.clone() }, Observe);
        assert!(matches!(declined, Step::Fence { decline_code: Some(found) } if found == code));
        let Step::Done(outcome) = step(PaymentStatus::Cancelled, Observe) else {
            panic!("it is cancelled already");
        };
        assert_eq!(outcome.closing(), Some(Closing::Voided));
    }

    #[test]
    fn another_amount_is_accepted_only_when_asked_and_only_in_the_same_currency() {
        let attempt = NewAttempt {
            id: AttemptId::generate(),
            order_id: OrderId::generate(),
            number: 1,
            amount: usd(2000),
            gateway: "fake".to_owned(),
        }
        .recorded();
        let eur = Money {
            currency: Currency::parse("EUR").unwrap(),
            ..usd(2000)
        };
        for (charged, accepted) in [
            (usd(1), true),
            (usd(3000), true),
            (usd(0), false),
            (eur, false),
        ] {
            let outcome = SettleOutcome::WrongAmount { charged };
            assert_eq!(outcome.closing(), None, "{charged:?}");
            let expected = accepted.then_some(Closing::Paid { captured: charged });
            assert_eq!(
                outcome.accept_charged_amount(&attempt),
                expected,
                "{charged:?}"
            );
        }
        let voided = SettleOutcome::Voided { decline_code: None };
        assert_eq!(
            voided.accept_charged_amount(&attempt),
            Some(Closing::Voided)
        );
        let later = pending(PaymentStatus::Processing);
        assert_eq!(later.accept_charged_amount(&attempt), None);
    }
}
