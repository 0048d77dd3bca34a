//! `POST /orders/{id}/cancel`.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, web};
use oms_errors::{INVALID_HEADER, Problem};
use oms_validation::{Once, OrderId};
use oms_web::{
    CurrentActor, CurrentTenant, Disclosed, Disclosure, OptionalIdempotencyKey, OptionalJson,
    ProblemResponse, mark_replayed,
};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::brief::CancelledOrder;
use super::representation::{OrderBody, PendingOrder};
use super::{OrdersApi, order_id_of, reason_of};
use crate::domain::reason::Reason;
use crate::error::{self, RETRY_AFTER_S, location_of};
use crate::service::reversing;
use crate::service::reversing::cancel_order::Cancellation;

/// The optional body.
#[derive(Debug, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CancellationRequest)]
pub(super) struct Body {
    /// Defaults to `all`.
    scope: Option<CancellationScope>,
    #[schema(value_type = Option<Reason>)]
    reason: Option<String>,
}

/// What is cancelled.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum CancellationScope {
    /// The whole order, of which nothing was shipped.
    #[default]
    All,
    /// What is not shipped. Its money is refunded.
    Unshipped,
}

type Cancelled = Disclosed<OrderBody, CancelledOrder>;

oms_web::refusals! {
    Refusals: [INVALID_HEADER, error::NOT_FOUND, error::KEY_REUSED, error::OUTCOME_UNKNOWN], with a location: [error::NOT_CANCELLABLE, error::PARTLY_SHIPPED, error::NOTHING_UNSHIPPED, error::REFUND_REFUSED, error::PAYMENT_DISPUTED, error::REFUND_IN_PROGRESS]
}

/// Answers 200 with the order once it is cancelled, and 202 until then. 404 if the tenant has no such order; 409 if it
/// failed, was refunded or is being refunded; 422 if the key belongs to another request.
#[utoipa::path(
    post,
    path = "/orders/{id}/cancel",
    operation_id = "cancelOrder",
    tag = "orders",
    summary = "Cancel an order",
    description = "Refunds what is left of the payment and releases the stock. Repeating the request changes nothing. An order whose \
        payment is disputed is not cancelled. When a part of the order was shipped, `scope: unshipped` cancels the rest. Without the scope `orders:read` the answer contains only the status and the refunds.",
    params(("id" = OrderId, Path), OptionalIdempotencyKey),
    request_body = Option<Body>,
    responses(
        (status = 200, description = "The order was cancelled, its money refunded and its stock released.", body = Cancelled,
            headers(("Location"), ("Idempotent-Replayed"))),
        (status = 202, description = "The cancellation is in progress.", body = PendingOrder,
            headers(("Location"), ("Retry-After"), ("Idempotent-Replayed"))),
        Refusals,
    ),
)]
pub(super) async fn cancel_order(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    actor: CurrentActor,
    disclosure: Disclosure,
    key: OptionalIdempotencyKey,
    id: web::Path<String>,
    body: OptionalJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = order_id_of(&id)?;
    let body = body.0.unwrap_or_default();
    let (scope, reason) = (
        body.scope.unwrap_or_default(),
        reason_of(body.reason.as_deref())?,
    );
    let cancelling = api.work.run(|context| async move {
        let (tenant, key, reason) = (tenant.0, key.0.as_ref(), reason.as_ref());
        let actor = actor.0.as_str();
        match scope {
            CancellationScope::All => {
                reversing::cancel_order::cancel_order(&context, tenant, id, key, reason, actor)
                    .await
            }
            CancellationScope::Unshipped => {
                reversing::cancel_unshipped::cancel_unshipped(
                    &context, tenant, id, key, reason, actor,
                )
                .await
            }
        }
    });
    let cancellation = cancelling.await?;
    Ok(answer(cancellation, disclosure)?)
}

fn answer(
    cancellation: Once<Cancellation>,
    disclosure: Disclosure,
) -> Result<HttpResponse, Problem> {
    let mut response = HttpResponse::Ok();
    Ok(match mark_replayed(&mut response, cancellation) {
        Cancellation::Done(details) => response
            .insert_header((header::LOCATION, location_of(details.order.id)))
            .json(match disclosure.orders {
                true => Cancelled::Full(OrderBody::of(*details)?),
                false => Cancelled::Brief(CancelledOrder::from(*details)),
            }),
        Cancellation::InProgress(order) => response
            .status(StatusCode::ACCEPTED)
            .insert_header((header::LOCATION, location_of(order.order_id)))
            .insert_header((header::RETRY_AFTER, RETRY_AFTER_S))
            .json(PendingOrder::from(order)),
    })
}
