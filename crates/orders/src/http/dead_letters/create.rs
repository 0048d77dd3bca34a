//! `POST /operations/dead-letters`.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use oms_errors::INVALID_HEADER;
use oms_validation::{Once, OrderId};
use oms_web::{
    CurrentOperator, CurrentTenant, OptionalIdempotencyKey, ProblemResponse, ValidJson, reason_of,
};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::representation::DeadLetterBody;
use crate::domain::reason::Reason;
use crate::error;
use crate::http::{OrdersApi, examples};
use crate::service::operating;

/// The order to leave to operators, and why.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewDeadLetter, examples(examples::new_dead_letter))]
pub(crate) struct Body {
    order_id: OrderId,
    #[schema(value_type = Reason)]
    reason: String,
}

oms_web::refusals! {
    Refusals: [INVALID_HEADER, error::NOT_FOUND, error::KEY_REUSED, error::OUTCOME_UNKNOWN],
    with a location: [error::NOT_UNSETTLED]
}

/// Answers 201 with the dead letter, or 200 with the order's existing open one. 404 if the tenant has no such order;
/// 409 if the order is settled; 422 if the key belongs to another request.
#[utoipa::path(
    post,
    path = "/operations/dead-letters",
    operation_id = "createDeadLetter",
    tag = "operations",
    summary = "Create a dead letter",
    description = "Takes an unsettled order from the sweeper, so that an operator can resolve it.",
    params(OptionalIdempotencyKey),
    request_body = Body,
    responses(
        (status = 201, description = "The dead letter was created.", body = DeadLetterBody, headers(("Location"))),
        (status = 200, description = "The order already has this open dead letter.", body = DeadLetterBody,
            headers(("Location"), ("Idempotent-Replayed"))),
        Refusals,
    ),
)]
pub(crate) async fn create(
    operator: CurrentOperator,
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    key: OptionalIdempotencyKey,
    body: ValidJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    let (order_id, reason) = (body.0.order_id, reason_of(&body.0.reason)?);
    let creating = api.work.run(|context| async move {
        let (tenant, key, operator) = (tenant.0, key.0.as_ref(), &operator.0);
        operating::create_dead_letter::create_dead_letter(
            &context, tenant, order_id, key, operator, &reason,
        )
        .await
    });
    let (mut response, dead_letter) = match creating.await? {
        Once::Now(dead_letter) => (HttpResponse::Created(), dead_letter),
        Once::Before(dead_letter) => {
            let mut response = HttpResponse::Ok();
            response.insert_header(("Idempotent-Replayed", "true"));
            (response, dead_letter)
        }
    };
    let location = format!("/operations/dead-letters/{}", dead_letter.id);
    Ok(response
        .insert_header((header::LOCATION, location))
        .json(DeadLetterBody::from(dead_letter)))
}
