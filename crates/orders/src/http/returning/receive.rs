//! `POST /returns/{id}/receipts`.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use oms_errors::{INVALID_HEADER, PRECONDITION_FAILED, Problem, invalid_field};
use oms_fulfilment::{
    InvalidReceipt, ReceiptDraft, ReceiptId, Received, ReturnId, WrittenReturn, return_id_of,
    written_return,
};
use oms_validation::{Once, WarehouseId};
use oms_web::{
    CurrentActor, CurrentTenant, Disclosure, IdempotencyKeyHeader, OptionalIfMatch,
    ProblemResponse, ValidJson, mark_replayed,
};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use crate::error;
use crate::http::{OrdersApi, examples};
use crate::service::returning;

/// What arrived, and what was done with it.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewReceipt, examples(examples::new_receipt))]
pub(crate) struct Body {
    /// Where it arrived: any warehouse.
    warehouse_id: WarehouseId,
    /// Each line at most once.
    #[validate(nested)]
    #[schema(min_items = 1, max_items = 100)]
    lines: Vec<LineRequest>,
}

/// What was done with the units of a line: together at least one unit.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewReceivedUnits)]
struct LineRequest {
    /// The line's number in the order, from 1.
    #[validate(range(min = 1, max = 100, message = "must be between 1 and 100"))]
    #[schema(minimum = 1, maximum = 100)]
    line: i32,
    /// Units that are for sale again.
    #[serde(default)]
    #[validate(range(min = 0, max = 1_000_000, message = "must be between 0 and 1000000"))]
    #[schema(default = 0, minimum = 0, maximum = 1_000_000)]
    restock: i64,
    /// Units that are in stock, and not for sale until somebody has checked them.
    #[serde(default)]
    #[validate(range(min = 0, max = 1_000_000, message = "must be between 0 and 1000000"))]
    #[schema(default = 0, minimum = 0, maximum = 1_000_000)]
    quarantine: i64,
    /// Units that arrived and are thrown away. The customer is credited for them.
    #[serde(default)]
    #[validate(range(min = 0, max = 1_000_000, message = "must be between 0 and 1000000"))]
    #[schema(default = 0, minimum = 0, maximum = 1_000_000)]
    discard: i64,
    /// Units that did not arrive. The customer is not credited for them.
    #[serde(default)]
    #[validate(range(min = 0, max = 1_000_000, message = "must be between 0 and 1000000"))]
    #[schema(default = 0, minimum = 0, maximum = 1_000_000)]
    missing: i64,
}

oms_web::refusals! {
    Refusals: [
        INVALID_HEADER,
        PRECONDITION_FAILED,
        oms_fulfilment::RETURN_NOT_FOUND,
        oms_fulfilment::RETURN_WRONG_STATUS,
        oms_fulfilment::RETURN_UNKNOWN_LINE,
        oms_fulfilment::MORE_THAN_APPROVED,
        oms_fulfilment::TOO_MANY_RECEIPTS,
        oms_inventory::UNKNOWN_WAREHOUSE,
        oms_inventory::TOO_MUCH_STOCK,
        error::KEY_REUSED,
        error::CONTENDED,
        error::OUTCOME_UNKNOWN,
    ]
}

/// Answers 201 with the return, or 200 if an earlier request with this key received the units.
#[utoipa::path(
    post,
    path = "/returns/{id}/receipts",
    operation_id = "receiveReturn",
    tag = "returns",
    summary = "Receive returned units",
    description = "Stock, return and credit change together, once for each key. The refund of the credit begins immediately; if the gateway does not answer, \
        the units are received all the same, and the refund continues in the background. The return is closed once every unit is accounted for.",
    params(("id" = ReturnId, Path), IdempotencyKeyHeader, OptionalIfMatch),
    request_body = Body,
    responses(
        (status = 201, description = "The units were received.", body = WrittenReturn, headers(("Location"), ("ETag"))),
        (status = 200, description = "An earlier request with this key received the units.", body = WrittenReturn,
            headers(("Location"), ("ETag"), ("Idempotent-Replayed"))),
        Refusals,
    ),
)]
#[expect(clippy::too_many_arguments, reason = "each is a part of the request")]
pub(in crate::http) async fn receive(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    actor: CurrentActor,
    disclosure: Disclosure,
    key: IdempotencyKeyHeader,
    expected: OptionalIfMatch,
    id: web::Path<String>,
    body: ValidJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = return_id_of(&id)?;
    let draft = body.0.into_draft()?;
    let receiving = api.work.run(|context| async move {
        let (tenant, expected, actor) = (tenant.0, &expected.0, actor.0.as_str());
        returning::receive_return::receive_return(
            &context, tenant, id, expected, &draft, &key.0, actor,
        )
        .await
    });
    let received = receiving.await?;
    let mut response = match received {
        Once::Now(_) => HttpResponse::Created(),
        Once::Before(_) => HttpResponse::Ok(),
    };
    let it = mark_replayed(&mut response, received);
    response.insert_header((header::LOCATION, format!("/returns/{}", it.id)));
    Ok(written_return(response, it, disclosure))
}

impl Body {
    fn into_draft(self) -> Result<ReceiptDraft, Problem> {
        let line =
            |it: &LineRequest| (it.line, [it.restock, it.quarantine, it.discard, it.missing]);
        let lines: Vec<_> = self.lines.iter().map(line).collect();
        let lines = Received::of_lines(&lines).map_err(|error| {
            let field = match error {
                InvalidReceipt::Count => "lines".to_owned(),
                InvalidReceipt::Units(place) => format!("lines[{place}]"),
                InvalidReceipt::Twice(place) => format!("lines[{place}].line"),
            };
            invalid_field(field, error.to_string())
        })?;
        Ok(ReceiptDraft {
            id: ReceiptId::generate(),
            warehouse_id: self.warehouse_id,
            lines,
        })
    }
}
