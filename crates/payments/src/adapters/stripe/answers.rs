//! What Stripe's answers mean: one table from operation, HTTP status, type and code of the error to what became of the
//! payment.
//!
//! The rules, and where they come from:
//! - Only an answer in Stripe's own shape is believed. <https://docs.stripe.com/api/errors>
//! - A `card_error` to a confirmation is a decline. <https://docs.stripe.com/declines>
//! - A 429 was turned away before it was executed, a 401 or 403 as well, and an `invalid_request_error` with one of
//!   [`NOT_EXECUTED`] never began. <https://docs.stripe.com/error-low-level>, <https://docs.stripe.com/rate-limits>
//! - A refusal for any other reason depends on the state that the payment is in, so that state is read.
//!   <https://docs.stripe.com/error-codes>
//! - The result of a 5xx is indeterminate. <https://docs.stripe.com/error-low-level>

use oms_validation::Money;
use serde::de::DeserializeOwned;

use super::objects::{ErrorEnvelope, ErrorObject, Intent, Page, Refund, WaitingIntent};
use super::transport::Answer;
use crate::{
    CustomerAction, GatewayError, GatewayFault, ListedRefund, Operation, PaymentStatus, Reference,
    RefundId, RefundOutcome,
};

/// The answer to a call that changes a payment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// What the payment is now.
    Status(PaymentStatus),
    /// The payment has to be asked.
    ReadBack,
}

/// What a refusal means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Declined,
    ReadBack,
    AlreadyRefunded,
    Fault(GatewayFault),
}

/// Codes of requests that did not begin: <https://docs.stripe.com/error-codes>.
const NOT_EXECUTED: [&str; 14] = [
    "amount_too_large",
    "amount_too_small",
    "api_key_expired",
    "livemode_mismatch",
    "parameter_invalid_empty",
    "parameter_invalid_integer",
    "parameter_invalid_string_blank",
    "parameter_invalid_string_empty",
    "parameter_missing",
    "parameter_unknown",
    "parameters_exclusive",
    "platform_api_key_expired",
    "secret_key_required",
    "url_invalid",
];

/// The table. `error` is the error object of the answer, if it holds one.
pub(super) fn verdict(operation: Operation, status: u16, error: Option<&ErrorObject>) -> Verdict {
    let Some(error) = error else {
        return Verdict::Fault(match status {
            // Whoever turned us away before Stripe could did so without executing anything.
            429 => GatewayFault::RateLimited,
            500.. => GatewayFault::ServerError { status },
            _ => GatewayFault::Unintelligible { status },
        });
    };
    match (error.kind.as_str(), status) {
        (_, 500..) | ("api_error", _) => Verdict::Fault(GatewayFault::ServerError { status }),
        (_, 401 | 403) | ("authentication_error" | "permission_error", _) => {
            Verdict::Fault(rejected(status, error))
        }
        (_, 429) | ("rate_limit_error", _) => Verdict::Fault(GatewayFault::RateLimited),
        // Before there was the status 429.
        (_, 400) if error.code.as_deref() == Some("rate_limit") => {
            Verdict::Fault(GatewayFault::RateLimited)
        }
        (_, 409) => Verdict::Fault(GatewayFault::InProgress),
        ("idempotency_error", _) => by_state(operation, GatewayFault::KeyReused),
        ("card_error", _) => of_card_error(operation, status, error),
        ("invalid_request_error", 400 | 404) => of_invalid_request(operation, status, error),
        _ => by_state(operation, GatewayFault::Unexplained { status }),
    }
}

/// Calls that change a payment are explained by the payment; others have nothing to ask.
fn by_state(operation: Operation, fault: GatewayFault) -> Verdict {
    match operation {
        Operation::Confirm | Operation::Cancel | Operation::Capture => Verdict::ReadBack,
        Operation::Prepare
        | Operation::Lookup
        | Operation::Refund
        | Operation::FindRefund
        | Operation::ListRefunds
        | Operation::ListDisputes
        | Operation::ListReports
        | Operation::ListCharges
        | Operation::FindCharge
        | Operation::RefundCharge => Verdict::Fault(fault),
    }
}

fn of_card_error(operation: Operation, status: u16, error: &ErrorObject) -> Verdict {
    let intent = error.payment_intent.as_ref();
    let confirmable = intent.is_none_or(|intent| {
        let status = intent.status.as_deref();
        status.is_none_or(|status| status == "requires_payment_method")
    });
    match operation {
        Operation::Confirm if confirmable => Verdict::Declined,
        // Neither takes money: a refusal is one, whatever it is called.
        Operation::Prepare | Operation::Refund | Operation::RefundCharge => {
            Verdict::Fault(rejected(status, error))
        }
        operation => by_state(operation, GatewayFault::Unexplained { status }),
    }
}

fn of_invalid_request(operation: Operation, status: u16, error: &ErrorObject) -> Verdict {
    let code = error.code.as_deref();
    let rejected = || Verdict::Fault(rejected(status, error));
    match operation {
        Operation::Prepare
        | Operation::Lookup
        | Operation::FindRefund
        | Operation::ListRefunds
        | Operation::ListDisputes
        | Operation::ListReports
        | Operation::ListCharges
        | Operation::FindCharge => rejected(),
        Operation::Refund | Operation::RefundCharge => match code {
            Some("charge_already_refunded") => Verdict::AlreadyRefunded,
            _ => rejected(),
        },
        Operation::Confirm | Operation::Cancel | Operation::Capture => match code {
            Some(code) if NOT_EXECUTED.contains(&code) => rejected(),
            Some("payment_intent_unexpected_state") => Verdict::ReadBack,
            _ if operation == Operation::Confirm && is_about_the_method(error) => Verdict::Declined,
            _ if operation == Operation::Confirm && is_about_the_amount(error) => rejected(),
            Some("resource_missing") => rejected(),
            _ => Verdict::ReadBack,
        },
    }
}

/// Whether it is the customer's payment method that can't be used: another one would do.
fn is_about_the_method(error: &ErrorObject) -> bool {
    let of_the_method = |param: &str| param.starts_with("payment_method");
    match error.code.as_deref() {
        // Says that the provider did not answer, and not what it did.
        Some("payment_method_provider_timeout") => false,
        Some("payment_intent_incompatible_payment_method") => true,
        Some(code) if of_the_method(code) => true,
        _ => error.param.as_deref().is_some_and(of_the_method),
    }
}

/// Whether it is what is to be paid that is refused: nothing began, whatever the code.
fn is_about_the_amount(error: &ErrorObject) -> bool {
    matches!(error.param.as_deref(), Some("amount" | "currency"))
}

fn rejected(status: u16, error: &ErrorObject) -> GatewayFault {
    GatewayFault::Rejected {
        status,
        code: printable(error.code.as_deref()),
        param: printable(error.param.as_deref()),
    }
}

/// Names only: a value that we sent must not come back into our log.
fn printable(text: Option<&str>) -> Option<String> {
    let of_a_name = |byte: u8| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'[' | b']');
    text.filter(|text| text.len() <= 100 && text.bytes().all(of_a_name))
        .map(str::to_owned)
}

/// The answer to `prepare`: the id of an intent for the amount that was asked for.
pub(super) fn of_prepare(answer: &Answer, amount: Money) -> Result<Reference, GatewayError> {
    if !is_success(answer) {
        return Err(refusal(answer));
    }
    let intent: Intent = parse(answer)?;
    match Reference::parse(&intent.id) {
        Ok(reference) if intent.money() == Some(amount) => Ok(reference),
        _ => Err(unintelligible(answer)),
    }
}

/// The answer to `lookup`.
pub(super) fn of_lookup(
    answer: &Answer,
    reference: &Reference,
) -> Result<PaymentStatus, GatewayError> {
    if is_success(answer) {
        status_of(answer, reference)
    } else {
        Err(refusal(answer))
    }
}

/// The answer to `confirm`, `cancel` and `capture`.
pub(super) fn of_payment(answer: &Answer, reference: &Reference) -> Result<Reply, GatewayError> {
    if is_success(answer) {
        return status_of(answer, reference).map(Reply::Status);
    }
    let error = error_object(answer);
    match verdict(answer.operation, answer.status, error.as_ref()) {
        Verdict::Declined => {
            let code = error.unwrap_or_default().decline();
            Ok(Reply::Status(PaymentStatus::Declined { code }))
        }
        Verdict::ReadBack => Ok(Reply::ReadBack),
        Verdict::AlreadyRefunded => Err(unintelligible(answer)),
        Verdict::Fault(fault) => Err(failed(answer, fault)),
    }
}

/// What the customer has to do, by an answer that was read as this status; none when nothing has to be done, or the
/// answer does not say it in a way that a browser could use.
pub(super) fn customer_action(answer: &Answer, status: &PaymentStatus) -> Option<CustomerAction> {
    if *status != PaymentStatus::NeedsAction {
        return None;
    }
    let waiting: WaitingIntent = serde_json::from_slice(&answer.body).ok()?;
    waiting.customer_action()
}

/// The answer to `refund`.
pub(super) fn of_refund(
    answer: &Answer,
    reference: &Reference,
) -> Result<RefundOutcome, GatewayError> {
    if is_success(answer) {
        let refund: Refund = parse(answer)?;
        let outcome = refund.outcome().filter(|_| refund.is_of(reference));
        return outcome.ok_or_else(|| unintelligible(answer));
    }
    match verdict(
        answer.operation,
        answer.status,
        error_object(answer).as_ref(),
    ) {
        Verdict::AlreadyRefunded => Ok(RefundOutcome::AlreadyRefunded),
        Verdict::Fault(fault) => Err(failed(answer, fault)),
        Verdict::Declined | Verdict::ReadBack => Err(unintelligible(answer)),
    }
}

/// What a page of a payment's refunds says of one of them.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Refund(RefundOutcome),
    /// Not on this page; there are more after the refund with this name.
    MoreAfter(Reference),
    /// It is not there.
    None,
}

/// The answer to `find_refund`: a page of the payment's refunds.
pub(super) fn of_refunds(
    answer: &Answer,
    reference: &Reference,
    refund_id: RefundId,
) -> Result<Found, GatewayError> {
    if !is_success(answer) {
        return Err(refusal(answer));
    }
    let page: Page<Refund> = parse(answer)?;
    let carrier = page.data.iter().find(|refund| refund.carries(refund_id));
    let intelligible = match carrier {
        Some(refund) => refund.outcome().map(Found::Refund),
        None if !page.has_more => Some(Found::None),
        None => page.data.last().and_then(|last| {
            let last = Reference::parse(&last.id).ok()?;
            Some(Found::MoreAfter(last))
        }),
    };
    let ours = page.data.iter().all(|refund| refund.is_of(reference));
    let found = intelligible.filter(|_| ours);
    found.ok_or_else(|| unintelligible(answer))
}

/// A page of a payment's refunds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RefundList {
    pub(super) refunds: Vec<ListedRefund>,
    /// There are more after the refund with this name.
    pub(super) more_after: Option<Reference>,
}

/// The answer to `list_refunds`. A page is believed whole or not at all.
pub(super) fn of_refund_list(
    answer: &Answer,
    reference: &Reference,
) -> Result<RefundList, GatewayError> {
    if !is_success(answer) {
        return Err(refusal(answer));
    }
    let page: Page<Refund> = parse(answer)?;
    let ours = page.data.iter().all(|refund| refund.is_of(reference));
    let refunds: Option<Vec<ListedRefund>> = page.data.iter().map(Refund::listed).collect();
    let refunds = refunds.filter(|_| ours);
    let refunds = refunds.ok_or_else(|| unintelligible(answer))?;
    let last = refunds.last().map(|refund| refund.reference.clone());
    if page.has_more && last.is_none() {
        return Err(unintelligible(answer));
    }
    Ok(RefundList {
        more_after: last.filter(|_| page.has_more),
        refunds,
    })
}

fn status_of(answer: &Answer, reference: &Reference) -> Result<PaymentStatus, GatewayError> {
    let intent: Intent = parse(answer)?;
    let ours = intent.id == reference.as_str();
    let status = intent.payment_status().filter(|_| ours);
    status.ok_or_else(|| unintelligible(answer))
}

pub(super) fn refusal(answer: &Answer) -> GatewayError {
    match verdict(
        answer.operation,
        answer.status,
        error_object(answer).as_ref(),
    ) {
        Verdict::Fault(fault) => failed(answer, fault),
        Verdict::Declined | Verdict::ReadBack | Verdict::AlreadyRefunded => unintelligible(answer),
    }
}

pub(super) fn is_success(answer: &Answer) -> bool {
    (200..300).contains(&answer.status)
}

pub(super) fn error_object(answer: &Answer) -> Option<ErrorObject> {
    let envelope: ErrorEnvelope = serde_json::from_slice(&answer.body).ok()?;
    Some(envelope.error)
}

pub(super) fn parse<T: DeserializeOwned>(answer: &Answer) -> Result<T, GatewayError> {
    serde_json::from_slice(&answer.body).map_err(|error| {
        // The error's own text may quote the answer.
        let place = format!("{:?} error at column {}", error.classify(), error.column());
        unintelligible(answer).with_source(place)
    })
}

pub(super) fn unintelligible(answer: &Answer) -> GatewayError {
    let status = answer.status;
    failed(answer, GatewayFault::Unintelligible { status })
}

pub(super) fn failed(answer: &Answer, fault: GatewayFault) -> GatewayError {
    GatewayError::new(answer.operation, fault).with_request_id(answer.request_id.clone())
}

#[cfg(test)]
mod tests;
