//! `PATCH /products/{id}`.

use actix_web::{HttpResponse, web};
use oms_errors::{INVALID_HEADER, PRECONDITION_FAILED, PRECONDITION_REQUIRED, invalid_field};
use oms_validation::{Money, ProductId};
use oms_web::{CurrentTenant, Disclosure, IfMatch, ProblemResponse, ValidJson};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::representation::{WrittenProduct, written};
use super::{id_of, prices_of};
use crate::domain::name::{Name, Sku};
use crate::domain::product::{Prices, ProductChange};
use crate::error;
use crate::http::{InventoryApi, examples};
use crate::service;

/// A change of a product. Omitted members stay unchanged.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProductChange, min_properties = 1, examples(examples::product_change))]
pub(crate) struct Body {
    sku: Option<Sku>,
    name: Option<Name>,
    /// Replaces all existing prices. Placed orders keep theirs.
    #[schema(value_type = Option<Prices>)]
    prices: Option<Vec<Money>>,
}

oms_web::refusals! {
    Refusals: [
        INVALID_HEADER,
        PRECONDITION_FAILED,
        PRECONDITION_REQUIRED,
        error::PRODUCT_NOT_FOUND,
        error::SKU_TAKEN,
        error::OUTCOME_UNKNOWN,
    ]
}

/// Returns 200 with the changed product; 404 if the tenant has no such product; 409 if another product has the SKU; 412
/// if the product was changed in the meantime; 428 without `If-Match`.
#[utoipa::path(
    patch,
    path = "/products/{id}",
    operation_id = "changeProduct",
    tag = "inventory",
    summary = "Change a product",
    description = "Omitted members stay unchanged.",
    params(("id" = ProductId, Path), IfMatch),
    request_body = Body,
    responses(
        (status = 200, description = "The changed product.", body = WrittenProduct, headers(("ETag"))),
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
    let change = ProductChange {
        sku: body.0.sku,
        name: body.0.name,
        prices: body.0.prices.map(prices_of).transpose()?,
    };
    if change.is_empty() {
        return Err(invalid_field("body", "has nothing to change").into());
    }
    let changing = api.work.run(|context| async move {
        let (tenant, expected) = (tenant.0, &expected.0);
        service::change_product::change_product(&context, tenant, id, expected, change).await
    });
    let product = changing.await?;
    Ok(written(HttpResponse::Ok(), product, disclosure))
}
