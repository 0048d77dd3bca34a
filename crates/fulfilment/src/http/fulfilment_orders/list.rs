//! `GET /fulfilment-orders`.

use actix_web::{HttpResponse, web};
use oms_errors::{INVALID_REQUEST, Problem, invalid_field};
use oms_validation::{OrderId, PageSize, Time, WarehouseId};
use oms_web::{CurrentTenant, PageBody, ProblemResponse, Query};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::domain::fulfilment_order::ShownStatus;
use crate::domain::work_list::{ListedBy, WorkListCursor, WorkListFilter};
use crate::http::FulfilmentApi;
use crate::http::representation::FulfilmentOrderBody;
use crate::service;

/// The parameters of the list.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Parameters {
    /// Selects what this warehouse has left to send. Required without `orderId`.
    warehouse_id: Option<WarehouseId>,
    /// Selects the fulfilment orders of this order, closed ones included. Required without `warehouseId`.
    order_id: Option<OrderId>,
    /// `CLOSED` and `CANCELLED` only with `orderId`.
    status: Option<ShownStatus>,
    /// Selects what is due before this time. Without `shipBy`, a fulfilment order is due since `createdAt`.
    #[param(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    ship_by_before: Option<Time>,
    #[serde(default)]
    limit: PageSize,
    /// The `nextCursor` of the previous page. Repeat the other parameters unchanged.
    #[param(value_type = Option<String>)]
    cursor: Option<WorkListCursor>,
}

/// Returns 200 with a page of fulfilment orders, those that are due first before the others; 400 with neither a
/// warehouse nor an order.
#[utoipa::path(
    get,
    path = "/fulfilment-orders",
    operation_id = "listFulfilmentOrders",
    tag = "fulfilment",
    summary = "List fulfilment orders",
    description = "The work list of a warehouse, or the fulfilment orders of an order. What is due first comes first. A page may have fewer than `limit` entries, or none, and \
        still have a `nextCursor`. Continue until it is absent.",
    params(Parameters),
    responses(
        (status = 200, description = "A page of fulfilment orders.", body = PageBody<FulfilmentOrderBody>),
    ),
)]
pub(crate) async fn list(
    api: web::Data<FulfilmentApi>,
    tenant: CurrentTenant,
    query: Query<Parameters>,
) -> Result<HttpResponse, ProblemResponse> {
    let Parameters {
        warehouse_id,
        order_id,
        status,
        ship_by_before,
        limit,
        cursor,
    } = query.0;
    let by = match (order_id, warehouse_id) {
        (Some(order), warehouse) => ListedBy::Order(order, warehouse),
        (None, Some(warehouse)) => ListedBy::Warehouse(warehouse),
        (None, None) => {
            let detail = "give a warehouseId or an orderId";
            return Err(Problem::new(&INVALID_REQUEST, detail).into());
        }
    };
    let is_of_closed = matches!(status, Some(ShownStatus::Closed | ShownStatus::Cancelled));
    if is_of_closed && order_id.is_none() {
        return Err(
            invalid_field("status", "needs an orderId, because it is not work to do").into(),
        );
    }
    let filter = WorkListFilter {
        by,
        status,
        ship_by_before: ship_by_before.map(Time::get),
    };
    let listing = api.work.run(|context| async move {
        let tenant = tenant.0;
        service::list_fulfilment_orders::list_fulfilment_orders(
            &context, tenant, &filter, cursor, limit,
        )
        .await
    });
    let found = listing.await?;
    Ok(HttpResponse::Ok().json(PageBody::of(found, FulfilmentOrderBody::from)))
}
