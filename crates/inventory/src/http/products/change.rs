//! `PATCH /products/{id}`.

use actix_web::{HttpResponse, web};
use oms_errors::{INVALID_HEADER, PRECONDITION_FAILED, PRECONDITION_REQUIRED, invalid_field};
use oms_validation::Money;
use oms_web::{CurrentTenant, Disclosure, IfMatch, ProblemResponse, ValidJson};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::representation::{WrittenProduct, written};
use super::{id_of, prices_of};
use crate::ProductId;
use crate::domain::name::{Name, Sku};
use crate::domain::product::{Prices, ProductChange};
use crate::error;
use crate::http::{InventoryApi, examples};
use crate::service;

/// The body: what is left out stays; prices take the place of all that there were.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProductChange, min_properties = 1, examples(examples::product_change))]
pub(crate) struct Body {
    sku: Option<Sku>,
    name: Option<Name>,
    /// In place of all that there were. Orders that are placed keep theirs.
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

/// 200 with the product as it is now. 404 when there is none of this id in this store; 409 when another one has the SKU; 412
/// when it was changed meanwhile; 428 without `If-Match`.
#[utoipa::path(
    patch,
    path = "/products/{id}",
    operation_id = "changeProduct",
    tag = "inventory",
    summary = "Change a product",
    description = "What is left out stays.",
    params(("id" = ProductId, Path), IfMatch),
    request_body = Body,
    responses(
        (status = 200, description = "As it is now.", body = WrittenProduct, headers(("ETag"))),
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
    let context = api.context.clone();
    let changing = async move {
        let (tenant, expected) = (tenant.0, &expected.0);
        service::change_product::change_product(&context, tenant, id, expected, change).await
    };
    let product = api.detached(changing).await??;
    Ok(written(HttpResponse::Ok(), product, disclosure))
}
