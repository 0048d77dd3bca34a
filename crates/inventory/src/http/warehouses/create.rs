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

/// The body: without a location, the address is looked up.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewWarehouse, examples(examples::new_warehouse))]
pub(crate) struct Body {
    name: Name,
    /// Looked up where there is no location.
    address: Option<AddressLine>,
    location: Option<Location>,
    /// Without it, `true`.
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

/// 201 with the warehouse; 200 with the one that an earlier request with this key has created. 400 when it is nowhere, or
/// the address is not known; 409 when another one has the name; 422 when the key stands for another request.
#[utoipa::path(
    post,
    path = "/warehouses",
    operation_id = "createWarehouse",
    tag = "inventory",
    summary = "Create a warehouse",
    params(IdempotencyKeyHeader),
    request_body = Body,
    responses(
        (status = 201, description = "Created.", body = WrittenWarehouse, headers(("Location"), ("ETag"))),
        (status = 200, description = "Created by an earlier request with this key.", body = WrittenWarehouse,
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
    let context = api.context.clone();
    let creating = async move {
        service::create_warehouse::create_warehouse(&context, tenant.0, &key.0, &new).await
    };
    let created = api.detached(creating).await??;
    let (response, warehouse) = made(created, |warehouse| location_of(warehouse.id));
    Ok(written(response, warehouse, disclosure))
}
