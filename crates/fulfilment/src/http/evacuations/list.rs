//! `GET /evacuations`.

use actix_web::{HttpResponse, web};
use oms_validation::{PageSize, WarehouseId};
use oms_web::{CurrentTenant, PageBody, ProblemResponse, Query};
use serde::Deserialize;
use utoipa::IntoParams;

use super::representation::EvacuationBody;
use crate::domain::evacuation::EvacuationCursor;
use crate::http::FulfilmentApi;
use crate::service;

/// The parameters of the list.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Parameters {
    /// Selects the evacuations of this warehouse.
    warehouse_id: Option<WarehouseId>,
    #[serde(default)]
    limit: PageSize,
    /// The `nextCursor` of the previous page. Repeat the other parameters unchanged.
    #[param(value_type = Option<String>)]
    cursor: Option<EvacuationCursor>,
}

/// Returns 200 with a page of evacuations, newest first.
#[utoipa::path(
    get,
    path = "/evacuations",
    operation_id = "listEvacuations",
    tag = "fulfilment",
    summary = "List evacuations",
    description = "Newest first.",
    params(Parameters),
    responses(
        (status = 200, description = "A page of evacuations.", body = PageBody<EvacuationBody>),
    ),
)]
pub(crate) async fn list(
    api: web::Data<FulfilmentApi>,
    tenant: CurrentTenant,
    query: Query<Parameters>,
) -> Result<HttpResponse, ProblemResponse> {
    let Parameters {
        warehouse_id,
        limit,
        cursor,
    } = query.0;
    let listing = api.work.run(|context| async move {
        let (tenant, warehouse) = (tenant.0, warehouse_id);
        service::read_evacuations::list_evacuations(&context, tenant, warehouse, cursor, limit)
            .await
    });
    let found = listing.await?;
    Ok(HttpResponse::Ok().json(PageBody::of(found, EvacuationBody::from)))
}
