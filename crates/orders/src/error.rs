//! Why an order is refused, and what clients are told.

mod dead_letters;
mod erasing;
mod exceeded;
mod paying;
mod placing;
mod reconciling;
mod rerouting;
mod returning;
mod reversing;
mod settings;
mod shipping;

pub use dead_letters::DeadLetterError;
pub use erasing::ErasingError;
pub use paying::{NotPaid, PayingError};
pub use placing::PlacingError;
pub use reconciling::ReconcilingError;
pub use rerouting::ReroutingError;
pub use returning::ReturningError;
pub use reversing::ReversingError;
pub(crate) use settings::SettingsError;
pub use shipping::ShippingError;

use oms_batching::{BatchError, NotDone};
use oms_database::DbError;
use oms_errors::Problem;
use oms_payments::PaymentError;
use oms_validation::OrderId;

use crate::domain::status::OrderStatus;

/// How long clients wait, in seconds, before they ask again about an order that is being processed.
pub(crate) const RETRY_AFTER_S: u32 = 2;

oms_errors::problem_types! {
    /// No active warehouse has every product in the ordered quantity.
    NO_SINGLE_WAREHOUSE = "orders.no_single_warehouse", Unprocessable, "No single warehouse can fill the whole order";
    /// The warehouse is inactive, does not exist, or has too few available units. `unavailable` lists the products, with
    /// the units that are available there. Nothing was moved.
    NOT_AVAILABLE_THERE = "orders.not_available_there", Unprocessable, "The units are not available there";
    /// The units are in the warehouse that they were to go to.
    SAME_WAREHOUSE = "orders.same_warehouse", Unprocessable, "The units are in this warehouse already";
    /// No other active warehouse can fill all of it, apart from those that rejected the order. Nothing was moved.
    NO_OTHER_WAREHOUSE = "orders.no_other_warehouse", Unprocessable, "No other warehouse can fill it";
    /// A product ID is not one of the tenant's. `errors` names the items.
    UNKNOWN_PRODUCT = "orders.unknown_product", Unprocessable, "Unknown product";
    /// A product has no price in the currency of the order, neither in its price list nor a base price. `errors` names
    /// the items.
    PRODUCT_NOT_SOLD = "orders.product_not_sold", Unprocessable, "Product not sold in this currency";
    /// The tenant has no price list with the code.
    UNKNOWN_PRICE_LIST = "orders.unknown_price_list", Unprocessable, "Unknown price list";
    /// The price list is in another currency than the order. `currency` is that of the list.
    PRICE_LIST_CURRENCY = "orders.price_list_currency", Unprocessable, "Price list in another currency";
    /// The tenant sells in other currencies. `currencies` lists them.
    CURRENCY_NOT_OFFERED = "orders.currency_not_offered", Unprocessable, "Currency not offered";
    /// A unit price is not the expected one. `errors` names the items, and `unitPrices` has their current prices. Nothing was kept.
    PRICE_CHANGED = "orders.price_changed", WrongState, "The price has changed";
    /// Lines and adjustments don't sum to the expected total. `breakdown` has the computed sums. Nothing was kept.
    TOTAL_MISMATCH = "orders.total_mismatch", Unprocessable, "The total does not add up";
    /// Discounts exceed the price that they apply to. `errors` names the first one that does.
    DISCOUNT_TOO_LARGE = "orders.discount_too_large", Unprocessable, "Discount too large";
    /// Included taxes exceed the price that they are included in. `errors` names the first one that does.
    TAX_TOO_LARGE = "orders.tax_too_large", Unprocessable, "Included tax too large";
    /// The total exceeds what can be paid with one payment.
    TOTAL_TOO_LARGE = "orders.total_too_large", Unprocessable, "Order total too large";
    /// The idempotency key was used with another request.
    KEY_REUSED = "orders.idempotency_key_reused", Unprocessable, "The idempotency key was used with another request";
    /// The order of this idempotency key is being processed. Read it at `Location` after `Retry-After` seconds.
    IN_PROGRESS = "orders.in_progress", Conflict, "The order is being processed";
    /// The payment was declined. `orderStatus` says whether the order failed and its stock was released, or whether it waits for another payment method.
    PAYMENT_DECLINED = "orders.payment_declined", PaymentRequired, "The payment was declined";
    /// The payment was interrupted and nothing was charged. `orderStatus` says whether the order failed and its stock was released, or whether it waits for another payment method.
    PAYMENT_VOIDED = "orders.payment_voided", PaymentRequired, "The payment did not go through, and nothing was charged";
    /// The order does not await payment: it failed, or its money was refunded. Place a new one.
    NOT_PAYABLE = "orders.not_payable", WrongState, "An order in this state can't be paid";
    /// The payment deadline has passed: the order fails and its stock is released. Place a new one.
    PAYMENT_EXPIRED = "orders.payment_expired", WrongState, "The payment deadline has passed";
    /// Another request or the bank is processing a payment of the order. No second payment was started.
    PAYMENT_IN_PROGRESS = "orders.payment_in_progress", Conflict, "A payment of the order is in progress";
    /// Too many payments of the order have failed. Cancel it and place a new one.
    TOO_MANY_PAYMENTS = "orders.too_many_payments", WrongState, "Too many payments of the order have failed";
    /// The customer or the tenant has too many unpaid orders, or too many units in them. `bound` and `most` name the limit. Nothing was kept. Send the same request again after `Retry-After` seconds.
    TOO_MANY_UNPAID = "orders.too_many_unpaid", TooManyRequests, "Too many unpaid orders";
    /// The order alone has more units than the unpaid orders of a customer may hold. Nothing was kept.
    TOO_MANY_UNITS = "orders.too_many_units", Unprocessable, "Too many units in one order";
    /// Too many payments of the customer or of the credential were declined recently. `bound` and `most` name the limit. The gateway was not called and nothing was kept. Send the same request again after `Retry-After` seconds.
    TOO_MANY_DECLINES = "orders.too_many_declines", TooManyRequests, "Too many declined payments";
    /// The stock changes too fast, or another request has locked it. Nothing was kept. Send the same request again after `Retry-After` seconds.
    CONTENDED = "orders.contended", Unavailable, "The stock is changing too fast to place the order right now";
    /// More orders arrived than can be placed in time. Nothing was kept. Send the same request again after `Retry-After` seconds.
    OVERLOADED = "orders.overloaded", Unavailable, "Too many orders are waiting";
    /// The answer of the database was lost, or the order was changed and could not be read. Repeat the request, with its idempotency key if it had one.
    OUTCOME_UNKNOWN = "orders.outcome_unknown", Unavailable, "The outcome is unknown; repeat the request with the same idempotency key";
    /// The tenant has no such order.
    NOT_FOUND = "orders.not_found", NotFound, "Order not found";
    /// The order of this idempotency key was cancelled or is being cancelled. Read it at `Location`.
    CANCELLED = "orders.cancelled", WrongState, "The order was cancelled";
    /// An operator closed the order of this idempotency key: its money is settled elsewhere.
    CLOSED = "orders.closed", WrongState, "The order was closed by an operator";
    /// The order has failed or is fully refunded; there is nothing to cancel.
    NOT_CANCELLABLE = "orders.not_cancellable", WrongState, "An order in this state can't be cancelled";
    /// Some of it was shipped. Cancel what is not with `"scope": "unshipped"`.
    PARTLY_SHIPPED = "orders.partly_shipped", WrongState, "A part of the order was shipped";
    /// All of it was shipped, or what was not is cancelled already.
    NOTHING_UNSHIPPED = "orders.nothing_unshipped", WrongState, "Nothing is left to cancel";
    /// The order is being cancelled, or all of its money is being refunded. Nothing of it may be shipped meanwhile.
    BUSY = "orders.busy", Conflict, "The order is being cancelled or refunded";
    /// The order is not paid, or is being cancelled.
    NOT_REFUNDABLE = "orders.not_refundable", WrongState, "An order in this state can't be refunded";
    /// A refund of the order is in progress. The remaining amount is known once it is done.
    REFUND_IN_PROGRESS = "orders.refund_in_progress", Conflict, "A refund of the order is in progress";
    /// The customer disputes the payment at the bank, which may return the money as well. Send `"despiteDispute": true` to refund anyway.
    PAYMENT_DISPUTED = "orders.payment_disputed", WrongState, "The payment is disputed";
    /// The amount exceeds what is left of the captured payment.
    REFUND_EXCEEDS_CAPTURED = "orders.refund_exceeds_captured", Unprocessable, "The refund exceeds the remaining payment";
    /// More than is left of a line, of shipping or of fees. `errors` names what is too much and what is left.
    REFUND_EXCEEDS_PART = "orders.refund_exceeds_part", Unprocessable, "The refund exceeds what was paid for this part";
    /// The parts sum to another amount than `expectedAmount`. `amount` has the sum. Nothing was refunded.
    REFUND_AMOUNT_CHANGED = "orders.refund_amount_changed", PreconditionFailed, "The amount of the refund has changed";
    /// The bank or the gateway rejected the refund. The order stays `PAID`.
    REFUND_REFUSED = "orders.refund_refused", Unprocessable, "The refund was rejected";
    /// The window of the units is over. `line` names the line, and `returnable` the units that may still be returned. An operator may return the others with `overrideReason`.
    WINDOW_CLOSED = "returns.window_closed", Unprocessable, "Return window closed";
    /// The personal data of the order was erased, so that no text may be added. Leave it out.
    ORDER_ERASED = "returns.order_erased", WrongState, "Personal data was erased";
    /// Everything that the return is credited was refunded, or is being refunded.
    NOTHING_OWED = "returns.nothing_owed", WrongState, "Nothing left to refund";
    /// The tenant has no such dead letter.
    DEAD_LETTER_NOT_FOUND = "orders.dead_letter_not_found", NotFound, "Dead letter not found";
    /// The dead letter is closed: an operator resolved it, or the order was settled.
    DEAD_LETTER_RESOLVED = "orders.dead_letter_resolved", WrongState, "The dead letter is already closed";
    /// The resolution does not fit the state of the order. See the runbook of stuck orders.
    NOT_RESOLVABLE = "orders.not_resolvable", WrongState, "The resolution does not fit the order's state";
    /// The order is settled; there is nothing to leave to an operator.
    NOT_UNSETTLED = "orders.not_unsettled", WrongState, "The order is already settled";
    /// The gateway does not confirm that no money is left, or that no refund was made. `gatewaySaid`, `leftMinor` and `currency` show what it reports. Repeat the request with `"confirmed": true`.
    CONFIRMATION_REQUIRED = "orders.confirmation_required", WrongState, "Confirmation required";
    /// The gateway reports that the refund was made. Retry the dead letter, or resolve it as settled elsewhere.
    REFUND_WAS_MADE = "orders.refund_was_made", WrongState, "The refund was already made";
    /// The gateway does not report that the payment was taken in the currency of the order.
    NOT_PROVEN_PAID = "orders.not_proven_paid", Conflict, "The gateway does not report the order as paid";
    /// The payment could not be cancelled now and may still be taken.
    NOT_PROVEN_FAILED = "orders.not_proven_failed", Conflict, "The payment may still be taken";
    /// The gateway reports that the payment was taken. Cancel the order to refund it.
    PAYMENT_WAS_TAKEN = "orders.payment_was_taken", WrongState, "The payment was taken; cancel the order to refund it";
    /// The tenant has no orders of the customer and never erased any.
    CUSTOMER_NOT_FOUND = "orders.customer_not_found", NotFound, "No orders of this customer";
    /// The tenant has no such finding.
    FINDING_NOT_FOUND = "orders.finding_not_found", NotFound, "Finding not found";
    /// The finding is already resolved.
    FINDING_RESOLVED = "orders.finding_resolved", WrongState, "The finding is already resolved";
}

/// Errors that may stop any use case. Each family of use cases has an error type for its own refusals, such as
/// [`PlacingError`].
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// The database failed.
    #[error(transparent)]
    Database(DbError),
    /// No payment was started: no money moved and nothing was kept.
    #[error(transparent)]
    Payment(PaymentError),
    /// The order was routed several times, and each time other orders took the stock first.
    #[error("the stock was taken each time before it could be held")]
    Contended,
    /// Too many orders are waiting, or this one waited too long. Nothing was done.
    #[error("too many orders are waiting")]
    Overloaded,
    /// The answer to COMMIT was lost, and the order can't be found.
    #[error("the outcome is unknown")]
    OutcomeUnknown,
    /// The key stands for another request.
    #[error("the idempotency key was used with another request")]
    KeyReused,
    /// The tenant has no such order.
    #[error("order not found")]
    NotFound,
}

impl From<DbError> for OrderError {
    /// A lost answer to COMMIT is not a defect, whichever use case loses it.
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
    /// Converts an error that follows a commit: the answer must not claim that nothing was kept.
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

/// Refusals belong to single orders; only errors of the database fail a whole batch.
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

    /// Marks an error as one of statements that only read.
    pub(crate) fn of_reading(self) -> Self {
        match self {
            Self::Database(error) | Self::Payment(PaymentError::Database(error)) => {
                Self::Database(error.of_reading())
            }
            other => other,
        }
    }
}

/// The path of an order.
pub(crate) fn location_of(order_id: OrderId) -> String {
    format!("/orders/{order_id}")
}

/// The error of a transaction that locks an order.
pub(crate) trait LockError: From<DbError> + From<OrderError> {
    /// Whether another transaction holds a lock that was needed.
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

/// A refusal that depends on the order's status.
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
