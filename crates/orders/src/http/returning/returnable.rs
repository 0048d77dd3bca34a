//! `GET /orders/{id}/returnable`.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use oms_validation::{Money, OrderId, ProductId};
use oms_web::{CurrentTenant, ProblemResponse};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error;
use crate::http::{OrdersApi, examples, order_id_of};
use crate::service::returning;
use crate::service::returning::find_returnable::ReturnableLine;

/// What may be returned of an order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Returnable, examples(examples::returnable))]
struct Body {
    /// The lines of which units may be returned.
    lines: Vec<LineBody>,
}

/// Units of a line that may be returned.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ReturnableLine)]
struct LineBody {
    /// The line's number in the order, from 1.
    line: i32,
    product_id: ProductId,
    /// Units that were sent and are in no return.
    returnable: i32,
    /// Those of them that a customer may still return. An operator may return all.
    open: i32,
    /// When the window of the next unit ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    window_ends: Option<DateTime<Utc>>,
    /// What is credited if all of them come back, without shipping and restocking fee.
    credit: Money,
}

oms_web::refusals! {
    Refusals: [error::NOT_FOUND]
}

/// Answers 200 with the lines; 404 if the tenant has no such order.
#[utoipa::path(
    get,
    path = "/orders/{id}/returnable",
    operation_id = "getReturnable",
    tag = "returns",
    summary = "Get what may be returned of an order",
    params(("id" = OrderId, Path)),
    responses(
        (status = 200, description = "The lines of which units may be returned.", body = Body),
        Refusals,
    ),
)]
pub(in crate::http) async fn returnable(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    id: web::Path<String>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = order_id_of(&id)?;
    let reading = api.work.run(|context| async move {
        returning::find_returnable::find_returnable(&context, tenant.0, id).await
    });
    let lines = reading.await?.into_iter().map(LineBody::from).collect();
    Ok(HttpResponse::Ok().json(Body { lines }))
}

impl From<ReturnableLine> for LineBody {
    fn from(line: ReturnableLine) -> Self {
        Self {
            line: line.number,
            product_id: line.product_id,
            returnable: line.returnable,
            open: line.open,
            window_ends: line.window_ends,
            credit: line.credit,
        }
    }
}
