//! Schemas of inventory in the OpenAPI document, besides those of its operations.

use oms_validation::{PageSize, ProductId, Reason, WarehouseId};
use serde_json::Value;
use utoipa::{OpenApi, ToSchema};

use super::imports::representation::RejectionBody;
use crate::ImportId;
use crate::domain::id::PriceListId;
use crate::domain::import::StockMode;
use crate::domain::name::Sku;
use crate::domain::price_list::PriceListCode;
use crate::domain::stock_movement::MovementKind;

/// Schemas that only parameters refer to, from which utoipa doesn't collect them.
#[derive(OpenApi)]
#[openapi(components(schemas(
    PageSize,
    Sku,
    MovementKind,
    StockMode,
    Reason,
    ImportId,
    PriceListId,
    PriceListCode,
    WarehouseId,
    ProductId
)))]
pub struct InventorySchemas;

/// Members that problems of inventory have in addition to the common ones.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it documents what `Problem::with_extension` adds")]
pub struct ProblemMembers {
    /// `inventory.unknown_warehouse`: the unknown warehouse.
    warehouse_id: Option<WarehouseId>,
    /// `inventory.unknown_product` and `inventory.too_much_stock`: the affected products.
    product_ids: Option<Vec<ProductId>>,
    /// `inventory.insufficient_stock` and `inventory.insufficient_quarantine`: the stock levels with too few units.
    shortfalls: Option<Vec<Value>>,
    /// `inventory.import_rejected`: the number of rejected rows.
    rejected: Option<i32>,
    /// `inventory.import_rejected`: the first 10,000 rejected rows.
    rejections: Option<Vec<RejectionBody>>,
    /// `request.precondition_failed`: the current version of the resource.
    version: Option<i32>,
}
