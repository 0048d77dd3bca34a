//! What can go wrong in this context, and how clients are told.

use oms_database::DbError;
use oms_errors::Problem;

use crate::{GatewayError, GatewayFault};

/// How long clients wait before they try an unavailable gateway again, in seconds.
const RETRY_AFTER_S: u32 = 5;

/// Something of a payment did not work.
#[derive(Debug, thiserror::Error)]
pub enum PaymentError {
    /// The database did not do its part.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The gateway did not do its part.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
}

oms_errors::problem_types! {
    /// The payment gateway can't be reached, or did not answer. Nothing was kept, and nothing was charged.
    GATEWAY_UNAVAILABLE = "payments.gateway_unavailable", Unavailable, "The payment gateway is not available";
    /// The payment gateway refused the server's request, whatever the customer pays with. Nothing was kept, and nothing was charged.
    GATEWAY_REFUSED = "payments.gateway_refused", Unavailable, "The payment gateway does not accept our requests";
    /// A webhook that nobody who knows the endpoint's secret has signed, for this body and not long ago. Nothing was kept.
    INVALID_SIGNATURE = "payments.invalid_signature", InvalidRequest, "The signature is not valid";
    /// The payment gateway takes no payment this small, or this large. Nothing was kept, and nothing was charged.
    AMOUNT_NOT_ACCEPTED = "payments.amount_not_accepted", Unprocessable, "The payment gateway does not accept payments of this amount";
}

impl From<PaymentError> for Problem {
    fn from(error: PaymentError) -> Self {
        match error {
            PaymentError::Database(error) => error.into(),
            PaymentError::Gateway(error) if error.is_about_the_amount() => {
                Problem::of(&AMOUNT_NOT_ACCEPTED).with_source(error)
            }
            PaymentError::Gateway(error) => {
                let problem_type = match error.fault() {
                    GatewayFault::BreakerOpen
                    | GatewayFault::NoConnection
                    | GatewayFault::RateLimited
                    | GatewayFault::TimedOut
                    | GatewayFault::Interrupted
                    | GatewayFault::ServerError { .. }
                    | GatewayFault::Unintelligible { .. }
                    | GatewayFault::InProgress
                    | GatewayFault::NotReadBack { .. } => &GATEWAY_UNAVAILABLE,
                    GatewayFault::Rejected { .. }
                    | GatewayFault::KeyReused
                    | GatewayFault::Unexplained { .. } => &GATEWAY_REFUSED,
                };
                Problem::of(problem_type)
                    .with_retry_after_s(RETRY_AFTER_S)
                    .with_source(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Operation;

    #[test]
    fn an_absent_gateway_and_one_that_refuses_us_are_told_apart() {
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

    #[test]
    fn an_amount_that_the_gateway_does_not_take_is_the_requests_fault_and_not_worth_repeating() {
        for code in ["amount_too_small", "amount_too_large"] {
            let fault = GatewayFault::Rejected {
                status: 400,
                code: Some(code.to_owned()),
                param: Some("amount".to_owned()),
            };
            let problem = |operation| {
                let error = GatewayError::new(operation, fault.clone());
                Problem::from(PaymentError::from(error)).problem_type()
            };
            let prepare = problem(Operation::Prepare);
            assert_eq!(prepare.code, "payments.amount_not_accepted");
            assert_eq!(prepare.kind.status(), 422);
            // Of a payment that was prepared, the amount was accepted before.
            let capture = problem(Operation::Capture);
            assert_eq!(capture.code, "payments.gateway_refused");
        }
    }

    #[test]
    fn a_lost_lock_is_the_database_and_not_the_gateway() {
        let problem = Problem::from(PaymentError::from(DbError::LockTimeout));
        assert_eq!(problem.problem_type().code, "service.database_unavailable");
    }
}
