//! `POST /orders/{id}/refunds`.

use actix_web::http::header;
use actix_web::{HttpResponse, HttpResponseBuilder, web};
use oms_errors::{INVALID_HEADER, Problem};
use oms_payments::Refund;
use oms_validation::{Currency, Money, OrderId};
use oms_web::{CurrentActor, CurrentTenant, IdempotencyKeyHeader, ProblemResponse, ValidJson};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::representation::RefundBody;
use super::{OrdersApi, examples, order_id_of, reason_of};
use crate::domain::reason::Reason;
use crate::domain::refund::{Disputed, RequestedRefund};
use crate::domain::status::OrderStatus;
use crate::error::{self, RETRY_AFTER_S, location_of};
use crate::service::reversing;
use crate::service::reversing::refund_order::RefundedOrder;

/// The body. Without an amount, the rest is refunded.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewRefund, examples(examples::new_refund))]
pub(super) struct Body {
    /// Amount to refund. Without it, the rest is refunded.
    // A blank value is rejected, so that an empty form field does not refund everything.
    #[serde(default, deserialize_with = "oms_validation::json::object_or_null")]
    #[validate(nested)]
    amount: Option<Amount>,
    #[schema(value_type = Option<Reason>)]
    reason: Option<String>,
    /// Refund even though the customer disputes the payment. The bank may return the money too.
    #[serde(default, deserialize_with = "oms_validation::json::flag")]
    #[schema(default = false)]
    despite_dispute: bool,
}

#[derive(Debug, Deserialize, Validate, ToSchema)]
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
struct Answer {
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
    description = "Without an amount, refunds everything that is left at the gateway. An order that is fully refunded becomes `REFUNDED` \
        and its stock is released. A disputed payment is not refunded unless `despiteDispute` is true.",
    params(("id" = OrderId, Path), IdempotencyKeyHeader),
    request_body = Body,
    responses(
        (status = 201, description = "The refund was made.", body = Answer, headers(("Location"))),
        (status = 200, description = "An earlier request with this key made the refund.", body = Answer,
            headers(("Location"), ("Idempotent-Replayed"))),
        (status = 202, description = "The outcome of the refund is unknown.", body = Answer,
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
            amount: self.amount.map(Money::from),
            reason: reason_of(self.reason.as_deref())?,
            disputed: match self.despite_dispute {
                true => Disputed::Refund,
                false => Disputed::Refuse,
            },
        })
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

fn answer(refunded: RefundedOrder) -> HttpResponse {
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
        .json(Answer {
            refund: refund.into(),
            order_status,
        })
}
