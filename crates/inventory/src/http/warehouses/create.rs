//! `POST /warehouses`.

use actix_web::{HttpResponse, web};
use oms_errors::INVALID_HEADER;
use oms_validation::Location;
use oms_web::{CurrentTenant, Disclosure, IdempotencyKeyHeader, ProblemResponse, ValidJson};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::location_of;
use super::representation::{WrittenWarehouse, written};
use crate::domain::name::{AddressLine, Name};
use crate::domain::warehouse::NewWarehouse;
use crate::error;
use crate::http::{InventoryApi, examples, made};
use crate::service;

/// A warehouse to create.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewWarehouse, examples(examples::new_warehouse))]
pub(crate) struct Body {
    name: Name,
    /// Geocoded if there is no location.
    address: Option<AddressLine>,
    location: Option<Location>,
    /// Defaults to `true`.
    active: Option<bool>,
}

oms_web::refusals! {
    Refusals: [
        INVALID_HEADER,
        error::WAREHOUSE_NAME_TAKEN,
        error::KEY_REUSED,
        error::OUTCOME_UNKNOWN,
    ]
}

/// Returns 201 with the warehouse, or 200 with the one that an earlier request with this key created; 400 if it has
/// neither an address nor a location, or the address is not found; 409 if another warehouse has the name; 422 if the
/// key was used with a different request.
#[utoipa::path(
    post,
    path = "/warehouses",
    operation_id = "createWarehouse",
    tag = "inventory",
    summary = "Create a warehouse",
    params(IdempotencyKeyHeader),
    request_body = Body,
    responses(
        (status = 201, description = "The warehouse was created.", body = WrittenWarehouse, headers(("Location"), ("ETag"))),
        (status = 200, description = "The warehouse that an earlier request with this key created.", body = WrittenWarehouse,
            headers(("Location"), ("ETag"), ("Idempotent-Replayed"))),
        Refusals,
    ),
)]
pub(crate) async fn create(
    api: web::Data<InventoryApi>,
    tenant: CurrentTenant,
    disclosure: Disclosure,
    key: IdempotencyKeyHeader,
    body: ValidJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    let new = NewWarehouse {
        name: body.0.name,
        address: body.0.address,
        location: body.0.location,
        active: body.0.active.unwrap_or(true),
    };
    let creating = api.work.run(|context| async move {
        service::create_warehouse::create_warehouse(&context, tenant.0, &key.0, &new).await
    });
    let created = creating.await?;
    let (response, warehouse) = made(created, |warehouse| location_of(warehouse.id));
    Ok(written(response, warehouse, disclosure))
}
