//! `POST /products`.

use actix_web::{HttpResponse, web};
use oms_errors::Problem;
use oms_validation::Money;
use oms_validation::http::{CurrentTenant, IdempotencyKeyHeader, ValidJson};
use serde::Deserialize;
use validator::Validate;

use super::representation::answer;
use super::{location_of, prices_of};
use crate::domain::name::{Name, Sku};
use crate::domain::product::NewProduct;
use crate::http::{InventoryApi, made};
use crate::service;

/// The body: without prices it can't be sold yet.
#[derive(Debug, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    sku: Sku,
    name: Name,
    #[serde(default)]
    prices: Vec<Money>,
}

/// 201 with the product; 200 with the one that an earlier request with this key has created. 409 when another one has the
/// SKU; 422 when the key stands for another request.
pub(crate) async fn create(
    api: web::Data<InventoryApi>,
    tenant: CurrentTenant,
    key: IdempotencyKeyHeader,
    body: ValidJson<Body>,
) -> Result<HttpResponse, Problem> {
    let new = NewProduct {
        sku: body.0.sku,
        name: body.0.name,
        prices: prices_of(body.0.prices)?,
    };
    let context = api.context.clone();
    let creating = async move {
        service::create_product::create_product(&context, tenant.0, &key.0, &new).await
    };
    let created = api.detached(creating).await??;
    let (response, product) = made(created, |product| location_of(product.id));
    Ok(answer(response, product))
}
