//! Lists a payment's refunds, page by page, and finds one of them.
//!
//! Stripe's search is not used, because it lags behind. <https://docs.stripe.com/search#data-freshness>

use super::StripeGateway;
use super::answers::{self, Found};
use super::transport::Call;
use crate::{
    Answered, GatewayError, GatewayFault, ListedRefund, Operation, Reference, RefundId,
    RefundOutcome,
};

/// Refunds per page, which is Stripe's maximum: <https://docs.stripe.com/api/pagination>.
const PAGE: usize = 100;

/// Maximum number of pages per payment. Beyond it the outcome is unknown, rather than that there is no such refund.
const MAX_PAGES: usize = 20;

/// Finds the refund that carries this ID.
pub(super) async fn find(
    gateway: &StripeGateway,
    reference: &Reference,
    refund_id: RefundId,
) -> Result<Answered<Option<RefundOutcome>>, GatewayError> {
    let mut path = format!("/v1/refunds?payment_intent={reference}&limit={PAGE}");
    let first = path.len();
    for _ in 0..MAX_PAGES {
        let call = Call::get(Operation::FindRefund, path.clone());
        let read = |answer| answers::of_refunds(&answer, reference, refund_id);
        let Answered {
            value, request_id, ..
        } = gateway.call(call, read).await?;
        let value = match value {
            Found::Refund(outcome) => Some(outcome),
            Found::None => None,
            Found::MoreAfter(last) => {
                path.truncate(first);
                path.push_str(&format!("&starting_after={last}"));
                continue;
            }
        };
        return Ok(Answered {
            request_id,
            ..Answered::of(value)
        });
    }
    let fault = GatewayFault::Unexplained { status: 200 };
    Err(GatewayError::new(Operation::FindRefund, fault).with_source("too many refunds"))
}

/// Lists all refunds of a payment, newest first.
pub(super) async fn list(
    gateway: &StripeGateway,
    reference: &Reference,
) -> Result<Answered<Vec<ListedRefund>>, GatewayError> {
    let mut path = format!("/v1/refunds?payment_intent={reference}&limit={PAGE}");
    let first = path.len();
    let mut listed = Vec::new();
    for _ in 0..MAX_PAGES {
        let call = Call::get(Operation::ListRefunds, path.clone());
        let read = |answer| answers::of_refund_list(&answer, reference);
        let Answered {
            value, request_id, ..
        } = gateway.call(call, read).await?;
        listed.extend(value.refunds);
        let Some(last) = value.more_after else {
            return Ok(Answered {
                request_id,
                ..Answered::of(listed)
            });
        };
        path.truncate(first);
        path.push_str(&format!("&starting_after={last}"));
    }
    let fault = GatewayFault::Unexplained { status: 200 };
    Err(GatewayError::new(Operation::ListRefunds, fault).with_source("too many refunds"))
}
