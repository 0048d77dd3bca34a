//! `POST /products`.

use actix_web::{HttpResponse, web};
use oms_errors::INVALID_HEADER;
use oms_validation::Money;
use oms_web::{CurrentTenant, Disclosure, IdempotencyKeyHeader, ProblemResponse, ValidJson};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::representation::{WrittenProduct, written};
use super::{location_of, prices_of};
use crate::domain::name::{Name, Sku};
use crate::domain::product::{NewProduct, Prices};
use crate::error;
use crate::http::{InventoryApi, examples, made};
use crate::service;

/// A product to create. Without prices it can't be sold yet.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewProduct, examples(examples::new_product))]
pub(crate) struct Body {
    sku: Sku,
    name: Name,
    #[schema(value_type = Option<Prices>)]
    prices: Option<Vec<Money>>,
}

oms_web::refusals! {
    Refusals: [INVALID_HEADER, error::SKU_TAKEN, error::KEY_REUSED, error::OUTCOME_UNKNOWN]
}

/// Returns 201 with the product, or 200 with the one that an earlier request with this key created; 409 if another
/// product has the SKU; 422 if the key was used with a different request.
#[utoipa::path(
    post,
    path = "/products",
    operation_id = "createProduct",
    tag = "inventory",
    summary = "Create a product",
    description = "A product can be ordered only in the currencies that it has prices in.",
    params(IdempotencyKeyHeader),
    request_body = Body,
    responses(
        (status = 201, description = "The product was created.", body = WrittenProduct, headers(("Location"), ("ETag"))),
        (status = 200, description = "The product that an earlier request with this key created.", body = WrittenProduct,
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
    let new = NewProduct {
        sku: body.0.sku,
        name: body.0.name,
        prices: prices_of(body.0.prices.unwrap_or_default())?,
    };
    let creating = api.work.run(|context| async move {
        service::create_product::create_product(&context, tenant.0, &key.0, &new).await
    });
    let created = creating.await?;
    let (response, product) = made(created, |product| location_of(product.id));
    Ok(written(response, product, disclosure))
}
