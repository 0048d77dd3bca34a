//! The errors of this context, and the problems that clients get for them.

use oms_database::DbError;
use oms_errors::Problem;

use crate::{GatewayError, Operation, Refusal};

/// How long clients should wait before they retry an unavailable gateway, in seconds.
const RETRY_AFTER_S: u32 = 5;

/// A payment operation failed.
#[derive(Debug, thiserror::Error)]
pub enum PaymentError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The gateway failed.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
}

oms_errors::problem_types! {
    /// The payment gateway can't be reached or did not answer. Nothing was charged, and an order that this request began is `FAILED`, without its key. Repeat the request after `Retry-After` seconds.
    GATEWAY_UNAVAILABLE = "payments.gateway_unavailable", Unavailable, "Payment gateway unavailable";
    /// The payment gateway rejects this installation: its key, its account, or the form of its requests. Nothing was charged, and an order that this request began is `FAILED`. An operator must act; the log has the cause at `ERROR`.
    GATEWAY_REFUSED = "payments.gateway_refused", Misconfigured, "Payment gateway rejected our requests";
    /// The webhook is not signed with the endpoint's secret, or its signature is too old. Nothing was stored.
    INVALID_SIGNATURE = "payments.invalid_signature", InvalidRequest, "Invalid webhook signature";
    /// The payment gateway does not accept a payment of this amount. Nothing was charged, and an order that this request began is `FAILED`.
    AMOUNT_NOT_ACCEPTED = "payments.amount_not_accepted", Unprocessable, "Payment amount not accepted";
    /// The payment gateway does not accept this currency. Nothing was charged, and an order that this request began is `FAILED`.
    CURRENCY_NOT_ACCEPTED = "payments.currency_not_accepted", Unprocessable, "Payment currency not accepted";
    /// The payment gateway rejected this payment, and would reject it again. Nothing was charged, and an order that this request began is `FAILED`.
    PAYMENT_NOT_ACCEPTED = "payments.payment_not_accepted", Unprocessable, "Payment rejected by the gateway";
}

impl From<PaymentError> for Problem {
    fn from(error: PaymentError) -> Self {
        match error {
            PaymentError::Database(error) => error.into(),
            PaymentError::Gateway(error) => of_gateway(error),
        }
    }
}

fn of_gateway(error: GatewayError) -> Problem {
    // Once a payment is prepared, its amount and currency are accepted.
    let begins = matches!(error.operation(), Operation::Prepare | Operation::Confirm);
    let problem_type = match error.refusal() {
        None => {
            return Problem::of(&GATEWAY_UNAVAILABLE)
                .with_retry_after_s(RETRY_AFTER_S)
                .with_source(error);
        }
        Some(Refusal::Amount) if begins => &AMOUNT_NOT_ACCEPTED,
        Some(Refusal::Currency) if begins => &CURRENCY_NOT_ACCEPTED,
        Some(Refusal::Payment) if begins => &PAYMENT_NOT_ACCEPTED,
        Some(_) => &GATEWAY_REFUSED,
    };
    Problem::of(problem_type).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::GatewayFault;

    #[test]
    fn an_unavailable_gateway_and_one_that_rejects_us_have_different_codes() {
        let code = |fault| {
            let error = GatewayError::new(Operation::Prepare, fault);
            Problem::from(PaymentError::from(error)).problem_type().code
        };
        let rejected = GatewayFault::Rejected {
            status: 401,
            code: None,
            param: None,
        };
        assert_eq!(code(GatewayFault::TimedOut), "payments.gateway_unavailable");
        assert_eq!(code(rejected), "payments.gateway_refused");
    }

    fn problem_of(operation: Operation, fault: GatewayFault) -> &'static oms_errors::ProblemType {
        let error = GatewayError::new(operation, fault);
        Problem::from(PaymentError::from(error)).problem_type()
    }

    #[test]
    fn the_status_and_parameter_of_a_rejection_determine_the_problem_whatever_its_code() {
        for code in [None, Some("amount_too_small"), Some("a_code_of_tomorrow")] {
            for (status, param, expected, http_status) in [
                (400, Some("amount"), "payments.amount_not_accepted", 422),
                (400, Some("currency"), "payments.currency_not_accepted", 422),
                (
                    400,
                    Some("metadata[order_id]"),
                    "payments.payment_not_accepted",
                    422,
                ),
                (
                    404,
                    Some("payment_method_types"),
                    "payments.payment_not_accepted",
                    422,
                ),
                (402, Some("amount"), "payments.amount_not_accepted", 422),
                (401, None, "payments.gateway_refused", 503),
                (403, Some("amount"), "payments.gateway_refused", 503),
            ] {
                let fault = GatewayFault::Rejected {
                    status,
                    code: code.map(str::to_owned),
                    param: param.map(str::to_owned),
                };
                for operation in [Operation::Prepare, Operation::Confirm] {
                    let problem = problem_of(operation, fault.clone());
                    let kind = problem.kind;
                    assert_eq!(problem.code, expected, "{status} {code:?} {param:?}");
                    assert_eq!((kind.status(), kind.is_retryable()), (http_status, false));
                }
                // Once a payment is prepared, its amount is accepted.
                let capture = problem_of(Operation::Capture, fault);
                assert_eq!(capture.code, "payments.gateway_refused");
            }
        }
    }

    #[test]
    fn temporary_faults_are_retryable() {
        for fault in [
            GatewayFault::BreakerOpen,
            GatewayFault::NoConnection,
            GatewayFault::RateLimited,
            GatewayFault::TimedOut,
            GatewayFault::Interrupted,
            GatewayFault::ServerError { status: 500 },
            GatewayFault::Unintelligible { status: 200 },
            GatewayFault::InProgress,
            GatewayFault::KeyReused,
        ] {
            let problem = problem_of(Operation::Prepare, fault.clone());
            assert_eq!(problem.code, "payments.gateway_unavailable", "{fault:?}");
            assert!(problem.kind.is_retryable());
        }
    }

    #[test]
    fn a_lock_timeout_is_reported_as_the_database_not_the_gateway() {
        let problem = Problem::from(PaymentError::from(DbError::LockTimeout));
        assert_eq!(problem.problem_type().code, "service.database_unavailable");
    }
}
