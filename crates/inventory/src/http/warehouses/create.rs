//! `POST /warehouses`.

use actix_web::{HttpResponse, web};
use oms_errors::Problem;
use oms_validation::Location;
use oms_validation::http::{CurrentTenant, IdempotencyKeyHeader, ValidJson};
use serde::Deserialize;
use validator::Validate;

use super::location_of;
use super::representation::answer;
use crate::domain::name::{AddressLine, Name};
use crate::domain::warehouse::NewWarehouse;
use crate::http::{InventoryApi, made};
use crate::service;

/// The body: without a location, the address is looked up.
#[derive(Debug, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    name: Name,
    address: Option<AddressLine>,
    location: Option<Location>,
    active: Option<bool>,
}

/// 201 with the warehouse; 200 with the one that an earlier request with this key has created. 400 when it is nowhere, or
/// the address is not known; 409 when another one has the name; 422 when the key stands for another request.
pub(crate) async fn create(
    api: web::Data<InventoryApi>,
    tenant: CurrentTenant,
    key: IdempotencyKeyHeader,
    body: ValidJson<Body>,
) -> Result<HttpResponse, Problem> {
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
    Ok(answer(response, warehouse))
}
