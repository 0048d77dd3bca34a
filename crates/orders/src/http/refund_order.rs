//! `POST /orders/{id}/refunds`.

use std::collections::HashSet;

use actix_web::http::header;
use actix_web::{HttpResponse, HttpResponseBuilder, web};
use oms_errors::{INVALID_HEADER, Problem, invalid_field};
use oms_payments::Refund;
use oms_validation::{Currency, Money, OrderId};
use oms_web::{CurrentActor, CurrentTenant, IdempotencyKeyHeader, ProblemResponse, ValidJson};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::representation::RefundBody;
use super::{OrdersApi, examples, order_id_of, reason_of};
use crate::domain::reason::Reason;
use crate::domain::refund::{Disputed, Refunded, RequestedRefund};
use crate::domain::refund_plan::{RequestedCredit, RequestedParts};
use crate::domain::status::OrderStatus;
use crate::error::{self, RETRY_AFTER_S, location_of};
use crate::service::reversing;
use crate::service::reversing::refund_order::RefundedOrder;

/// The body. Without an amount and without parts, the rest is refunded.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewRefund, examples(examples::new_refund))]
pub(super) struct Body {
    /// Amount to refund. Without it, the rest is refunded.
    // A blank value is rejected, so that an empty form field does not refund everything.
    #[serde(default, deserialize_with = "oms_validation::json::object_or_null")]
    #[validate(nested)]
    amount: Option<Amount>,
    /// Items to refund, each at most once. Not together with `amount`.
    #[schema(min_items = 1, max_items = 100)]
    #[validate(
        nested,
        length(min = 1, max = 100, message = "must have 1 to 100 entries")
    )]
    lines: Option<Vec<Line>>,
    /// How much of shipping to refund, at most what was paid for it. Not together with `amount`.
    #[serde(default, deserialize_with = "oms_validation::json::object_or_null")]
    #[validate(nested)]
    shipping: Option<Amount>,
    /// How much of the fees and duties of the whole order to refund. Not together with `amount`.
    #[serde(default, deserialize_with = "oms_validation::json::object_or_null")]
    #[validate(nested)]
    fees: Option<Amount>,
    /// The sum that you expect for `lines`, `shipping` and `fees`. Nothing is refunded if it is another one.
    #[serde(default, deserialize_with = "oms_validation::json::object_or_null")]
    #[validate(nested)]
    expected_amount: Option<Amount>,
    #[schema(value_type = Option<Reason>)]
    reason: Option<String>,
    /// Refund even though the customer disputes the payment. The bank may return the money too.
    #[serde(default, deserialize_with = "oms_validation::json::flag")]
    #[schema(default = false)]
    despite_dispute: bool,
}

/// What to refund of an item: the share of some units in what was paid for it, an amount, or all that is left.
#[derive(Debug, Deserialize, Serialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = RefundLine)]
struct Line {
    /// The number of the item, which begins with 1.
    #[validate(range(min = 1, max = 100, message = "must be between 1 and 100"))]
    #[schema(minimum = 1, maximum = 100)]
    line: i32,
    /// Number of units.
    #[validate(range(min = 1, max = 1_000_000, message = "must be between 1 and 1000000"))]
    #[schema(minimum = 1, maximum = 1_000_000)]
    quantity: Option<i32>,
    /// The amount, if it is not the share of the units.
    #[serde(default, deserialize_with = "oms_validation::json::object_or_null")]
    #[validate(nested)]
    amount: Option<Amount>,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = RefundAmount)]
struct Amount {
    #[validate(range(min = 1, message = "must be at least 1"))]
    #[schema(minimum = 1, examples(500))]
    amount_minor: i64,
    currency: Currency,
}

/// A refund, and the status of its order.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RefundOfOrder)]
pub(super) struct RefundAnswer {
    #[serde(flatten)]
    refund: RefundBody,
    order_status: OrderStatus,
}

oms_web::refusals! {
    Refusals: [
        INVALID_HEADER,
        error::NOT_FOUND,
        error::KEY_REUSED,
        error::REFUND_EXCEEDS_CAPTURED,
        error::REFUND_EXCEEDS_PART,
        error::REFUND_AMOUNT_CHANGED,
        oms_payments::AMOUNT_NOT_ACCEPTED,
        error::OUTCOME_UNKNOWN,
    ], with a location: [
        error::NOT_REFUNDABLE,
        error::PAYMENT_DISPUTED,
        error::REFUND_IN_PROGRESS,
        error::REFUND_REFUSED,
    ]
}

/// Answers 201 if the refund was made, 200 if an earlier request with this key made it, and 202 if its outcome is
/// unknown. 404 if the tenant has no such order; 409 if the order is not paid, or another refund is in progress; 422 if
/// the amount exceeds what is left, the key belongs to another request, or the gateway rejected the refund.
#[utoipa::path(
    post,
    path = "/orders/{id}/refunds",
    operation_id = "refundOrder",
    tag = "orders",
    summary = "Refund an order",
    description = "Refunds items, shipping and fees by what was paid for them, an amount, or everything that is left at the gateway. An order that is fully refunded becomes `REFUNDED` \
        and its stock is released. A disputed payment is not refunded unless `despiteDispute` is true.",
    params(("id" = OrderId, Path), IdempotencyKeyHeader),
    request_body = Body,
    responses(
        (status = 201, description = "The refund was made.", body = RefundAnswer, headers(("Location"))),
        (status = 200, description = "An earlier request with this key made the refund.", body = RefundAnswer,
            headers(("Location"), ("Idempotent-Replayed"))),
        (status = 202, description = "The outcome of the refund is unknown.", body = RefundAnswer,
            headers(("Location"), ("Retry-After"))),
        Refusals,
    ),
)]
pub(super) async fn refund_order(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    actor: CurrentActor,
    key: IdempotencyKeyHeader,
    id: web::Path<String>,
    body: ValidJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = order_id_of(&id)?;
    let request = body.0.into_request()?;
    let refunding = api.work.run(|context| async move {
        let (tenant, key, actor) = (tenant.0, &key.0, actor.0.as_str());
        reversing::refund_order::refund_order(&context, tenant, id, key, &request, actor).await
    });
    Ok(answer(refunding.await?))
}

impl Body {
    fn into_request(self) -> Result<RequestedRefund, Problem> {
        Ok(RequestedRefund {
            what: self.what()?,
            reason: reason_of(self.reason.as_deref())?,
            disputed: match self.despite_dispute {
                true => Disputed::Refund,
                false => Disputed::Refuse,
            },
        })
    }
}

impl Body {
    fn what(&self) -> Result<Refunded, Problem> {
        let parts = RequestedParts {
            lines: self.parts_of_lines()?,
            shipping: self.shipping.map(Money::from),
            fees: self.fees.map(Money::from),
            expected: self.expected_amount.map(Money::from),
        };
        let has_parts = !parts.lines.is_empty() || parts.shipping.is_some() || parts.fees.is_some();
        match (self.amount, has_parts) {
            (Some(_), true) => Err(invalid_field(
                "amount",
                "send either amount, or lines, shipping and fees",
            )),
            (_, false) if parts.expected.is_some() => Err(invalid_field(
                "expectedAmount",
                "is only for lines, shipping and fees",
            )),
            (Some(amount), false) => Ok(Refunded::Amount(amount.into())),
            (None, true) => Ok(Refunded::Parts(parts)),
            (None, false) => Ok(Refunded::Rest),
        }
    }

    fn parts_of_lines(&self) -> Result<Vec<RequestedCredit>, Problem> {
        let mut seen = HashSet::new();
        let lines = self.lines.iter().flatten().enumerate();
        let credit = |(index, line): (usize, &Line)| match seen.insert(line.line) {
            true => Ok(RequestedCredit {
                line: line.line,
                quantity: line.quantity,
                amount: line.amount.map(Money::from),
            }),
            false => {
                let field = format!("lines[{index}].line");
                Err(invalid_field(field, "is named twice"))
            }
        };
        lines.map(credit).collect()
    }
}

impl From<Amount> for Money {
    fn from(amount: Amount) -> Self {
        Self {
            amount_minor: amount.amount_minor,
            currency: amount.currency,
        }
    }
}

pub(super) fn answer(refunded: RefundedOrder) -> HttpResponse {
    match refunded {
        RefundedOrder::Refunded(refund, status) => write(HttpResponse::Created(), refund, status),
        RefundedOrder::RefundedBefore(refund, status) => {
            let mut response = HttpResponse::Ok();
            response.insert_header(("Idempotent-Replayed", "true"));
            write(response, refund, status)
        }
        RefundedOrder::Pending(refund, status) => {
            let mut response = HttpResponse::Accepted();
            response.insert_header((header::RETRY_AFTER, RETRY_AFTER_S));
            write(response, refund, status)
        }
    }
}

/// `Location` names the order, where its refunds can be read.
fn write(
    mut response: HttpResponseBuilder,
    refund: Refund,
    order_status: OrderStatus,
) -> HttpResponse {
    response
        .insert_header((header::LOCATION, location_of(refund.order_id)))
        .json(RefundAnswer {
            refund: refund.into(),
            order_status,
        })
}
