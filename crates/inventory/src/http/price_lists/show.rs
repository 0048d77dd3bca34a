//! `GET /price-lists/{id}`.

use actix_web::{HttpResponse, web};
use oms_web::{CurrentTenant, ProblemResponse};

use super::id_of;
use super::representation::{PriceListBody, answer};
use crate::domain::id::PriceListId;
use crate::error::PRICE_LIST_NOT_FOUND;
use crate::http::InventoryApi;
use crate::service;

oms_web::refusals! {
    Refusals: [PRICE_LIST_NOT_FOUND]
}

/// Returns 200 with the price list and its `ETag`; 304 if `If-None-Match` matches; 404 if the tenant has no such list.
#[utoipa::path(
    get,
    path = "/price-lists/{id}",
    operation_id = "getPriceList",
    tag = "inventory",
    summary = "Get a price list",
    params(
        ("id" = PriceListId, Path),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of an earlier response. Returns 304 if it is still current."),
    ),
    responses(
        (status = 200, description = "The price list, without its prices.", body = PriceListBody, headers(("ETag"))),
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
        service::get_price_list::get_price_list(&context, tenant.0, id).await
    });
    let list = reading.await?;
    Ok(answer(HttpResponse::Ok(), list))
}
