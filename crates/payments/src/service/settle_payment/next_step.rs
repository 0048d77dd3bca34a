//! What to do about a payment, depending on its state at the gateway.

use oms_validation::Money;

use super::FencePolicy;
use super::outcome::{SettleOutcome, paid, pending};
use crate::{DeclineCode, PaymentStatus};

/// The next step for a payment.
#[derive(Debug)]
pub(super) enum Step {
    Done(SettleOutcome),
    Fence { decline_code: Option<DeclineCode> },
}

pub(super) fn next_step(expected: Money, status: PaymentStatus, policy: FencePolicy) -> Step {
    match (status, policy) {
        (PaymentStatus::Paid { amount }, _) => Step::Done(paid(expected, amount)),
        (PaymentStatus::Cancelled, _) => Step::Done(SettleOutcome::Voided { decline_code: None }),
        // A confirmation may still be in flight.
        (PaymentStatus::NotConfirmed, FencePolicy::KeepPending | FencePolicy::CancelPending) => {
            Step::Fence { decline_code: None }
        }
        (PaymentStatus::Declined { code }, _) => Step::Fence {
            decline_code: Some(code),
        },
        (PaymentStatus::NeedsAction | PaymentStatus::Authorised, FencePolicy::CancelPending) => {
            Step::Fence { decline_code: None }
        }
        // The bank is processing the payment, and it can't be cancelled.
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

#[cfg(test)]
mod tests {
    use super::FencePolicy::{CancelPending, KeepPending, Observe};
    use super::*;
    use crate::Closing;
    use oms_validation::Currency;

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
                panic!("a paid payment must not be cancelled");
            };
            let captured = usd(2000);
            assert_eq!(outcome.closing(), Some(Closing::Paid { captured }));

            let wrong = PaymentStatus::Paid { amount: usd(1) };
            let Step::Done(outcome) = step(wrong, policy) else {
                panic!("a paid payment must not be cancelled");
            };
            assert!(matches!(outcome, SettleOutcome::WrongAmount { .. }));
            assert_eq!(outcome.closing(), None);
        }
    }

    #[test]
    fn a_payment_that_could_still_be_confirmed_is_cancelled_before_anything_is_released() {
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
            panic!("a cancelled payment needs no cancellation");
        };
        assert_eq!(outcome.closing(), Some(Closing::Voided));
    }

    #[test]
    fn a_payment_waits_for_the_customer_until_its_time_expires() {
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
    fn a_payment_that_the_bank_is_processing_is_never_cancelled() {
        for policy in [KeepPending, CancelPending, Observe] {
            let processing = step(PaymentStatus::Processing, policy);
            assert!(matches!(processing, Step::Done(SettleOutcome::Later(_))));
        }
    }

    #[test]
    fn observing_cancels_a_declined_payment_and_no_other() {
        let unconfirmed = step(PaymentStatus::NotConfirmed, Observe);
        assert!(matches!(unconfirmed, Step::Done(SettleOutcome::Later(_))));
        let code = DeclineCode::new("expired_card");
        let declined = step(PaymentStatus::Declined { code: code.clone() }, Observe);
        assert!(matches!(declined, Step::Fence { decline_code: Some(found) } if found == code));
        let Step::Done(outcome) = step(PaymentStatus::Cancelled, Observe) else {
            panic!("a cancelled payment needs no cancellation");
        };
        assert_eq!(outcome.closing(), Some(Closing::Voided));
    }
}
