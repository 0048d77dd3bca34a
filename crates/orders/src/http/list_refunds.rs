//! `GET /orders/{id}/refunds`.

use actix_web::{HttpResponse, web};
use oms_errors::Problem;
use oms_validation::http::CurrentTenant;
use serde::Serialize;

use super::representation::RefundBody;
use super::{OrdersApi, order_id_of};
use crate::service;

#[derive(Debug, Serialize)]
struct Body {
    /// The first one first.
    items: Vec<RefundBody>,
}

/// 200 with all refunds of an order; 404 when there is none of this id in this store.
pub(super) async fn list_refunds(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = order_id_of(&id)?;
    let context = api.context.clone();
    let reading = async move { service::get_order::get_order(&context, tenant.0, id).await };
    let details = api.detached(reading).await??;
    let items = details.refunds.into_iter().map(RefundBody::from).collect();
    Ok(HttpResponse::Ok().json(Body { items }))
}
