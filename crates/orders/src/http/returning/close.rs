//! `POST /returns/{id}/close`.

use actix_web::{HttpResponse, web};
use oms_errors::{INVALID_HEADER, PRECONDITION_FAILED};
use oms_fulfilment::{Note, ReturnId, WrittenReturn};
use oms_validation::Scope;
use oms_web::{
    CurrentActor, CurrentTenant, Disclosure, GrantedScopes, OptionalIdempotencyKey,
    OptionalIfMatch, OptionalJson, ProblemResponse,
};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use crate::error;
use crate::http::returning::decide;
use crate::http::{OrdersApi, examples};
use crate::service::returning::decide_return::RequestedDecision;

/// What happens to units that did not arrive.
#[derive(Debug, Default, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ReturnClosing, examples(examples::return_closing))]
pub(crate) struct Body {
    /// The customer keeps what did not arrive, and is credited for it.
    /// Needs the scope `orders:refund`, too.
    #[serde(default, deserialize_with = "oms_validation::json::flag")]
    #[schema(default = false)]
    refund_without_receipt: bool,
    reason: Option<Note>,
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
    path = "/returns/{id}/close",
    operation_id = "closeReturn",
    tag = "returns",
    summary = "Close a return",
    description = "Nothing more is expected. What did not arrive is missing, unless the customer may keep it, which needs the scope orders:refund, too.",
    params(("id" = ReturnId, Path), OptionalIdempotencyKey, OptionalIfMatch),
    request_body = Option<Body>,
    responses(
        (status = 200, description = "The return.", body = WrittenReturn, headers(("ETag"))),
        Refusals,
    ),
)]
#[expect(clippy::too_many_arguments, reason = "each is a part of the request")]
pub(in crate::http) async fn close(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    actor: CurrentActor,
    disclosure: Disclosure,
    scopes: GrantedScopes,
    key: OptionalIdempotencyKey,
    expected: OptionalIfMatch,
    id: web::Path<String>,
    body: OptionalJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    let body = body.0.unwrap_or_default();
    if body.refund_without_receipt {
        scopes.require(Scope::OrdersRefund)?;
    }
    let decision = RequestedDecision::Close {
        kept: body.refund_without_receipt,
        reason: body.reason,
    };
    let request = (key, expected, id);
    decide(&api, tenant, actor, disclosure, request, decision).await
}
