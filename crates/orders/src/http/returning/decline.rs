//! `POST /returns/{id}/decline`.

use actix_web::{HttpResponse, web};
use oms_errors::{INVALID_HEADER, PRECONDITION_FAILED};
use oms_fulfilment::{Note, ReturnId, WrittenReturn};
use oms_web::{
    CurrentActor, CurrentTenant, Disclosure, OptionalIdempotencyKey, OptionalIfMatch,
    ProblemResponse, ValidJson,
};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use crate::error;
use crate::http::returning::decide;
use crate::http::{OrdersApi, examples};
use crate::service::returning::decide_return::RequestedDecision;

/// Why the return is declined.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ReturnDecline, examples(examples::return_decision))]
pub(crate) struct Body {
    reason: Note,
}

oms_web::refusals! {
    Refusals: [
        INVALID_HEADER,
        PRECONDITION_FAILED,
        oms_fulfilment::RETURN_NOT_FOUND,
        oms_fulfilment::RETURN_WRONG_STATUS,
        error::KEY_REUSED,
        error::CONTENDED,
        error::OUTCOME_UNKNOWN,
    ], with a location: [error::ORDER_ERASED]
}

/// Answers 200 with the return. Repeating the request changes nothing.
#[utoipa::path(
    post,
    path = "/returns/{id}/decline",
    operation_id = "declineReturn",
    tag = "returns",
    summary = "Decline a return",
    description = "Only a return that waits for a decision is declined. Its units may be requested once more.",
    params(("id" = ReturnId, Path), OptionalIdempotencyKey, OptionalIfMatch),
    request_body = Body,
    responses(
        (status = 200, description = "The return.", body = WrittenReturn, headers(("ETag"))),
        Refusals,
    ),
)]
#[expect(clippy::too_many_arguments, reason = "each is a part of the request")]
pub(in crate::http) async fn decline(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    actor: CurrentActor,
    disclosure: Disclosure,
    key: OptionalIdempotencyKey,
    expected: OptionalIfMatch,
    id: web::Path<String>,
    body: ValidJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    let body = body.0;
    let decision = RequestedDecision::Decline(body.reason);
    let request = (key, expected, id);
    decide(&api, tenant, actor, disclosure, request, decision).await
}
