//! Why an order is refused, and how clients are told.

mod exceeded;

use oms_batching::{BatchError, NotDone};
use oms_database::DbError;
use oms_errors::{FieldError, Problem, invalid_field};
use oms_geocoding::GeocodeError;
use oms_payments::{DeclineCode, PaymentError, Reference, RefundFailure, RefundId};
use oms_validation::{Currency, InvalidAmount, Money, OrderId};
use serde_json::json;

use crate::domain::bounds::Exceeded;
use crate::domain::failure::Failure;
use crate::domain::open_payment::OpenPayment;
use crate::domain::reconcile_window::InvalidWindow;
use crate::domain::settlement::Settlement;
use crate::domain::status::OrderStatus;

/// How long clients wait before they ask again about an order that is being worked on, in seconds.
pub(crate) const RETRY_AFTER_S: u32 = 2;

oms_errors::problem_types! {
    /// No active warehouse has every product in the ordered quantity.
    NO_SINGLE_WAREHOUSE = "orders.no_single_warehouse", Unprocessable, "No single warehouse can fill the whole order";
    /// A product ID is not one of the tenant's. `errors` names the items.
    UNKNOWN_PRODUCT = "orders.unknown_product", Unprocessable, "A product does not exist";
    /// A product has no price in the currency of the order. `errors` names the items.
    PRODUCT_NOT_SOLD = "orders.product_not_sold", Unprocessable, "A product is not sold in this currency";
    /// The total exceeds what can be paid with one payment.
    TOTAL_TOO_LARGE = "orders.total_too_large", Unprocessable, "The total of the order is too large";
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
    PAYMENT_EXPIRED = "orders.payment_expired", WrongState, "The time to pay the order is over";
    /// Another request or the bank is processing a payment of the order. No second payment was started.
    PAYMENT_IN_PROGRESS = "orders.payment_in_progress", Conflict, "A payment of the order is in progress";
    /// Too many payments of the order have failed. Cancel it and place a new one.
    TOO_MANY_PAYMENTS = "orders.too_many_payments", WrongState, "Too many payments of the order have failed";
    /// The customer or the tenant has too many unpaid orders, or too many units in them. `bound` and `most` name the limit. Nothing was kept. Send the same request again after `Retry-After` seconds.
    TOO_MANY_UNPAID = "orders.too_many_unpaid", TooManyRequests, "Too many unpaid orders";
    /// The order alone has more units than the unpaid orders of a customer may hold. Nothing was kept.
    TOO_MANY_UNITS = "orders.too_many_units", Unprocessable, "Too many units in one order";
    /// Too many payments of the customer or of the credential were declined lately. `bound` and `most` name the limit. The gateway was not called and nothing was kept. Send the same request again after `Retry-After` seconds.
    TOO_MANY_DECLINES = "orders.too_many_declines", TooManyRequests, "Too many declined payments";
    /// The stock changes too fast, or is locked by somebody else. Nothing was kept. Send the same request again after `Retry-After` seconds.
    CONTENDED = "orders.contended", Unavailable, "The stock is changing too fast to place the order right now";
    /// More orders arrived than can be placed in time. Nothing was kept. Send the same request again after `Retry-After` seconds.
    OVERLOADED = "orders.overloaded", Unavailable, "Too many orders are waiting";
    /// The answer of the database was lost, or the order was changed and could not be read. Repeat the request, with its idempotency key if it had one.
    OUTCOME_UNKNOWN = "orders.outcome_unknown", Unavailable, "The outcome is not known; repeat the request with the same idempotency key";
    /// The tenant has no such order.
    NOT_FOUND = "orders.not_found", NotFound, "There is no such order";
    /// The order of this idempotency key was cancelled or is being cancelled. Read it at `Location`.
    CANCELLED = "orders.cancelled", WrongState, "The order was cancelled";
    /// An operator closed the order of this idempotency key: its money is settled elsewhere.
    CLOSED = "orders.closed", WrongState, "The order was closed by an operator";
    /// The order has failed or is fully refunded; there is nothing to cancel.
    NOT_CANCELLABLE = "orders.not_cancellable", WrongState, "An order in this state can't be cancelled";
    /// The order is not paid, or is being cancelled.
    NOT_REFUNDABLE = "orders.not_refundable", WrongState, "An order in this state can't be refunded";
    /// A refund of the order is in progress. The remaining amount is known when it has ended.
    REFUND_IN_PROGRESS = "orders.refund_in_progress", Conflict, "A refund of the order is in progress";
    /// The customer disputes the payment at the bank, which may return the money as well. Send `"despiteDispute": true` to refund anyway.
    PAYMENT_DISPUTED = "orders.payment_disputed", WrongState, "The payment is disputed";
    /// The amount exceeds what is left of the captured payment.
    REFUND_EXCEEDS_CAPTURED = "orders.refund_exceeds_captured", Unprocessable, "The refund is more than is left of the payment";
    /// The bank or the gateway rejected the refund. The order stays `PAID`.
    REFUND_REFUSED = "orders.refund_refused", Unprocessable, "The refund was refused";
    /// The tenant has no such dead letter.
    DEAD_LETTER_NOT_FOUND = "orders.dead_letter_not_found", NotFound, "There is no such dead letter";
    /// The dead letter is closed: an operator resolved it, or the order was settled.
    DEAD_LETTER_RESOLVED = "orders.dead_letter_resolved", WrongState, "The dead letter was resolved already";
    /// The resolution does not fit the state of the order. See the runbook of stuck orders.
    NOT_RESOLVABLE = "orders.not_resolvable", WrongState, "An order in this state can't be resolved like this";
    /// The order is settled; there is nothing to leave to an operator.
    NOT_UNSETTLED = "orders.not_unsettled", WrongState, "The order is settled";
    /// The gateway does not report that no money is left. `gatewaySaid`, `leftMinor` and `currency` show what it reports. Repeat the request with `"confirmed": true`.
    CONFIRMATION_REQUIRED = "orders.confirmation_required", WrongState, "What the gateway says must be confirmed";
    /// The gateway reports that the refund was made. Retry the dead letter, or resolve it as settled elsewhere.
    REFUND_WAS_MADE = "orders.refund_was_made", WrongState, "The refund was made";
    /// The gateway does not report that the payment was taken in the currency of the order.
    NOT_PROVEN_PAID = "orders.not_proven_paid", Conflict, "The gateway does not say that the order was paid";
    /// The payment could not be cancelled now and may still be taken.
    NOT_PROVEN_FAILED = "orders.not_proven_failed", Conflict, "It is not proven that the order was not paid";
    /// The gateway reports that the payment was taken. Cancel the order to refund it.
    PAYMENT_WAS_TAKEN = "orders.payment_was_taken", WrongState, "The payment was taken; cancel the order to give it back";
    /// The tenant has no orders of the customer and never erased any.
    CUSTOMER_NOT_FOUND = "orders.customer_not_found", NotFound, "There are no orders of this customer";
    /// The tenant has no such finding.
    FINDING_NOT_FOUND = "orders.finding_not_found", NotFound, "There is no such finding";
    /// The finding is already resolved.
    FINDING_RESOLVED = "orders.finding_resolved", WrongState, "The finding was resolved already";
}

/// Why an order can't be placed, read, cancelled or refunded.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// The database did not do its part.
    #[error(transparent)]
    Database(DbError),
    /// The address has no coordinates.
    #[error(transparent)]
    Geocoding(#[from] GeocodeError),
    /// No payment was started; no money moved and nothing was kept.
    #[error(transparent)]
    Payment(PaymentError),
    /// The gateway's breaker is open: nothing was tried.
    #[error("the payment gateway is not available")]
    GatewayUnavailable,
    /// The lines at these positions name no product of this store.
    #[error("unknown products")]
    UnknownProducts(Vec<usize>),
    /// The lines at these positions name products without a price in the order's currency.
    #[error("products that are not sold in this currency")]
    ProductsNotSold(Vec<usize>),
    /// The total is finer than its currency is paid in.
    #[error("the total {0}")]
    NotPayable(InvalidAmount),
    /// The total is more than can be paid at once.
    #[error("the total is too large")]
    TotalTooLarge,
    /// No active warehouse can fill the order.
    #[error("no single warehouse can fill the order")]
    NoSingleWarehouse,
    /// Routed again and again, and each time others were faster.
    #[error("the stock went each time before it could be held")]
    Contended,
    /// The customer, the credential or the tenant has too much open or declined. Nothing was kept.
    #[error("a bound is met: {} of {}", .0.bound.as_str(), .0.most)]
    Exceeded(Exceeded),
    /// Too many orders are waiting, or this one waited too long. Nothing was done.
    #[error("too many orders are waiting")]
    Overloaded,
    /// The key stands for another request.
    #[error("the idempotency key was used with another request")]
    KeyReused,
    /// The key stands for an order that is being worked on.
    #[error("order {0} is being processed")]
    InProgress(OrderId),
    /// The order failed.
    #[error("order {order_id} failed: {failure}")]
    Failed {
        /// The order.
        order_id: OrderId,
        /// Why.
        failure: Failure,
    },
    /// The payment did not go through, and the order waits for another attempt.
    #[error("order {order_id} is not paid: {failure}")]
    Unpaid {
        /// The order.
        order_id: OrderId,
        /// Why.
        failure: Failure,
        /// What can be done about it.
        payment: Box<OpenPayment>,
    },
    /// The order is not pending.
    #[error("an order that is {status} can't be paid")]
    PaymentClosed {
        /// The order.
        order_id: OrderId,
        /// Where it is.
        status: OrderStatus,
    },
    /// The order's deadline is over.
    #[error("the time to pay order {0} is over")]
    PaymentExpired(OrderId),
    /// A payment of the order is being worked on.
    #[error("a payment of order {0} is in progress")]
    PaymentInProgress(OrderId),
    /// Too many payments of the order have failed.
    #[error("too many payments of order {0} have failed")]
    TooManyPayments(OrderId),
    /// The answer to COMMIT was lost, and the order can't be found.
    #[error("the outcome is not known")]
    OutcomeUnknown,
    /// No such order in this store.
    #[error("there is no such order")]
    NotFound,
    /// The order was cancelled, or is being cancelled.
    #[error("order {order_id} is {status}")]
    Cancelled {
        /// The order.
        order_id: OrderId,
        /// Where it is.
        status: OrderStatus,
    },
    /// The order has ended, and there is nothing to cancel.
    #[error("an order that is {status} can't be cancelled")]
    NotCancellable {
        /// The order.
        order_id: OrderId,
        /// Where it is.
        status: OrderStatus,
    },
    /// The order is not paid, or is being cancelled.
    #[error("an order that is {status} can't be refunded")]
    NotRefundable {
        /// The order.
        order_id: OrderId,
        /// Where it is.
        status: OrderStatus,
    },
    /// Money of the order is being given back.
    #[error("a refund of order {0} is in progress")]
    RefundInProgress(OrderId),
    /// The customer disputes the payment, and nobody has said to give the money back all the same.
    #[error("the payment of order {order_id} is disputed: {dispute}")]
    PaymentDisputed {
        /// The order.
        order_id: OrderId,
        /// Where it is.
        status: OrderStatus,
        /// The gateway's name for the dispute.
        dispute: Reference,
    },
    /// More was to be given back than is left.
    #[error("the refund is more than is left of the payment")]
    RefundExceedsCaptured {
        /// What is left.
        available: Money,
    },
    /// The order was paid in another currency.
    #[error("the order was paid in {0}")]
    RefundCurrency(Currency),
    /// The bank or the gateway refused to give the money back.
    #[error("refund {refund_id} of order {order_id} was refused: {code}")]
    RefundRefused {
        /// The order.
        order_id: OrderId,
        /// Where it is.
        status: OrderStatus,
        /// The refund.
        refund_id: RefundId,
        /// Why.
        code: RefundFailure,
    },
    /// No such dead letter in this store.
    #[error("there is no such dead letter")]
    DeadLetterNotFound,
    /// The dead letter is not open any more.
    #[error("the dead letter was resolved already")]
    DeadLetterResolved,
    /// The order of the dead letter is in no state for what was asked.
    #[error("an order that is {0} can't be resolved like this")]
    NotResolvable(OrderStatus),
    /// The order is settled.
    #[error("an order that is {status} is settled")]
    NotUnsettled {
        /// The order.
        order_id: OrderId,
        /// Where it is.
        status: OrderStatus,
    },
    /// The gateway does not say that no money is left, and the operator has not confirmed that.
    #[error("the gateway: {}", .0.detail)]
    ConfirmationRequired(Settlement),
    /// The gateway says that the refund was made.
    #[error("the refund was made")]
    RefundWasMade,
    /// The gateway does not say that the payment was taken.
    #[error("the gateway does not say that the order was paid")]
    NotProvenPaid,
    /// The payment may still be taken.
    #[error("it is not proven that the order was not paid")]
    NotProvenFailed,
    /// The gateway says that money was taken.
    #[error("the payment was taken")]
    PaymentWasTaken,
    /// The tenant has no orders of the customer, and never erased any.
    #[error("there are no orders of this customer")]
    CustomerNotFound,
    /// No such finding in this store.
    #[error("there is no such finding")]
    FindingNotFound,
    /// The finding is not open any more.
    #[error("the finding was resolved already")]
    FindingResolved,
    /// The times to compare between are no window.
    #[error(transparent)]
    InvalidWindow(#[from] InvalidWindow),
}

impl From<Exceeded> for OrderError {
    fn from(exceeded: Exceeded) -> Self {
        Self::Exceeded(exceeded)
    }
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

impl From<OrderError> for Problem {
    fn from(error: OrderError) -> Self {
        match error {
            OrderError::Database(error) => error.into(),
            OrderError::Geocoding(error) => error.into(),
            OrderError::Payment(error) => error.into(),
            OrderError::GatewayUnavailable => {
                Self::of(&oms_payments::GATEWAY_UNAVAILABLE).with_retry_after_s(RETRY_AFTER_S)
            }
            OrderError::UnknownProducts(lines) => of_lines(&UNKNOWN_PRODUCT, &lines),
            OrderError::ProductsNotSold(lines) => of_lines(&PRODUCT_NOT_SOLD, &lines),
            OrderError::TotalTooLarge => Self::of(&TOTAL_TOO_LARGE),
            OrderError::NotPayable(_) => {
                Self::new(&oms_payments::AMOUNT_NOT_ACCEPTED, error.to_string())
            }
            OrderError::NoSingleWarehouse => Self::of(&NO_SINGLE_WAREHOUSE),
            OrderError::KeyReused => Self::of(&KEY_REUSED),
            OrderError::InProgress(order_id) => Self::of(&IN_PROGRESS)
                .with_location(location_of(order_id))
                .with_retry_after_s(RETRY_AFTER_S)
                .with_extension("orderId", order_id.to_string()),
            OrderError::Failed { order_id, failure } => failed(order_id, &failure),
            OrderError::Unpaid {
                order_id,
                failure,
                payment,
            } => unpaid(order_id, &failure, &payment),
            OrderError::PaymentClosed { order_id, status } => about(&NOT_PAYABLE, order_id, status),
            OrderError::PaymentExpired(order_id) => {
                about(&PAYMENT_EXPIRED, order_id, OrderStatus::PendingPayment)
            }
            OrderError::PaymentInProgress(order_id) => {
                about(&PAYMENT_IN_PROGRESS, order_id, OrderStatus::PendingPayment)
                    .with_retry_after_s(RETRY_AFTER_S)
            }
            OrderError::TooManyPayments(order_id) => {
                about(&TOO_MANY_PAYMENTS, order_id, OrderStatus::PendingPayment)
            }
            OrderError::Exceeded(exceeded) => exceeded::problem(&exceeded),
            OrderError::Contended => Self::of(&CONTENDED).with_retry_after_s(1),
            OrderError::Overloaded => Self::of(&OVERLOADED).with_retry_after_s(1),
            OrderError::OutcomeUnknown => {
                Self::of(&OUTCOME_UNKNOWN).with_retry_after_s(RETRY_AFTER_S)
            }
            OrderError::NotFound => Self::of(&NOT_FOUND),
            OrderError::Cancelled { order_id, status } => about(&CANCELLED, order_id, status),
            OrderError::NotCancellable { order_id, status } => {
                about(&NOT_CANCELLABLE, order_id, status)
            }
            OrderError::NotRefundable { order_id, status } => {
                about(&NOT_REFUNDABLE, order_id, status)
            }
            OrderError::RefundInProgress(order_id) => Self::of(&REFUND_IN_PROGRESS)
                .with_location(location_of(order_id))
                .with_retry_after_s(RETRY_AFTER_S)
                .with_extension("orderId", order_id.to_string()),
            OrderError::PaymentDisputed {
                order_id,
                status,
                dispute,
            } => about(&PAYMENT_DISPUTED, order_id, status)
                .with_extension("disputeId", dispute.to_string()),
            OrderError::RefundExceedsCaptured { available } => Self::of(&REFUND_EXCEEDS_CAPTURED)
                .with_extension("refundable", serde_json::json!(available))
                .with_extension("availableMinor", available.amount_minor)
                .with_extension("currency", available.currency.as_str()),
            OrderError::RefundCurrency(currency) => invalid_field(
                "amount.currency",
                format!("must be {currency}, in which the order was paid"),
            ),
            OrderError::RefundRefused {
                order_id,
                status,
                refund_id,
                code,
            } => about(&REFUND_REFUSED, order_id, status)
                .with_extension("refundId", refund_id.to_string())
                .with_extension("failureCode", code.as_str()),
            OrderError::DeadLetterNotFound => Self::of(&DEAD_LETTER_NOT_FOUND),
            OrderError::DeadLetterResolved => Self::of(&DEAD_LETTER_RESOLVED),
            OrderError::NotResolvable(status) => {
                Self::of(&NOT_RESOLVABLE).with_extension("orderStatus", status.as_str())
            }
            OrderError::NotUnsettled { order_id, status } => {
                about(&NOT_UNSETTLED, order_id, status)
            }
            OrderError::ConfirmationRequired(settlement) => confirmation_required(&settlement),
            OrderError::RefundWasMade => Self::of(&REFUND_WAS_MADE),
            OrderError::NotProvenPaid => {
                Self::of(&NOT_PROVEN_PAID).with_retry_after_s(RETRY_AFTER_S)
            }
            OrderError::NotProvenFailed => {
                Self::of(&NOT_PROVEN_FAILED).with_retry_after_s(RETRY_AFTER_S)
            }
            OrderError::PaymentWasTaken => Self::of(&PAYMENT_WAS_TAKEN),
            OrderError::CustomerNotFound => Self::of(&CUSTOMER_NOT_FOUND),
            OrderError::FindingNotFound => Self::of(&FINDING_NOT_FOUND),
            OrderError::FindingResolved => Self::of(&FINDING_RESOLVED),
            OrderError::InvalidWindow(error) => invalid_field("window", error.to_string()),
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

fn confirmation_required(settlement: &Settlement) -> Problem {
    let problem = Problem::new(&CONFIRMATION_REQUIRED, settlement.detail.clone())
        .with_extension("gatewaySaid", settlement.gateway_said.as_str());
    match settlement.left {
        Some(left) => problem
            .with_extension("leftMinor", left.amount_minor)
            .with_extension("currency", left.currency.as_str()),
        None => problem,
    }
}

fn of_lines(problem_type: &'static oms_errors::ProblemType, lines: &[usize]) -> Problem {
    let field = |index: &usize| FieldError {
        field: format!("items[{index}].productId"),
        message: problem_type.title.to_owned(),
    };
    Problem::of(problem_type).with_fields(lines.iter().map(field).collect())
}

fn failed(order_id: OrderId, failure: &Failure) -> Problem {
    not_paid(order_id, failure, OrderStatus::Failed)
}

/// The storefront learns what it can do, and until when.
fn unpaid(order_id: OrderId, failure: &Failure, payment: &OpenPayment) -> Problem {
    let shown = json!({
        "state": payment.attempt.state.as_str(),
        "attempt": payment.attempt.number,
        "actions": payment.actions(),
        "expiresAt": payment.expires_at,
    });
    not_paid(order_id, failure, OrderStatus::PendingPayment).with_extension("payment", shown)
}

fn not_paid(order_id: OrderId, failure: &Failure, status: OrderStatus) -> Problem {
    let problem = match failure {
        Failure::PaymentDeclined { decline_code } => {
            let code = DeclineCode::new(decline_code);
            Problem::of(&PAYMENT_DECLINED)
                .with_extension("declineCode", code.for_customer())
                .with_extension("customerStep", code.customer_step().as_str())
        }
        Failure::PaymentVoided | Failure::GatewayUnavailable | Failure::Other(_) => {
            Problem::of(&PAYMENT_VOIDED)
        }
        Failure::SettledElsewhere => Problem::of(&CLOSED),
    };
    problem
        .with_location(location_of(order_id))
        .with_extension("orderId", order_id.to_string())
        .with_extension("orderStatus", status.as_str())
}
