//! `PATCH /warehouses/{id}`.

use actix_web::{HttpResponse, web};
use oms_errors::{INVALID_HEADER, PRECONDITION_FAILED, PRECONDITION_REQUIRED, invalid_field};
use oms_validation::{Location, WarehouseId};
use oms_web::{CurrentTenant, Disclosure, IfMatch, ProblemResponse, ValidJson};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::id_of;
use super::representation::{WrittenWarehouse, written};
use crate::domain::name::{AddressLine, Name};
use crate::domain::warehouse::WarehouseChange;
use crate::error;
use crate::http::{InventoryApi, examples};
use crate::service;

/// A change of a warehouse. Omitted members stay unchanged. A new address without a location is geocoded.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WarehouseChange, min_properties = 1, examples(examples::warehouse_change))]
pub(crate) struct Body {
    name: Option<Name>,
    address: Option<AddressLine>,
    location: Option<Location>,
    active: Option<bool>,
}

oms_web::refusals! {
    Refusals: [
        INVALID_HEADER,
        PRECONDITION_FAILED,
        PRECONDITION_REQUIRED,
        error::WAREHOUSE_NOT_FOUND,
        error::WAREHOUSE_NAME_TAKEN,
        error::WAREHOUSE_EVACUATED,
        error::OUTCOME_UNKNOWN,
    ]
}

/// Returns 200 with the changed warehouse; 404 if the tenant has no such warehouse; 409 if another warehouse has the
/// name; 412 if the warehouse was changed in the meantime; 428 without `If-Match`.
#[utoipa::path(
    patch,
    path = "/warehouses/{id}",
    operation_id = "changeWarehouse",
    tag = "inventory",
    summary = "Change, activate or deactivate a warehouse",
    description = "Omitted members stay unchanged. An inactive warehouse gets no new orders. A warehouse that is being evacuated stays inactive.",
    params(("id" = WarehouseId, Path), IfMatch),
    request_body = Body,
    responses(
        (status = 200, description = "The changed warehouse.", body = WrittenWarehouse, headers(("ETag"))),
        Refusals,
    ),
)]
pub(crate) async fn change(
    api: web::Data<InventoryApi>,
    tenant: CurrentTenant,
    disclosure: Disclosure,
    expected: IfMatch,
    id: web::Path<String>,
    body: ValidJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = id_of(&id)?;
    let change = WarehouseChange {
        name: body.0.name,
        address: body.0.address,
        location: body.0.location,
        active: body.0.active,
    };
    if change.is_empty() {
        return Err(invalid_field("body", "has nothing to change").into());
    }
    let changing = api.work.run(|context| async move {
        let (tenant, expected) = (tenant.0, &expected.0);
        service::change_warehouse::change_warehouse(&context, tenant, id, expected, change).await
    });
    let warehouse = changing.await?;
    Ok(written(HttpResponse::Ok(), warehouse, disclosure))
}
