//! The endpoints of orders, as the document of the API describes them.

use chrono::{DateTime, Utc};
use oms_payments::{AttemptState, CustomerStep};
use oms_validation::{Currency, OrderId, PageSize};
use oms_web::openapi::PagesOfNamedItems;
use utoipa::{OpenApi as Document, ToSchema};

use super::{
    cancel_order, dead_letters, erase_customer, findings, get_order, get_timeline, list_orders,
    list_refunds, pay_order, place_order, preview_routing, refund_order,
};
use crate::domain::dead_letter::DeadLetterFilter;
use crate::domain::finding::FindingState;
use crate::domain::open_payment::PaymentAction;
use crate::domain::order_listing::OrderSort;
use crate::domain::status::OrderStatus;

/// The endpoints of orders.
#[derive(Document)]
#[openapi(
    paths(
        place_order::place_order,
        list_orders::list_orders,
        get_order::get_order,
        get_timeline::get_timeline,
        pay_order::pay_order,
        cancel_order::cancel_order,
        list_refunds::list_refunds,
        refund_order::refund_order,
        preview_routing::preview_routing,
        erase_customer::erase_customer,
        dead_letters::list::list,
        dead_letters::show::show,
        dead_letters::create::create,
        dead_letters::retry::retry,
        dead_letters::resolve::resolve,
        findings::list::list,
        findings::show::show,
        findings::resolve::resolve,
    ),
    // What only parameters refer to is not collected from them.
    components(schemas(DeadLetterFilter, FindingState, OrderSort, PageSize)),
    modifiers(&PagesOfNamedItems)
)]
pub struct OrdersDocument;

/// What refusals of orders say besides what all refusals say.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it documents what `Problem::with_extension` adds")]
pub struct ProblemMembers {
    /// The order that it is about.
    order_id: Option<OrderId>,
    /// Where that order is.
    order_status: Option<OrderStatus>,
    /// With `orders.payment_declined`: why, as far as the customer may know.
    #[schema(examples("insufficient_funds"))]
    decline_code: Option<String>,
    /// With `orders.payment_declined`: what the customer can do.
    customer_step: Option<CustomerStep>,
    /// With `orders.payment_declined` and `orders.payment_voided`, while the order waits for another try.
    payment: Option<UnpaidPayment>,
    /// With `orders.refund_exceeds_captured`: what is left.
    available_minor: Option<i64>,
    /// With `orders.refund_exceeds_captured`.
    currency: Option<Currency>,
    /// With `orders.too_many_unpaid`, `orders.too_many_units` and `orders.too_many_declines`: which bound was met.
    #[schema(examples("customer_orders"))]
    bound: Option<String>,
    /// With the same: what the bound is.
    most: Option<u64>,
    /// With `orders.refund_refused`: the refund.
    refund_id: Option<oms_payments::RefundId>,
    /// With `orders.refund_refused`: why.
    failure_code: Option<String>,
}

/// A payment that did not go through, of an order that waits for another try.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it documents what `Problem::with_extension` adds")]
struct UnpaidPayment {
    state: AttemptState,
    /// 1 for the order's first payment.
    attempt: i32,
    /// What the storefront can do.
    actions: Vec<PaymentAction>,
    /// Then the order fails, and its stock is released.
    expires_at: DateTime<Utc>,
}
