//! What somebody asks to be given back.

use oms_payments::Refund;
use oms_validation::{Money, OrderId};

use crate::domain::reason::Reason;

/// What somebody asks to be given back of an order's payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedRefund {
    /// How much, at least one minor unit; none for all that is left.
    pub amount: Option<Money>,
    /// Why.
    pub reason: Option<Reason>,
    /// Whether to ask the gateway even while the payment is disputed.
    pub disputed: Disputed,
}

/// What to do about a payment that the customer disputes: the bank may give the money back too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Disputed {
    /// Refuse.
    #[default]
    Refuse,
    /// Refund it anyway, because the request insists.
    Refund,
}

impl RequestedRefund {
    /// Whether this request may have made a refund: what an idempotency key stands for is read off the refund itself.
    ///
    /// It has to be of the same order, for the same reason, and of the amount that is asked for. Who asks for all that is
    /// left has made a refund that left nothing; so has who named just this amount, and the two are one request.
    pub(crate) fn made(&self, order_id: OrderId, refund: &Refund) -> bool {
        let is_amount = match self.amount {
            Some(amount) => amount == refund.amount,
            None => refund.is_of_the_rest(),
        };
        let reason = self.reason.as_ref().map(Reason::as_str);
        is_amount && refund.order_id == order_id && refund.reason.as_deref() == reason
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use oms_payments::{Asked, AttemptId, RefundActor, RefundId, RefundState};
    use oms_validation::Currency;

    use super::*;

    fn usd(amount_minor: i64) -> Money {
        Money {
            amount_minor,
            currency: Currency::parse("USD").unwrap(),
        }
    }

    fn refund(left_minor: i64) -> Refund {
        Refund {
            id: RefundId::generate(),
            order_id: OrderId::generate(),
            attempt_id: AttemptId::generate(),
            number: 1,
            amount: usd(300),
            left: usd(left_minor),
            state: RefundState::Pending,
            actor: RefundActor::Oms,
            requested_by: None,
            idempotency_key: None,
            reason: Some("broken".to_owned()),
            reference: None,
            failure_code: None,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
            asked: Asked::Perhaps,
        }
    }

    fn request(amount: Option<Money>, reason: Option<&str>) -> RequestedRefund {
        RequestedRefund {
            amount,
            reason: reason.map(|text| Reason::parse(text).unwrap()),
            disputed: Disputed::Refuse,
        }
    }

    #[test]
    fn every_part_of_a_request_tells_it_from_others() {
        let refund = refund(200);
        let eur = Money {
            currency: Currency::parse("EUR").unwrap(),
            ..usd(300)
        };
        let made = |request: RequestedRefund| request.made(refund.order_id, &refund);
        assert!(made(request(Some(usd(300)), Some("broken"))));
        for other in [
            request(Some(usd(301)), Some("broken")),
            request(Some(eur), Some("broken")),
            request(None, Some("broken")),
            request(Some(usd(300)), Some("late")),
            request(Some(usd(300)), None),
        ] {
            assert!(!made(other.clone()), "{other:?}");
        }
        let of_this = request(Some(usd(300)), Some("broken"));
        assert!(!of_this.made(OrderId::generate(), &refund));
    }

    #[test]
    fn all_that_is_left_may_be_named_or_not() {
        let refund = refund(0);
        for amount in [None, Some(usd(300))] {
            assert!(request(amount, Some("broken")).made(refund.order_id, &refund));
        }
    }
}
