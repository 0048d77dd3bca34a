//! The endpoints of inventory, as the document of the API describes them.

use oms_validation::{PageSize, Reason};
use oms_web::openapi::PagesOfNamedItems;
use serde_json::Value;
use utoipa::{OpenApi, ToSchema};

use super::imports::representation::RejectionBody;
use super::{imports, products, stock, warehouses};
use crate::domain::import::StockMode;
use crate::domain::name::Sku;
use crate::domain::stock_movement::MovementKind;
use crate::{ImportId, ProductId, WarehouseId};

/// The endpoints of inventory.
#[derive(OpenApi)]
#[openapi(
    paths(
        warehouses::list::list,
        warehouses::create::create,
        warehouses::show::show,
        warehouses::change::change,
        products::list::list,
        products::create::create,
        products::show::show,
        products::change::change,
        stock::levels::levels,
        stock::receive::receive,
        stock::adjust::adjust,
        stock::transfer::transfer,
        stock::safety_stock::show,
        stock::safety_stock::set,
        stock::movements::movements,
        imports::products::import,
        imports::stock::import,
        imports::show::show,
    ),
    // What only parameters refer to is not collected from them.
    components(schemas(PageSize, Sku, MovementKind, StockMode, Reason, ImportId, WarehouseId, ProductId)),
    modifiers(&PagesOfNamedItems)
)]
pub struct InventoryDocument;

/// What refusals of inventory say besides what all refusals say.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it documents what `Problem::with_extension` adds")]
pub struct ProblemMembers {
    /// With `inventory.unknown_warehouse`: which one.
    warehouse_id: Option<WarehouseId>,
    /// With `inventory.unknown_product` and `inventory.too_much_stock`: which ones.
    product_ids: Option<Vec<ProductId>>,
    /// With `inventory.insufficient_stock`: of what there is too little, and where.
    shortfalls: Option<Vec<Value>>,
    /// With `inventory.import_rejected`: how many rows.
    rejected: Option<i32>,
    /// With `inventory.import_rejected`: which rows, the first 10,000.
    rejections: Option<Vec<RejectionBody>>,
    /// With `request.precondition_failed`: the version that it is in.
    version: Option<i32>,
}
