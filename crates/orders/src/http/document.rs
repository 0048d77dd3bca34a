//! The parts of the API document of orders that no operation declares.

use chrono::{DateTime, Utc};
use oms_payments::{AttemptState, CustomerStep};
use oms_validation::{Currency, Money, OrderId, PageSize};
use utoipa::{OpenApi as Document, ToSchema};

use crate::domain::dead_letter::DeadLetterFilter;
use crate::domain::finding::FindingState;
use crate::domain::open_payment::PaymentAction;
use crate::domain::order_listing::OrderSort;
use crate::domain::pricing::Breakdown;
use crate::domain::status::OrderStatus;

/// Schemas that only parameters refer to. utoipa does not collect them from there.
#[derive(Document)]
#[openapi(components(schemas(DeadLetterFilter, FindingState, OrderSort, PageSize)))]
pub struct OrdersSchemas;

/// The members that refusals of orders add to a problem.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it documents what `Problem::with_extension` adds")]
pub struct ProblemMembers {
    /// The order concerned.
    order_id: Option<OrderId>,
    /// The status of that order.
    order_status: Option<OrderStatus>,
    /// With `orders.payment_declined`: the reason, as far as the customer may know it.
    #[schema(examples("insufficient_funds"))]
    decline_code: Option<String>,
    /// With `orders.payment_declined`: what the customer can do.
    customer_step: Option<CustomerStep>,
    /// With `orders.payment_declined` and `orders.payment_voided`, while the order waits for another attempt.
    payment: Option<UnpaidPayment>,
    /// With `orders.refund_exceeds_captured`: the refundable amount.
    available_minor: Option<i64>,
    /// With `orders.refund_exceeds_captured` and `orders.total_mismatch`: the currency of these amounts. With
    /// `orders.price_list_currency`: that of the list.
    currency: Option<Currency>,
    /// With `orders.too_many_unpaid`, `orders.too_many_units` and `orders.too_many_declines`: the limit that was
    /// reached.
    #[schema(examples("customer_orders"))]
    bound: Option<String>,
    /// With the same codes: the value of the limit.
    most: Option<u64>,
    /// With `orders.currency_not_offered`: the tenant's currencies.
    currencies: Option<Vec<Currency>>,
    /// With `orders.price_changed`: the current prices.
    unit_prices: Option<Vec<CurrentPrice>>,
    /// With `orders.refund_amount_changed`: the sum of the requested parts.
    amount: Option<Money>,
    /// With `orders.total_mismatch`: what the total consists of.
    breakdown: Option<Breakdown>,
    /// With `orders.not_available_there`: the products of which the warehouse has too few units.
    unavailable: Option<Vec<UnavailableProduct>>,
    /// With `orders.refund_refused`: the refund.
    refund_id: Option<oms_payments::RefundId>,
    /// With `orders.refund_refused`: the reason.
    failure_code: Option<String>,
}

/// The current unit price of an item.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it documents what `Problem::with_extension` adds")]
struct CurrentPrice {
    /// The number of the item, which begins with 1.
    line: i32,
    unit_price: Money,
}

/// A failed payment of an order that waits for another attempt.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it documents what `Problem::with_extension` adds")]
struct UnpaidPayment {
    state: AttemptState,
    /// 1 for the order's first payment.
    attempt: i32,
    /// What the storefront can do.
    actions: Vec<PaymentAction>,
    /// When the order fails and its stock is released.
    expires_at: DateTime<Utc>,
}

/// A product of which a warehouse has too few units.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it documents what `Problem::with_extension` adds")]
struct UnavailableProduct {
    product_id: oms_validation::ProductId,
    /// Units that were to go there.
    wanted: i32,
    /// Units that are available there.
    available: i32,
}
