//! The meaning of Stripe's answers: one table from operation, HTTP status, and the error's type and code to the
//! outcome.
//!
//! The rules and their sources:
//! - Only an answer in Stripe's own format is believed. <https://docs.stripe.com/api/errors>
//! - A `card_error` to a confirmation is a decline. <https://docs.stripe.com/declines>
//! - A call that is answered with 429, 401 or 403 was not executed, and an `invalid_request_error` with one of
//!   [`NOT_EXECUTED`] never began. <https://docs.stripe.com/error-low-level>, <https://docs.stripe.com/rate-limits>
//! - Any other rejection depends on the payment's state, so that state is read.
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

/// The meaning of an answer to a call that changes a payment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// The payment's status.
    Status(PaymentStatus),
    /// The payment must be read.
    ReadBack,
}

/// The meaning of a rejection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Declined,
    ReadBack,
    AlreadyRefunded,
    Fault(GatewayFault),
}

/// Codes of requests that were not executed: <https://docs.stripe.com/error-codes>.
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

/// The table. `error` is the answer's error object, if it has one.
pub(super) fn verdict(operation: Operation, status: u16, error: Option<&ErrorObject>) -> Verdict {
    let Some(error) = error else {
        return Verdict::Fault(match status {
            // Anything in front of Stripe that answers 429 did so without executing the call.
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
        // From before the status 429 was introduced.
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

/// A rejected call that changes a payment is explained by reading the payment; other calls have nothing to read.
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
        // These take no money, so every rejection is final, whatever its type.
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

/// Whether the customer's payment method is the problem: another one may work.
fn is_about_the_method(error: &ErrorObject) -> bool {
    let of_the_method = |param: &str| param.starts_with("payment_method");
    match error.code.as_deref() {
        // It says that the provider did not answer, but not what the provider did.
        Some("payment_method_provider_timeout") => false,
        Some("payment_intent_incompatible_payment_method") => true,
        Some(code) if of_the_method(code) => true,
        _ => error.param.as_deref().is_some_and(of_the_method),
    }
}

/// Whether the amount or the currency was rejected: then nothing began, whatever the code.
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

/// Keeps only names, because a value that we sent must not appear in our log.
fn printable(text: Option<&str>) -> Option<String> {
    let of_a_name = |byte: u8| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'[' | b']');
    text.filter(|text| text.len() <= 100 && text.bytes().all(of_a_name))
        .map(str::to_owned)
}

/// Reads the answer to `prepare`: the ID of an intent for the requested amount.
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

/// Reads the answer to `lookup`.
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

/// Reads the answer to `confirm`, `cancel` or `capture`.
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

/// What the customer must do, according to an answer with this status; `None` if there is nothing to do, or the answer
/// does not describe it in a way that a browser could use.
pub(super) fn customer_action(answer: &Answer, status: &PaymentStatus) -> Option<CustomerAction> {
    if *status != PaymentStatus::NeedsAction {
        return None;
    }
    let waiting: WaitingIntent = serde_json::from_slice(&answer.body).ok()?;
    waiting.customer_action()
}

/// Reads the answer to `refund`.
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

/// What a page of a payment's refunds reveals of one refund.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Refund(RefundOutcome),
    /// Not on this page; there are more refunds after this one.
    MoreAfter(Reference),
    /// There is no such refund.
    None,
}

/// Reads the answer to `find_refund`: a page of the payment's refunds.
pub(super) fn of_refunds(
    answer: &Answer,
    reference: &Reference,
    refund_id: RefundId,
) -> Result<Found, GatewayError> {
    if !is_success(answer) {
        return Err(refusal(answer));
    }
    let page: Page<Refund> = parse(answer)?;
    let carrier = page.read().find(|refund| refund.carries(refund_id));
    let intelligible = match carrier {
        Some(refund) => refund.outcome().map(Found::Refund),
        // It may be the one.
        None if page.has_odd() => None,
        None if !page.has_more => Some(Found::None),
        None => page.last_id().and_then(|last| {
            let last = Reference::parse(last).ok()?;
            Some(Found::MoreAfter(last))
        }),
    };
    let ours = page.read().all(|refund| refund.is_of(reference));
    let found = intelligible.filter(|_| ours);
    found.ok_or_else(|| unintelligible(answer))
}

/// A page of a payment's refunds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RefundList {
    pub(super) refunds: Vec<ListedRefund>,
    /// The last refund on this page, if there are more.
    pub(super) more_after: Option<Reference>,
}

/// Reads the answer to `list_refunds`. A refund that can't be read is skipped, and stays in our books as it is.
pub(super) fn of_refund_list(
    answer: &Answer,
    reference: &Reference,
) -> Result<RefundList, GatewayError> {
    if !is_success(answer) {
        return Err(refusal(answer));
    }
    let page: Page<Refund> = parse(answer)?;
    let last = page.last_id().filter(|_| page.has_more);
    let last = last.map(Reference::parse);
    let last = last.transpose().map_err(|_| unintelligible(answer))?;
    let ours = page.read().all(|refund| refund.is_of(reference));
    if !ours || page.has_more && last.is_none() {
        return Err(unintelligible(answer));
    }
    Ok(RefundList {
        more_after: last,
        refunds: page.convert(Refund::listed),
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
