//! Why an order is refused, and how clients are told.

mod dead_letters;
mod erasing;
mod exceeded;
mod paying;
mod placing;
mod reconciling;
mod reversing;

pub use dead_letters::DeadLetterError;
pub use erasing::ErasingError;
pub use paying::{NotPaid, PayingError};
pub use placing::PlacingError;
pub use reconciling::ReconcilingError;
pub use reversing::ReversingError;

use oms_batching::{BatchError, NotDone};
use oms_database::DbError;
use oms_errors::Problem;
use oms_payments::PaymentError;
use oms_validation::OrderId;

use crate::domain::status::OrderStatus;

/// How long clients wait before they ask again about an order that is being worked on, in seconds.
pub(crate) const RETRY_AFTER_S: u32 = 2;

oms_errors::problem_types! {
    /// No active warehouse has every line in the quantity asked for.
    NO_SINGLE_WAREHOUSE = "orders.no_single_warehouse", Unprocessable, "No single warehouse can fill the whole order";
    /// A product id names no product of this store.
    UNKNOWN_PRODUCT = "orders.unknown_product", Unprocessable, "A product does not exist";
    /// A product has no price in the currency of the order.
    PRODUCT_NOT_SOLD = "orders.product_not_sold", Unprocessable, "A product is not sold in this currency";
    /// The sum of the lines is more than can be paid at once.
    TOTAL_TOO_LARGE = "orders.total_too_large", Unprocessable, "The total of the order is too large";
    /// The idempotency key stands for another request.
    KEY_REUSED = "orders.idempotency_key_reused", Unprocessable, "The idempotency key was used with another request";
    /// The order that the idempotency key stands for is being worked on.
    IN_PROGRESS = "orders.in_progress", Conflict, "The order is being processed";
    /// The payment was declined. By `orderStatus`, the order failed and its stock was released, or it waits for another try.
    PAYMENT_DECLINED = "orders.payment_declined", PaymentRequired, "The payment was declined";
    /// The payment was cut off and nothing was charged. By `orderStatus`, the order failed and its stock was released, or it waits for another try.
    PAYMENT_VOIDED = "orders.payment_voided", PaymentRequired, "The payment did not go through, and nothing was charged";
    /// The order is not pending: it failed, or its money was given back. Place a new one.
    NOT_PAYABLE = "orders.not_payable", WrongState, "An order in this state can't be paid";
    /// The order's deadline is over: it fails, and its stock is released. Place a new one.
    PAYMENT_EXPIRED = "orders.payment_expired", WrongState, "The time to pay the order is over";
    /// A payment of the order is being worked on, by another request or by the bank. No other was begun.
    PAYMENT_IN_PROGRESS = "orders.payment_in_progress", Conflict, "A payment of the order is in progress";
    /// The order was paid in vain too often. Cancel it, and place a new one.
    TOO_MANY_PAYMENTS = "orders.too_many_payments", WrongState, "Too many payments of the order have failed";
    /// The customer or the tenant has too many unpaid orders, or too many units in them. `bound` and `most` say which bound it is. Nothing was kept.
    TOO_MANY_UNPAID = "orders.too_many_unpaid", TooManyRequests, "Too many unpaid orders";
    /// The order alone has more units than unpaid orders of a customer may hold. Nothing was kept.
    TOO_MANY_UNITS = "orders.too_many_units", Unprocessable, "Too many units in one order";
    /// Too many payments of the customer, or of the credential, were declined lately. `bound` and `most` say which bound it is. The gateway was not called, and nothing was kept.
    TOO_MANY_DECLINES = "orders.too_many_declines", TooManyRequests, "Too many declined payments";
    /// Others bought the stock faster than a warehouse could be chosen. Nothing was kept.
    CONTENDED = "orders.contended", Unavailable, "The stock is changing too fast to place the order right now";
    /// More orders came than can be placed in time. Nothing was kept.
    OVERLOADED = "orders.overloaded", Unavailable, "Too many orders are waiting";
    /// The answer of the database was lost, or the order was changed and could not be read. Repeat the same request, with its idempotency key if it had one.
    OUTCOME_UNKNOWN = "orders.outcome_unknown", Unavailable, "The outcome is not known; repeat the request with the same idempotency key";
    /// No such order in this store.
    NOT_FOUND = "orders.not_found", NotFound, "There is no such order";
    /// The order that the idempotency key stands for was cancelled, or is being cancelled.
    CANCELLED = "orders.cancelled", WrongState, "The order was cancelled";
    /// An operator closed the order that the idempotency key stands for: its money is settled elsewhere.
    CLOSED = "orders.closed", WrongState, "The order was closed by an operator";
    /// The order has failed, or all of its money was given back: there is nothing to cancel.
    NOT_CANCELLABLE = "orders.not_cancellable", WrongState, "An order in this state can't be cancelled";
    /// The order is not paid, or is being cancelled.
    NOT_REFUNDABLE = "orders.not_refundable", WrongState, "An order in this state can't be refunded";
    /// Money of the order is being given back; what is left is known only when that has ended.
    REFUND_IN_PROGRESS = "orders.refund_in_progress", Conflict, "A refund of the order is in progress";
    /// The customer disputes the payment at the bank, which may give the money back too.
    PAYMENT_DISPUTED = "orders.payment_disputed", WrongState, "The payment is disputed";
    /// More than is left of what was captured.
    REFUND_EXCEEDS_CAPTURED = "orders.refund_exceeds_captured", Unprocessable, "The refund is more than is left of the payment";
    /// The bank or the gateway refused to give the money back. The order is paid, as before.
    REFUND_REFUSED = "orders.refund_refused", Unprocessable, "The refund was refused";
    /// No such dead letter in this store.
    DEAD_LETTER_NOT_FOUND = "orders.dead_letter_not_found", NotFound, "There is no such dead letter";
    /// The dead letter is not open any more: somebody resolved it, or the order ended.
    DEAD_LETTER_RESOLVED = "orders.dead_letter_resolved", WrongState, "The dead letter was resolved already";
    /// The order is not in the state that this resolution is for: see the runbook of stuck orders.
    NOT_RESOLVABLE = "orders.not_resolvable", WrongState, "An order in this state can't be resolved like this";
    /// The order is settled: there is nothing to leave to an operator.
    NOT_UNSETTLED = "orders.not_unsettled", WrongState, "The order is settled";
    /// The gateway does not say that no money is left. `gatewaySaid`, `leftMinor` and `currency` say what it says. Repeat with `confirmed`.
    CONFIRMATION_REQUIRED = "orders.confirmation_required", WrongState, "What the gateway says must be confirmed";
    /// The gateway says that the refund was made. Retry the dead letter, or resolve it as settled elsewhere.
    REFUND_WAS_MADE = "orders.refund_was_made", WrongState, "The refund was made";
    /// The gateway does not say that the payment was taken, in the order's currency.
    NOT_PROVEN_PAID = "orders.not_proven_paid", Conflict, "The gateway does not say that the order was paid";
    /// The payment could not be cancelled now, and may still be taken.
    NOT_PROVEN_FAILED = "orders.not_proven_failed", Conflict, "It is not proven that the order was not paid";
    /// The gateway says that money was taken. Cancelling the order gives it back.
    PAYMENT_WAS_TAKEN = "orders.payment_was_taken", WrongState, "The payment was taken; cancel the order to give it back";
    /// The tenant has no orders of the customer, and never erased any.
    CUSTOMER_NOT_FOUND = "orders.customer_not_found", NotFound, "There are no orders of this customer";
    /// No such finding in this store.
    FINDING_NOT_FOUND = "orders.finding_not_found", NotFound, "There is no such finding";
    /// The finding is not open any more.
    FINDING_RESOLVED = "orders.finding_resolved", WrongState, "The finding was resolved already";
}

/// Errors that may stop any use case. Each family of use cases has an error of its own for its refusals, such as
/// [`PlacingError`].
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// The database did not do its part.
    #[error(transparent)]
    Database(DbError),
    /// No payment was started; no money moved and nothing was kept.
    #[error(transparent)]
    Payment(PaymentError),
    /// Routed again and again, and each time others were faster.
    #[error("the stock went each time before it could be held")]
    Contended,
    /// Too many orders are waiting, or this one waited too long. Nothing was done.
    #[error("too many orders are waiting")]
    Overloaded,
    /// The answer to COMMIT was lost, and the order can't be found.
    #[error("the outcome is not known")]
    OutcomeUnknown,
    /// The key stands for another request.
    #[error("the idempotency key was used with another request")]
    KeyReused,
    /// No such order in this store.
    #[error("there is no such order")]
    NotFound,
}

impl From<DbError> for OrderError {
    /// A lost answer to COMMIT is nobody's defect, in whichever use case it is lost.
    fn from(error: DbError) -> Self {
        match error {
            DbError::CommitOutcomeUnknown(_) => Self::OutcomeUnknown,
            error => Self::Database(error),
        }
    }
}

impl From<PaymentError> for OrderError {
    fn from(error: PaymentError) -> Self {
        match error {
            PaymentError::Database(error) => error.into(),
            error => Self::Payment(error),
        }
    }
}

impl OrderError {
    /// The answer to a request whose change is committed and can't be read back: not that nothing was kept.
    pub(crate) fn after_commit(self) -> Self {
        match self {
            Self::Database(error) if error.is_transient() => Self::OutcomeUnknown,
            Self::Overloaded => Self::OutcomeUnknown,
            error => error,
        }
    }
}

impl From<NotDone> for OrderError {
    fn from(refused: NotDone) -> Self {
        match refused {
            NotDone::Full | NotDone::TooLate => Self::Overloaded,
            NotDone::Blocked => Self::Contended,
            NotDone::Lost => Self::OutcomeUnknown,
        }
    }
}

/// Refusals of single orders are answers of theirs; what fails a batch is the database.
impl BatchError for OrderError {
    fn shared(&self) -> Option<Self> {
        self.of_database()?.shared().map(Self::Database)
    }

    fn is_contended(&self) -> bool {
        self.of_database().is_some_and(DbError::is_contended)
    }
}

impl OrderError {
    fn of_database(&self) -> Option<&DbError> {
        match self {
            Self::Database(error) | Self::Payment(PaymentError::Database(error)) => Some(error),
            _ => None,
        }
    }

    /// The same error of statements that only read.
    pub(crate) fn of_reading(self) -> Self {
        match self {
            Self::Database(error) | Self::Payment(PaymentError::Database(error)) => {
                Self::Database(error.of_reading())
            }
            other => other,
        }
    }
}

/// Where an order can be read.
pub(crate) fn location_of(order_id: OrderId) -> String {
    format!("/orders/{order_id}")
}

/// The error of a transaction that locks an order.
pub(crate) trait LockError: From<DbError> + From<OrderError> {
    /// Whether somebody else holds what was needed.
    fn is_contended(&self) -> bool;
}

impl LockError for OrderError {
    fn is_contended(&self) -> bool {
        BatchError::is_contended(self)
    }
}

/// Implements the traits that let a step of a family of use cases fail with an [`OrderError`].
macro_rules! family_of_order_error {
    ($family:ident) => {
        impl From<oms_database::DbError> for $family {
            fn from(error: oms_database::DbError) -> Self {
                OrderError::from(error).into()
            }
        }

        impl From<oms_payments::PaymentError> for $family {
            fn from(error: oms_payments::PaymentError) -> Self {
                OrderError::from(error).into()
            }
        }

        impl $crate::error::LockError for $family {
            fn is_contended(&self) -> bool {
                matches!(self, Self::Order(error) if error.is_contended())
            }
        }
    };
}
use family_of_order_error;

impl From<OrderError> for Problem {
    fn from(error: OrderError) -> Self {
        match error {
            OrderError::Database(error) => error.into(),
            OrderError::Payment(error) => error.into(),
            OrderError::Contended => Self::of(&CONTENDED).with_retry_after_s(1),
            OrderError::Overloaded => Self::of(&OVERLOADED).with_retry_after_s(1),
            OrderError::OutcomeUnknown => {
                Self::of(&OUTCOME_UNKNOWN).with_retry_after_s(RETRY_AFTER_S)
            }
            OrderError::KeyReused => Self::of(&KEY_REUSED),
            OrderError::NotFound => Self::of(&NOT_FOUND),
        }
    }
}

/// A refusal that depends on where an order is.
fn about(
    problem_type: &'static oms_errors::ProblemType,
    order_id: OrderId,
    status: OrderStatus,
) -> Problem {
    Problem::of(problem_type)
        .with_location(location_of(order_id))
        .with_extension("orderId", order_id.to_string())
        .with_extension("orderStatus", status.as_str())
}
