//! `POST /fulfilment-orders/{id}/holds`.

use actix_web::{HttpResponse, web};
use oms_errors::INVALID_HEADER;
use oms_fulfilment::{
    FulfilmentOrderId, HoldHandle, HoldReason, NewHold, Note, WrittenFulfilmentOrder,
    fulfilment_order_id_of, written_fulfilment_order,
};
use oms_validation::Once;
use oms_web::{
    CurrentActor, CurrentTenant, Disclosure, OptionalIdempotencyKey, ProblemResponse, ValidJson,
    mark_replayed,
};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use crate::error;
use crate::http::{OrdersApi, examples};
use crate::service::fulfilling;

/// A hold to place.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewHold, examples(examples::new_hold))]
pub(crate) struct Body {
    /// `rerouting` and `before-fulfilment` are reserved for the holds of oms itself.
    handle: HoldHandle,
    reason: HoldReason,
    note: Option<Note>,
}

oms_web::refusals! {
    Refusals: [
        INVALID_HEADER,
        oms_fulfilment::NOT_FOUND,
        oms_fulfilment::CLOSED,
        oms_fulfilment::TOO_MANY_HOLDS,
        oms_fulfilment::RESERVED_HANDLE,
        error::KEY_REUSED,
        error::CONTENDED,
        error::OUTCOME_UNKNOWN,
    ]
}

/// Answers 201 with the fulfilment order, or 200 if it has a hold with this handle already.
#[utoipa::path(
    post,
    path = "/fulfilment-orders/{id}/holds",
    operation_id = "placeHold",
    tag = "fulfilment",
    summary = "Hold a fulfilment order back",
    description = "Nothing of it is shipped until all of its holds are released: at most 10, apart from those of oms itself. A hold with the same handle stays as it is.",
    params(("id" = FulfilmentOrderId, Path), OptionalIdempotencyKey),
    request_body = Body,
    responses(
        (status = 201, description = "The hold was placed.", body = WrittenFulfilmentOrder, headers(("ETag"))),
        (status = 200, description = "There is a hold with this handle.", body = WrittenFulfilmentOrder,
            headers(("ETag"), ("Idempotent-Replayed"))),
        Refusals,
    ),
)]
pub(in crate::http) async fn hold(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    actor: CurrentActor,
    disclosure: Disclosure,
    key: OptionalIdempotencyKey,
    id: web::Path<String>,
    body: ValidJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = fulfilment_order_id_of(&id)?;
    let Body {
        handle,
        reason,
        note,
    } = body.0;
    let hold = NewHold {
        handle,
        reason,
        note,
    };
    let placing = api.work.run(|context| async move {
        let (tenant, key, actor) = (tenant.0, key.0.as_ref(), actor.0.as_str());
        fulfilling::place_hold::place_hold(&context, tenant, id, &hold, key, actor).await
    });
    let placed = placing.await?;
    let mut response = match placed {
        Once::Now(_) => HttpResponse::Created(),
        Once::Before(_) => HttpResponse::Ok(),
    };
    let order = mark_replayed(&mut response, placed);
    Ok(written_fulfilment_order(response, order, disclosure))
}
