//! `GET /orders/{id}`.

use actix_web::{HttpResponse, web};
use oms_errors::Problem;
use oms_validation::http::CurrentTenant;

use super::representation::OrderBody;
use super::{OrdersApi, order_id_of};
use crate::service;

/// 200 with the order, its lines, payment, refunds and routing trace; 404 when there is none of this id in this store.
pub(super) async fn get_order(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = order_id_of(&id)?;
    let context = api.context.clone();
    let details = api
        .detached(async move { service::get_order::get_order(&context, tenant.0, id).await })
        .await??;
    Ok(HttpResponse::Ok().json(OrderBody::of(details)?))
}
