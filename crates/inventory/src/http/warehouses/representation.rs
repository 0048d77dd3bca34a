//! Warehouses as JSON.

use actix_web::{HttpResponse, HttpResponseBuilder};
use chrono::{DateTime, Utc};
use oms_validation::{Location, WarehouseId};
use oms_web::{Disclosed, Disclosure, etag};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::name::{AddressLine, Name};
use crate::domain::warehouse::Warehouse;
use crate::http::examples;

/// A warehouse.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Warehouse, examples(examples::warehouse))]
pub(super) struct WarehouseBody {
    id: WarehouseId,
    name: Name,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<AddressLine>,
    location: Location,
    active: bool,
    version: i32,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<Warehouse> for WarehouseBody {
    fn from(warehouse: Warehouse) -> Self {
        Self {
            id: warehouse.id,
            name: warehouse.name,
            address: warehouse.address,
            location: warehouse.location,
            active: warehouse.active,
            version: warehouse.version,
            created_at: warehouse.created_at,
            updated_at: warehouse.updated_at,
        }
    }
}

/// A changed warehouse, for callers that may not read the inventory.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChangedWarehouse {
    id: WarehouseId,
    version: i32,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<Warehouse> for ChangedWarehouse {
    fn from(warehouse: Warehouse) -> Self {
        Self {
            id: warehouse.id,
            version: warehouse.version,
            created_at: warehouse.created_at,
            updated_at: warehouse.updated_at,
        }
    }
}

/// The answer to a change.
pub(super) type WrittenWarehouse = Disclosed<WarehouseBody, ChangedWarehouse>;

/// Answers a change with the warehouse and its version as `ETag`.
pub(super) fn written(
    mut response: HttpResponseBuilder,
    warehouse: Warehouse,
    disclosure: Disclosure,
) -> HttpResponse {
    response
        .insert_header(etag(warehouse.version))
        .json(WrittenWarehouse::of(warehouse, disclosure.inventory))
}

/// Answers with a warehouse and its version as `ETag`.
pub(super) fn answer(mut response: HttpResponseBuilder, warehouse: Warehouse) -> HttpResponse {
    response
        .insert_header(etag(warehouse.version))
        .json(WarehouseBody::from(warehouse))
}
