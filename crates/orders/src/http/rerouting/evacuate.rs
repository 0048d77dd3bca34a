//! `POST /warehouses/{id}/evacuate`.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use oms_errors::INVALID_HEADER;
use oms_fulfilment::EvacuationBody;
use oms_inventory::{InventoryError, WAREHOUSE_NOT_FOUND};
use oms_validation::WarehouseId;
use oms_web::{
    CurrentActor, CurrentTenant, IdempotencyKeyHeader, ProblemResponse, ValidJson, mark_replayed,
    reason_of,
};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use crate::domain::reason::Reason;
use crate::error;
use crate::http::{OrdersApi, examples};
use crate::service::rerouting::start_evacuation::start_evacuation;

/// Why the warehouse is evacuated.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EvacuationRequest, examples(examples::evacuation_request))]
pub(crate) struct Body {
    #[schema(value_type = Reason)]
    reason: String,
}

oms_web::refusals! {
    Refusals: [
        INVALID_HEADER,
        WAREHOUSE_NOT_FOUND,
        error::KEY_REUSED,
        error::CONTENDED,
        error::OUTCOME_UNKNOWN,
    ], with a location: [oms_fulfilment::EVACUATION_UNFINISHED]
}

/// Answers 202 with the evacuation.
#[utoipa::path(
    post,
    path = "/warehouses/{id}/evacuate",
    operation_id = "evacuateWarehouse",
    tag = "fulfilment",
    summary = "Evacuate a warehouse",
    description = "Deactivates the warehouse, and moves all its open work to other warehouses in the background: what is due first goes first, each \
        fulfilment order in a transaction of its own. What can't be moved is put on hold. The warehouse can't be activated before the evacuation is \
        finished or stopped.",
    params(("id" = WarehouseId, Path), IdempotencyKeyHeader),
    request_body = Body,
    responses(
        (status = 202, description = "The evacuation was started, by this request or by an earlier one with this key.", body = EvacuationBody,
            headers(("Location"), ("Idempotent-Replayed"))),
        Refusals,
    ),
)]
pub(in crate::http) async fn evacuate(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    actor: CurrentActor,
    key: IdempotencyKeyHeader,
    id: web::Path<String>,
    body: ValidJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    let id: WarehouseId = id.parse().map_err(|_| InventoryError::WarehouseNotFound)?;
    let reason = reason_of(&body.0.reason)?;
    let starting = api.work.run(|context| async move {
        let actor = actor.0.as_str();
        start_evacuation(&context, tenant.0, id, &reason, &key.0, actor).await
    });
    let started = starting.await?;
    let mut response = HttpResponse::Accepted();
    let evacuation = mark_replayed(&mut response, started);
    let location = format!("/evacuations/{}", evacuation.id);
    response.insert_header((header::LOCATION, location));
    Ok(response.json(EvacuationBody::from(evacuation)))
}
