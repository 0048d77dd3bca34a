//! `GET /orders/{id}`.

use actix_web::http::header::{self, ETag, EntityTag, Header, IfNoneMatch};
use actix_web::{HttpRequest, HttpResponse, web};
use oms_errors::Problem;
use oms_validation::OrderId;
use oms_web::{CurrentTenant, Disclosure, ProblemResponse};
use sha2::{Digest, Sha256};

use super::representation::{OrderBody, Secrets};
use super::{OrdersApi, order_id_of};
use crate::error::NOT_FOUND;
use crate::service::reading;

oms_web::refusals! {
    Refusals: [NOT_FOUND]
}

/// Answers 200 with the order, its lines, payment, refunds and routing trace. 304 if `If-None-Match` names this
/// version; 404 if the tenant has no such order.
#[utoipa::path(
    get,
    path = "/orders/{id}",
    operation_id = "getOrder",
    tag = "orders",
    summary = "Read an order",
    description = "Includes its lines, payment and refunds, and why its warehouse was chosen.",
    params(
        ("id" = OrderId, Path),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of an earlier answer. 304 if nothing has changed."),
    ),
    responses(
        (status = 200, description = "The order.", body = OrderBody, headers(("ETag"))),
        (status = 304, description = "Not modified.", headers(("ETag"))),
        Refusals,
    ),
)]
pub(super) async fn get_order(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    disclosure: Disclosure,
    id: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ProblemResponse> {
    let id = order_id_of(&id)?;
    // Not detached: the statements run in a task of the batch, which continues when a client disconnects.
    let details = reading::get_order::get_order(api.work.context(), tenant.0, id).await?;
    let secrets = match disclosure.payment_secrets {
        true => Secrets::Shown,
        false => Secrets::Kept,
    };
    let body = serde_json::to_vec(&OrderBody::with(details, secrets)?)
        .map_err(|error| Problem::of(&oms_errors::INTERNAL).with_source(error))?;
    let tag = tag_of(&body);
    let is_known = IfNoneMatch::parse(&request).is_ok_and(|known| names(&known, &tag));
    let mut answer = match is_known {
        true => HttpResponse::NotModified(),
        false => HttpResponse::Ok(),
    };
    answer.insert_header(ETag(tag));
    if is_known {
        return Ok(answer.finish());
    }
    Ok(answer.insert_header(header::ContentType::json()).body(body))
}

/// Made from the body, not from the order's version: payments and refunds change without it.
fn tag_of(body: &[u8]) -> EntityTag {
    let hash = Sha256::digest(body);
    EntityTag::new_strong(hex::encode(&hash[..16]))
}

/// `If-None-Match` uses the weak comparison (RFC 9110, 13.1.2).
fn names(known: &IfNoneMatch, tag: &EntityTag) -> bool {
    match known {
        IfNoneMatch::Any => true,
        IfNoneMatch::Items(tags) => tags.iter().any(|it| it.weak_eq(tag)),
    }
}
