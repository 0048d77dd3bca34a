//! The disputes of a payment. <https://docs.stripe.com/api/disputes/list>

use chrono::DateTime;
use serde::Deserialize;

use super::StripeGateway;
use super::amounts::from_stripe;
use super::answers::{is_success, parse, refusal, unintelligible};
use super::objects::{Object, Page};
use super::transport::{Answer, Call};
use crate::{Answered, DisputeState, GatewayError, ListedDispute, Operation, Reference};

/// Disputes per page, which is Stripe's maximum. A payment has one, or a few if the bank takes several steps.
const PAGE: usize = 100;

/// <https://docs.stripe.com/api/disputes/object>
#[derive(Debug, Deserialize)]
struct Dispute {
    id: String,
    amount: i64,
    currency: String,
    created: i64,
    payment_intent: Option<String>,
    reason: String,
    status: String,
    evidence_details: Option<EvidenceDetails>,
}

#[derive(Debug, Deserialize)]
struct EvidenceDetails {
    due_by: Option<i64>,
}

impl Object for Dispute {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Dispute {
    /// The dispute as listed. A status that Stripe has added since counts as undecided, so that nothing is refunded
    /// meanwhile.
    fn listed(&self) -> Option<ListedDispute> {
        let details = self.evidence_details.as_ref();
        let due_by = details.and_then(|details| details.due_by);
        Some(ListedDispute {
            reference: Reference::parse(&self.id).ok()?,
            amount: from_stripe(self.amount, &self.currency)?,
            reason: self.reason.chars().take(100).collect(),
            state: self.status.parse().unwrap_or(DisputeState::UnderReview),
            evidence_due_at: due_by.and_then(|seconds| DateTime::from_timestamp(seconds, 0)),
            opened_at: DateTime::from_timestamp(self.created, 0)?,
        })
    }
}

/// Lists all disputes of a payment, newest first.
pub(super) async fn list(
    gateway: &StripeGateway,
    reference: &Reference,
) -> Result<Answered<Vec<ListedDispute>>, GatewayError> {
    let path = format!("/v1/disputes?payment_intent={reference}&limit={PAGE}");
    let call = Call::get(Operation::ListDisputes, path);
    gateway
        .call(call, |answer| of_list(&answer, reference))
        .await
}

fn of_list(answer: &Answer, reference: &Reference) -> Result<Vec<ListedDispute>, GatewayError> {
    if !is_success(answer) {
        return Err(refusal(answer));
    }
    let page: Page<Dispute> = parse(answer)?;
    let is_ours = |it: &Dispute| it.payment_intent.as_deref() == Some(reference.as_str());
    if page.has_more || !page.read().all(is_ours) {
        return Err(unintelligible(answer));
    }
    Ok(page.convert(Dispute::listed))
}
