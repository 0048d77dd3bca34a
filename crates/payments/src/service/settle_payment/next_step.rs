//! What to do about a payment, by what the gateway says of it.

use oms_validation::Money;

use super::FencePolicy;
use super::outcome::{SettleOutcome, paid, pending};
use crate::{DeclineCode, PaymentStatus};

/// What to do about a payment.
#[derive(Debug)]
pub(super) enum Step {
    Done(SettleOutcome),
    Fence { decline_code: Option<DeclineCode> },
}

pub(super) fn next_step(expected: Money, status: PaymentStatus, policy: FencePolicy) -> Step {
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
}
