//! `GET /products/{id}`.

use actix_web::{HttpResponse, web};
use oms_validation::ProductId;
use oms_web::{CurrentTenant, ProblemResponse};

use super::id_of;
use super::representation::{ProductBody, answer};
use crate::error::PRODUCT_NOT_FOUND;
use crate::http::InventoryApi;
use crate::service;

oms_web::refusals! {
    Refusals: [PRODUCT_NOT_FOUND]
}

/// Returns 200 with the product and its `ETag`; 304 if `If-None-Match` matches; 404 if the tenant has no such product.
#[utoipa::path(
    get,
    path = "/products/{id}",
    operation_id = "getProduct",
    tag = "inventory",
    summary = "Get a product",
    params(
        ("id" = ProductId, Path),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of an earlier response. Returns 304 if it is still current."),
    ),
    responses(
        (status = 200, description = "The product.", body = ProductBody, headers(("ETag"))),
        (status = 304, description = "Not modified.", headers(("ETag"))),
        Refusals,
    ),
)]
pub(crate) async fn show(
    api: web::Data<InventoryApi>,
    tenant: CurrentTenant,
    id: web::Path<String>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = id_of(&id)?;
    let reading = api.work.run(|context| async move {
        service::get_product::get_product(&context, tenant.0, id).await
    });
    let product = reading.await?;
    Ok(answer(HttpResponse::Ok(), product))
}
