//! An open payment of an order, and what the storefront can do about it.

use chrono::{DateTime, Utc};
use oms_payments::{Attempt, AttemptState};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::failure::Failure;

/// Maximum number of attempts to pay one order. A buyer who mistypes needs a few; a card tester needs many.
pub(crate) const MAX_ATTEMPTS: i32 = 10;

/// The timeline note of another attempt to pay an order. A decline is charged to the author of the newest such note.
pub(crate) fn attempt_begins(number: i32) -> String {
    format!("payment attempt {number} begins")
}

/// The payment of an order that is `PENDING_PAYMENT`.
#[derive(Clone, Debug)]
pub struct OpenPayment {
    /// The latest attempt.
    pub attempt: Attempt,
    /// When the order fails unless it is paid.
    pub expires_at: DateTime<Utc>,
}

/// What the storefront can do about a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentAction {
    /// Let the customer complete `nextAction`.
    Authenticate,
    /// Send another payment method to `POST /orders/{id}/payment`.
    TryAnotherMethod,
    /// Give up, with `POST /orders/{id}/cancel`.
    Cancel,
}

impl OpenPayment {
    /// Whether it waits only for the customer.
    pub fn needs_action(&self) -> bool {
        self.attempt.state == AttemptState::NeedsAction
    }

    /// What the storefront can do now. Empty while the payment is in progress.
    pub fn actions(&self) -> Vec<PaymentAction> {
        let attempt = &self.attempt;
        if !self.needs_action() && !attempt.state.is_dead() {
            return Vec::new();
        }
        let authenticate = self.needs_action().then_some(PaymentAction::Authenticate);
        let another = attempt.number < MAX_ATTEMPTS;
        let another = another.then_some(PaymentAction::TryAnotherMethod);
        let actions = authenticate.into_iter().chain(another);
        actions.chain([PaymentAction::Cancel]).collect()
    }
}

/// Why an order whose latest attempt is dead is not paid.
pub(crate) fn failure_of(attempt: &Attempt) -> Failure {
    match &attempt.decline_code {
        Some(code) => Failure::PaymentDeclined {
            decline_code: code.as_str().to_owned(),
        },
        None => Failure::PaymentVoided,
    }
}

#[cfg(test)]
mod tests {
    use oms_payments::{AttemptId, DeclineCode};
    use oms_validation::{Currency, Money, OrderId};

    use super::*;

    fn payment(state: AttemptState, number: i32) -> OpenPayment {
        OpenPayment {
            attempt: Attempt {
                id: AttemptId::generate(),
                order_id: OrderId::generate(),
                number,
                amount: Money {
                    amount_minor: 1,
                    currency: Currency::parse("USD").unwrap(),
                },
                gateway: "fake".to_owned(),
                state,
                reference: None,
                captured: None,
                decline_code: None,
                is_inherited: false,
                customer_action: None,
            },
            expires_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_storefront_can_act_while_the_payment_is_not_in_progress() {
        use PaymentAction::{Authenticate, Cancel, TryAnotherMethod};
        for state in AttemptState::ALL {
            let expected: &[PaymentAction] = match state {
                AttemptState::NeedsAction => &[Authenticate, TryAnotherMethod, Cancel],
                state if state.is_dead() => &[TryAnotherMethod, Cancel],
                _ => &[],
            };
            assert_eq!(payment(state, 1).actions(), expected, "{state}");
        }
        let last = payment(AttemptState::Declined, MAX_ATTEMPTS);
        assert_eq!(last.actions(), [Cancel]);
    }

    #[test]
    fn a_dead_attempt_shows_why_the_order_is_not_paid() {
        let mut attempt = payment(AttemptState::Voided, 1).attempt;
        assert_eq!(failure_of(&attempt), Failure::PaymentVoided);
        attempt.decline_code = Some(DeclineCode::new("lost_card"));
        let decline_code = "lost_card".to_owned();
        assert_eq!(
            failure_of(&attempt),
            Failure::PaymentDeclined { decline_code }
        );
    }
}
