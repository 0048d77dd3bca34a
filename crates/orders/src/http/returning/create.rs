//! `POST /orders/{id}/returns`.

use std::collections::BTreeMap;

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use oms_errors::{INVALID_HEADER, Problem, invalid_field};
use oms_fulfilment::{
    InvalidUnits, Note, RequestedBy, ReturnReason, Units, WrittenReturn, written_return,
};
use oms_validation::{Once, OrderId, Scope, WarehouseId};
use oms_web::{
    CurrentActor, CurrentTenant, Disclosure, GrantedScopes, IdempotencyKeyHeader, ProblemResponse,
    ValidJson, mark_replayed,
};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use crate::error;
use crate::http::{OrdersApi, examples, order_id_of};
use crate::service::returning;
use crate::service::returning::request_return::RequestedReturn;

/// A return to request.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewReturn, examples(examples::new_return))]
pub(crate) struct Body {
    /// What is to come back, each line at most once.
    #[validate(nested)]
    #[schema(min_items = 1, max_items = 100)]
    lines: Vec<LineRequest>,
    /// Defaults to `customer`, whom the window binds.
    requested_by: Option<RequestedBy>,
    /// Where the units are to be sent. Defaults to the warehouse that sent them, when the return is approved.
    warehouse_id: Option<WarehouseId>,
    /// What the customer says.
    note: Option<Note>,
    /// Why an operator accepts units whose window is over. Only with `"requestedBy": "operator"`, and with the scope
    /// `orders:refund`.
    override_reason: Option<Note>,
}

/// Units of a line that are to come back.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewReturnLine)]
struct LineRequest {
    /// The line's number in the order, from 1.
    #[validate(range(min = 1, max = 100, message = "must be between 1 and 100"))]
    #[schema(minimum = 1, maximum = 100)]
    line: i32,
    /// Units.
    #[schema(minimum = 1, maximum = 1_000_000)]
    quantity: i64,
    reason: ReturnReason,
}

oms_web::refusals! {
    Refusals: [
        INVALID_HEADER,
        error::NOT_FOUND,
        oms_fulfilment::NOTHING_SHIPPED,
        oms_fulfilment::RETURN_UNKNOWN_LINE,
        oms_fulfilment::MORE_THAN_RETURNABLE,
        oms_fulfilment::TOO_MANY_RETURNS,
        oms_inventory::UNKNOWN_WAREHOUSE,
        error::WINDOW_CLOSED,
        error::KEY_REUSED,
        error::CONTENDED,
        error::OUTCOME_UNKNOWN,
    ], with a location: [error::ORDER_ERASED]
}

/// Answers 201 with the return, or 200 with the one that an earlier request with this key requested.
#[utoipa::path(
    post,
    path = "/orders/{id}/returns",
    operation_id = "requestReturn",
    tag = "returns",
    summary = "Request a return",
    description = "Requests that units that were sent come back. Each unit may be in one return. If the settings say so, the return is approved immediately.",
    params(("id" = OrderId, Path), IdempotencyKeyHeader),
    request_body = Body,
    responses(
        (status = 201, description = "The return was requested.", body = WrittenReturn, headers(("Location"), ("ETag"))),
        (status = 200, description = "The return that an earlier request with this key requested.", body = WrittenReturn,
            headers(("Location"), ("ETag"), ("Idempotent-Replayed"))),
        Refusals,
    ),
)]
#[expect(clippy::too_many_arguments, reason = "each is a part of the request")]
pub(in crate::http) async fn create(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    actor: CurrentActor,
    disclosure: Disclosure,
    scopes: GrantedScopes,
    key: IdempotencyKeyHeader,
    id: web::Path<String>,
    body: ValidJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = order_id_of(&id)?;
    let requested = body.0.into_request()?;
    if requested.override_reason.is_some() {
        scopes.require(Scope::OrdersRefund)?;
    }
    let requesting = api.work.run(|context| async move {
        let (tenant, actor) = (tenant.0, actor.0.as_str());
        returning::request_return::request_return(&context, tenant, id, &key.0, &requested, actor)
            .await
    });
    let requested = requesting.await?;
    let mut response = match requested {
        Once::Now(_) => HttpResponse::Created(),
        Once::Before(_) => HttpResponse::Ok(),
    };
    let it = mark_replayed(&mut response, requested);
    response.insert_header((header::LOCATION, format!("/returns/{}", it.id)));
    Ok(written_return(response, it, disclosure))
}

impl Body {
    fn into_request(self) -> Result<RequestedReturn, Problem> {
        let requested_by = self.requested_by.unwrap_or(RequestedBy::Customer);
        if self.override_reason.is_some() && requested_by != RequestedBy::Operator {
            let message = "is only for returns that an operator requests";
            return Err(invalid_field("overrideReason", message));
        }
        let pairs: Vec<(i32, i64)> = self.lines.iter().map(|it| (it.line, it.quantity)).collect();
        let units = Units::new(&pairs).map_err(|error| {
            let field = match error {
                InvalidUnits::Count => "lines".to_owned(),
                InvalidUnits::Quantity(place) => format!("lines[{place}].quantity"),
                InvalidUnits::Twice(place) => format!("lines[{place}].line"),
            };
            invalid_field(field, error.to_string())
        })?;
        let line = |it: &LineRequest| (it.line, (units.of(it.line), it.reason));
        let lines: BTreeMap<_, _> = self.lines.iter().map(line).collect();
        Ok(RequestedReturn {
            requested_by,
            lines,
            warehouse_id: self.warehouse_id,
            note: self.note,
            override_reason: self.override_reason,
        })
    }
}
