//! `PATCH /products/{id}`.

use actix_web::{HttpResponse, web};
use oms_errors::Problem;
use oms_validation::Money;
use oms_validation::http::invalid_field;
use oms_validation::http::{CurrentTenant, IfMatch, ValidJson};
use serde::Deserialize;
use validator::Validate;

use super::representation::answer;
use super::{id_of, prices_of};
use crate::domain::name::{Name, Sku};
use crate::domain::product::ProductChange;
use crate::http::InventoryApi;
use crate::service;

/// The body: what is left out stays; prices take the place of all that there were.
#[derive(Debug, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    sku: Option<Sku>,
    name: Option<Name>,
    prices: Option<Vec<Money>>,
}

/// 200 with the product as it is now. 404 when there is none of this id in this store; 409 when another one has the SKU; 412
/// when it was changed meanwhile; 428 without `If-Match`.
pub(crate) async fn change(
    api: web::Data<InventoryApi>,
    tenant: CurrentTenant,
    expected: IfMatch,
    id: web::Path<String>,
    body: ValidJson<Body>,
) -> Result<HttpResponse, Problem> {
    let id = id_of(&id)?;
    let change = ProductChange {
        sku: body.0.sku,
        name: body.0.name,
        prices: body.0.prices.map(prices_of).transpose()?,
    };
    if change.is_empty() {
        return Err(invalid_field("body", "has nothing to change"));
    }
    let context = api.context.clone();
    let changing = async move {
        let (tenant, expected) = (tenant.0, &expected.0);
        service::change_product::change_product(&context, tenant, id, expected, change).await
    };
    let product = api.detached(changing).await??;
    Ok(answer(HttpResponse::Ok(), product))
}
