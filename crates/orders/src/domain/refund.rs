//! Requested refunds.

use oms_payments::{AmountStep, Refund};
use oms_validation::{Money, OrderId};

use crate::domain::credit::{Credit, CreditPart};
use crate::domain::reason::Reason;
use crate::domain::refund_plan::RequestedParts;

/// A requested refund of an order's payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedRefund {
    /// What is refunded.
    pub what: Refunded,
    /// The reason.
    pub reason: Option<Reason>,
    /// Whether to refund a disputed payment.
    pub disputed: Disputed,
}

/// What a request refunds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refunded {
    /// All that is left.
    Rest,
    /// An amount, at least one minor unit.
    Amount(Money),
    /// Parts of the order.
    Parts(RequestedParts),
}

/// What to do if the customer disputes the payment: the bank may return the money too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Disputed {
    /// Refuse the refund.
    #[default]
    Refuse,
    /// Refund it anyway, because the request insists.
    Refund,
}

impl RequestedRefund {
    /// Whether this request may have made a refund. The refund itself shows what its idempotency key stands for.
    ///
    /// It must belong to the same order, and have the same reason and the requested amount or parts. A request for the
    /// rest has made a refund that left nothing, and equals a request that names exactly that amount.
    pub(crate) fn made(
        &self,
        order_id: OrderId,
        refund: &Refund,
        credits: &[Credit],
        step: AmountStep,
    ) -> bool {
        let is_amount = match &self.what {
            Refunded::Amount(amount) => {
                *amount == refund.amount && credits.iter().all(is_of_no_request)
            }
            Refunded::Rest => refund.is_of_the_rest(step) && credits.iter().all(is_of_no_request),
            Refunded::Parts(parts) => parts.made(credits),
        };
        let reason = self.reason.as_ref().map(Reason::as_str);
        is_amount && refund.order_id == order_id && refund.reason.as_deref() == reason
    }
}

/// Whether a credit is of no part that a request names: what returns are credited, and, in refunds of earlier versions,
/// the rest of the payment.
fn is_of_no_request(credit: &Credit) -> bool {
    credit.return_id.is_some() || credit.part == CreditPart::UNNAMED
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
            what: amount.map_or(Refunded::Rest, Refunded::Amount),
            reason: reason.map(|text| Reason::parse(text).unwrap()),
            disputed: Disputed::Refuse,
        }
    }

    #[test]
    fn every_part_of_a_request_distinguishes_it() {
        let refund = refund(200);
        let eur = Money {
            currency: Currency::parse("EUR").unwrap(),
            ..usd(300)
        };
        let made = |request: RequestedRefund| {
            request.made(refund.order_id, &refund, &[], AmountStep::MINOR)
        };
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
        assert!(!of_this.made(OrderId::generate(), &refund, &[], AmountStep::MINOR));
    }

    #[test]
    fn the_rest_may_be_requested_with_or_without_its_amount() {
        let refund = refund(0);
        for amount in [None, Some(usd(300))] {
            let request = request(amount, Some("broken"));
            assert!(request.made(refund.order_id, &refund, &[], AmountStep::MINOR));
        }
    }

    #[test]
    fn the_rest_leaves_what_the_gateway_can_not_express() {
        let (refund, request) = (refund(4), request(None, Some("broken")));
        let made = |step| request.made(refund.order_id, &refund, &[], step);
        assert!(made(AmountStep::new(10)) && !made(AmountStep::MINOR));
    }
}
