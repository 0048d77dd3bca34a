//! `GET /evacuations/{id}/fulfilment-orders`.

use actix_web::{HttpResponse, web};
use oms_validation::PageSize;
use oms_web::{CurrentTenant, PageBody, ProblemResponse, Query};
use serde::Deserialize;
use utoipa::IntoParams;

use super::evacuation_id_of;
use super::representation::EvacuatedOrderBody;
use crate::domain::evacuation::{EvacuatedCursor, EvacuationOutcome};
use crate::domain::id::EvacuationId;
use crate::error::EVACUATION_NOT_FOUND;
use crate::http::FulfilmentApi;
use crate::service;

/// The parameters of the report.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Parameters {
    /// Selects what was moved, or what is on hold.
    outcome: Option<EvacuationOutcome>,
    #[serde(default)]
    limit: PageSize,
    /// The `nextCursor` of the previous page. Repeat the other parameters unchanged.
    #[param(value_type = Option<String>)]
    cursor: Option<EvacuatedCursor>,
}

oms_web::refusals! {
    Refusals: [EVACUATION_NOT_FOUND]
}

/// Returns 200 with a page of what the evacuation did with each fulfilment order; 404 if the tenant has no such
/// evacuation.
#[utoipa::path(
    get,
    path = "/evacuations/{id}/fulfilment-orders",
    operation_id = "listEvacuatedOrders",
    tag = "fulfilment",
    summary = "List what an evacuation did",
    description = "What it did with each fulfilment order, ordered by ID. `outcome=held` selects what it could not move.",
    params(("id" = EvacuationId, Path), Parameters),
    responses(
        (status = 200, description = "A page of fulfilment orders.", body = PageBody<EvacuatedOrderBody>),
        Refusals,
    ),
)]
pub(crate) async fn orders(
    api: web::Data<FulfilmentApi>,
    tenant: CurrentTenant,
    id: web::Path<String>,
    query: Query<Parameters>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = evacuation_id_of(&id)?;
    let Parameters {
        outcome,
        limit,
        cursor,
    } = query.0;
    let listing = api.work.run(|context| async move {
        let tenant = tenant.0;
        service::read_evacuations::list_evacuated(&context, tenant, id, outcome, cursor, limit)
            .await
    });
    let found = listing.await?;
    Ok(HttpResponse::Ok().json(PageBody::of(found, EvacuatedOrderBody::from)))
}
