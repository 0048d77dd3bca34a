//! Charges: the requests, and the meaning of the answers. <https://docs.stripe.com/api/charges>
//!
//! A charge's metadata is a copy of its intent's, made when the intent is confirmed, so it names the order:
//! <https://support.stripe.com/questions/how-metadata-works-with-related-objects>.

use chrono::DateTime;
use oms_validation::Money;
use serde::Deserialize;

use super::amounts::{from_stripe, to_stripe};
use super::answers::{
    Verdict, error_object, failed, is_success, parse, refusal, unintelligible, verdict,
};
use super::forms::Form;
use super::objects::{Metadata, Object, Page, Refund};
use super::transport::Answer;
use crate::{
    AmountRefusal, Capture, ChargeId, ChargePage, ChargeStatus, ChargeWindow, GatewayError,
    ListedCharge, Reference, RefundOutcome,
};

/// Charges per page, which is Stripe's maximum.
const PAGE_SIZE: usize = 100;

/// <https://docs.stripe.com/api/charges/list>. Stripe's times are whole seconds, so adjacent windows leave no gap.
pub(super) fn list_path(window: &ChargeWindow, after: Option<&ChargeId>) -> String {
    let (from, to) = (window.from.timestamp(), window.to.timestamp());
    let path =
        format!("/v1/charges?limit={PAGE_SIZE}&created%5Bgte%5D={from}&created%5Blt%5D={to}");
    match after {
        Some(id) => format!("{path}&starting_after={id}"),
        None => path,
    }
}

/// A refund of one charge, with or without an intent. <https://docs.stripe.com/api/refunds/create>
pub(super) fn refund_form(charge: &ChargeId, amount: Money) -> Result<Form<'_>, AmountRefusal> {
    Ok(vec![
        ("charge", charge.as_str().into()),
        ("amount", to_stripe(amount)?.to_string().into()),
    ])
}

/// <https://docs.stripe.com/api/charges/object>
#[derive(Debug, Deserialize)]
struct Charge {
    id: String,
    payment_intent: Option<String>,
    amount: i64,
    amount_captured: i64,
    amount_refunded: i64,
    captured: bool,
    created: i64,
    currency: String,
    status: String,
    #[serde(default)]
    disputed: bool,
    #[serde(default)]
    metadata: Option<Metadata>,
}

impl Object for Charge {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Charge {
    /// The charge as listed; `None` if Stripe does not document its form.
    fn listed(&self) -> Option<ListedCharge> {
        let reference = self.payment_intent.as_deref().map(Reference::parse);
        let metadata = self.metadata.as_ref();
        Some(ListedCharge {
            id: ChargeId::parse(&self.id).ok()?,
            reference: reference.transpose().ok()?,
            amount: from_stripe(self.amount, &self.currency)?,
            captured: from_stripe(self.amount_captured, &self.currency)?,
            refunded: from_stripe(self.amount_refunded, &self.currency)?,
            status: match self.status.as_str() {
                "succeeded" => ChargeStatus::Succeeded,
                "pending" => ChargeStatus::Pending,
                "failed" => ChargeStatus::Failed,
                _ => return None,
            },
            capture: match self.captured {
                true => Capture::Captured,
                false => Capture::Uncaptured,
            },
            disputed: self.disputed,
            created_at: DateTime::from_timestamp(self.created, 0)?,
            order_id: metadata.and_then(Metadata::order_id),
            tenant_id: metadata.and_then(Metadata::tenant_id),
            installation_id: metadata.and_then(Metadata::installation_id),
        })
    }
}

/// Reads the answer to `list_charges`. A charge that can't be read is skipped. A page that points to itself as the next one
/// is not believed.
pub(super) fn of_list(
    answer: &Answer,
    after: Option<&ChargeId>,
) -> Result<ChargePage, GatewayError> {
    if !is_success(answer) {
        return Err(refusal(answer));
    }
    let page: Page<Charge> = parse(answer)?;
    let last = page.last_id().filter(|_| page.has_more);
    let last = last.map(ChargeId::parse);
    let last = last.transpose().map_err(|_| unintelligible(answer))?;
    let charges = page.convert(Charge::listed);
    let next = match page.has_more {
        true if last.is_none() || last.as_ref() == after => return Err(unintelligible(answer)),
        true => last,
        false => None,
    };
    Ok(ChargePage { charges, next })
}

/// Reads the answer to `find_charge`.
pub(super) fn of_find(
    answer: &Answer,
    id: &ChargeId,
) -> Result<Option<ListedCharge>, GatewayError> {
    if is_missing(answer) {
        return Ok(None);
    }
    if !is_success(answer) {
        return Err(refusal(answer));
    }
    let charge: Charge = parse(answer)?;
    let charge = charge.listed().filter(|charge| charge.id == *id);
    charge.map(Some).ok_or_else(|| unintelligible(answer))
}

/// Only in Stripe's own format: a 404 from a proxy proves nothing.
fn is_missing(answer: &Answer) -> bool {
    let code = error_object(answer).and_then(|error| error.code);
    answer.status == 404 && code.as_deref() == Some("resource_missing")
}

/// Reads the answer to `refund_charge`.
pub(super) fn of_refund(answer: &Answer, charge: &ChargeId) -> Result<RefundOutcome, GatewayError> {
    if is_success(answer) {
        let refund: Refund = parse(answer)?;
        let ours = refund.charge.as_deref() == Some(charge.as_str());
        let outcome = refund.outcome().filter(|_| ours);
        return outcome.ok_or_else(|| unintelligible(answer));
    }
    let error = error_object(answer);
    match verdict(answer.operation, answer.status, error.as_ref()) {
        Verdict::AlreadyRefunded => Ok(RefundOutcome::AlreadyRefunded),
        Verdict::Fault(fault) => Err(failed(answer, fault)),
        Verdict::Declined | Verdict::ReadBack => Err(unintelligible(answer)),
    }
}
