//! `GET /orders/{id}`.

use actix_web::{HttpResponse, web};
use oms_errors::Problem;
use oms_validation::OrderId;
use oms_validation::http::CurrentTenant;

use super::OrdersApi;
use super::representation::OrderBody;
use crate::error::OrderError;
use crate::service;

/// 200 with the order, its lines, payment and routing trace; 404 when there is none of this id in this store.
pub(super) async fn get_order(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    // What is no id is the id of nothing.
    let id: OrderId = id.parse().map_err(|_| OrderError::NotFound)?;
    let context = api.context.clone();
    let details = api
        .detached(async move { service::get_order::get_order(&context, tenant.0, id).await })
        .await??;
    Ok(HttpResponse::Ok().json(OrderBody::of(details)?))
}
