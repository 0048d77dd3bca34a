//! `PATCH /warehouses/{id}`.

use actix_web::{HttpResponse, web};
use oms_errors::{INVALID_HEADER, PRECONDITION_FAILED, PRECONDITION_REQUIRED, invalid_field};
use oms_validation::Location;
use oms_web::{CurrentTenant, Disclosure, IfMatch, ProblemResponse, ValidJson};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::id_of;
use super::representation::{WrittenWarehouse, written};
use crate::WarehouseId;
use crate::domain::name::{AddressLine, Name};
use crate::domain::warehouse::WarehouseChange;
use crate::error;
use crate::http::{InventoryApi, examples};
use crate::service;

/// The body: what is left out stays. A new address without a location is looked up.
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
        error::OUTCOME_UNKNOWN,
    ]
}

/// 200 with the warehouse as it is now. 404 when there is none of this id in this store; 409 when another one has the name;
/// 412 when it was changed meanwhile; 428 without `If-Match`.
#[utoipa::path(
    patch,
    path = "/warehouses/{id}",
    operation_id = "changeWarehouse",
    tag = "inventory",
    summary = "Change, activate or deactivate a warehouse",
    description = "What is left out stays. A warehouse that is not active gets no new orders.",
    params(("id" = WarehouseId, Path), IfMatch),
    request_body = Body,
    responses(
        (status = 200, description = "As it is now.", body = WrittenWarehouse, headers(("ETag"))),
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
    let context = api.context.clone();
    let changing = async move {
        let (tenant, expected) = (tenant.0, &expected.0);
        service::change_warehouse::change_warehouse(&context, tenant, id, expected, change).await
    };
    let warehouse = api.detached(changing).await??;
    Ok(written(HttpResponse::Ok(), warehouse, disclosure))
}
