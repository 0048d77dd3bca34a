//! `GET /returns`.

use actix_web::{HttpResponse, web};
use oms_errors::{INVALID_REQUEST, Problem, invalid_field};
use oms_validation::{OrderId, PageSize, WarehouseId};
use oms_web::{CurrentTenant, PageBody, ProblemResponse, Query};
use serde::Deserialize;
use utoipa::IntoParams;

use super::representation::ReturnBody;
use crate::domain::returns::list::{ReturnCursor, ReturnFilter, ReturnsOf};
use crate::domain::returns::words::ReturnStatus;
use crate::http::FulfilmentApi;
use crate::service;

/// The parameters of the list.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Parameters {
    /// Selects returns that are expected in this warehouse. Not together with `orderId`.
    warehouse_id: Option<WarehouseId>,
    /// Selects the returns of this order, those included that are not open any more.
    order_id: Option<OrderId>,
    /// `DECLINED`, `CLOSED` and `CANCELLED` only with `orderId`.
    status: Option<ReturnStatus>,
    #[serde(default)]
    limit: PageSize,
    /// The `nextCursor` of the previous page. Repeat the other parameters unchanged.
    #[param(value_type = Option<String>)]
    cursor: Option<ReturnCursor>,
}

/// Returns 200 with a page of returns, the oldest first.
#[utoipa::path(
    get,
    path = "/returns",
    operation_id = "listReturns",
    tag = "returns",
    summary = "List returns",
    description = "The open returns of a returns desk or of a warehouse, or all returns of an order. The oldest first.",
    params(Parameters),
    responses(
        (status = 200, description = "A page of returns.", body = PageBody<ReturnBody>),
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
        limit,
        cursor,
    } = query.0;
    let of = match (order_id, warehouse_id) {
        (Some(order), None) => ReturnsOf::Order(order),
        (None, Some(warehouse)) => ReturnsOf::Warehouse(warehouse),
        (None, None) => ReturnsOf::Desk,
        (Some(_), Some(_)) => {
            let detail = "give either a warehouseId or an orderId";
            return Err(Problem::new(&INVALID_REQUEST, detail).into());
        }
    };
    let has_ended = matches!(
        status,
        Some(ReturnStatus::Declined | ReturnStatus::Closed | ReturnStatus::Cancelled)
    );
    if has_ended && order_id.is_none() {
        let message = "needs an orderId, because it is not work to do";
        return Err(invalid_field("status", message).into());
    }
    let filter = ReturnFilter { of, status };
    let listing = api.work.run(|context| async move {
        service::list_returns::list_returns(&context, tenant.0, &filter, cursor, limit).await
    });
    let found = listing.await?;
    Ok(HttpResponse::Ok().json(PageBody::of(found, ReturnBody::from)))
}
