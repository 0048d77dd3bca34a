//! `GET /products/{id}`.

use actix_web::{HttpResponse, web};
use oms_errors::Problem;
use oms_validation::http::CurrentTenant;

use super::id_of;
use super::representation::answer;
use crate::http::InventoryApi;
use crate::service;

/// 200 with the product and its `ETag`; 404 when there is none of this id in this store.
pub(crate) async fn show(
    api: web::Data<InventoryApi>,
    tenant: CurrentTenant,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = id_of(&id)?;
    let context = api.context.clone();
    let reading = async move { service::get_product::get_product(&context, tenant.0, id).await };
    let product = api.detached(reading).await??;
    Ok(answer(HttpResponse::Ok(), product))
}
