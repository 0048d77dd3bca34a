//! `GET /products/{id}`.

use actix_web::{HttpResponse, web};
use oms_web::{CurrentTenant, ProblemResponse};

use super::id_of;
use super::representation::{ProductBody, answer};
use crate::ProductId;
use crate::error::PRODUCT_NOT_FOUND;
use crate::http::InventoryApi;
use crate::service;

oms_web::refusals! {
    Refusals: [PRODUCT_NOT_FOUND]
}

/// 200 with the product and its `ETag`; 304 when `If-None-Match` names it; 404 when there is none of this id in this store.
#[utoipa::path(
    get,
    path = "/products/{id}",
    operation_id = "getProduct",
    tag = "inventory",
    summary = "Read a product",
    params(
        ("id" = ProductId, Path),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of an earlier answer: 304 while nothing has changed."),
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
    let context = api.context.clone();
    let reading = async move { service::get_product::get_product(&context, tenant.0, id).await };
    let product = api.detached(reading).await??;
    Ok(answer(HttpResponse::Ok(), product))
}
