//! `POST /orders/{id}/refunds`.

use actix_web::http::header;
use actix_web::{HttpResponse, HttpResponseBuilder, web};
use oms_errors::Problem;
use oms_payments::Refund;
use oms_validation::http::{CurrentTenant, IdempotencyKeyHeader, ValidJson};
use oms_validation::{Currency, Money};
use serde::{Deserialize, Serialize};
use validator::Validate;

use super::representation::RefundBody;
use super::{OrdersApi, order_id_of, reason_of};
use crate::domain::actor::API;
use crate::domain::refund::RequestedRefund;
use crate::domain::status::OrderStatus;
use crate::error::{RETRY_AFTER_S, location_of};
use crate::service;
use crate::service::refund_order::RefundedOrder;

/// The body: without an amount, all that is left.
#[derive(Debug, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub(super) struct Body {
    #[validate(nested)]
    amount: Option<Amount>,
    reason: Option<String>,
}

#[derive(Debug, Deserialize, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Amount {
    #[validate(range(min = 1, message = "must be at least 1"))]
    amount_minor: i64,
    currency: Currency,
}

/// A refund, and where its order is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(flatten)]
    refund: RefundBody,
    order_status: OrderStatus,
}

/// 201 given back; 200 given back by an earlier request with this key; 202 whether it was given back is not known yet. 404
/// when there is none of this id in this store; 409 when the order is not paid, or while another refund is in progress; 422
/// when it is more than is left, the key stands for another request, or the gateway refused it.
pub(super) async fn refund_order(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    key: IdempotencyKeyHeader,
    id: web::Path<String>,
    body: ValidJson<Body>,
) -> Result<HttpResponse, Problem> {
    let id = order_id_of(&id)?;
    let request = body.0.into_request()?;
    let context = api.context.clone();
    let refunding = async move {
        let (tenant, key) = (tenant.0, &key.0);
        service::refund_order::refund_order(&context, tenant, id, key, &request, API).await
    };
    Ok(answer(api.detached(refunding).await??))
}

impl Body {
    fn into_request(self) -> Result<RequestedRefund, Problem> {
        let amount = self.amount.map(|amount| Money {
            amount_minor: amount.amount_minor,
            currency: amount.currency,
        });
        Ok(RequestedRefund {
            amount,
            reason: reason_of(self.reason.as_deref())?,
        })
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

/// The refund can be read where its order is.
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
