//! `POST /returns/{id}/refund`.

use actix_web::{HttpResponse, web};
use oms_errors::INVALID_HEADER;
use oms_fulfilment::{ReturnId, return_id_of};
use oms_web::{CurrentActor, CurrentTenant, IdempotencyKeyHeader, OptionalJson, ProblemResponse};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use crate::domain::refund::Disputed;
use crate::error;
use crate::http::refund_order::{RefundAnswer, answer};
use crate::http::{OrdersApi, examples};
use crate::service::returning;

/// How the return is refunded.
#[derive(Debug, Default, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ReturnRefund, examples(examples::return_refund))]
pub(crate) struct Body {
    /// Refund even though the customer disputes the payment. The bank may return the money too.
    #[serde(default, deserialize_with = "oms_validation::json::flag")]
    #[schema(default = false)]
    despite_dispute: bool,
}

oms_web::refusals! {
    Refusals: [
        INVALID_HEADER,
        oms_fulfilment::RETURN_NOT_FOUND,
        error::NOTHING_OWED,
        error::KEY_REUSED,
        error::REFUND_EXCEEDS_CAPTURED,
        oms_payments::AMOUNT_NOT_ACCEPTED,
        error::CONTENDED,
        error::OUTCOME_UNKNOWN,
    ], with a location: [
        error::NOT_REFUNDABLE,
        error::PAYMENT_DISPUTED,
        error::REFUND_IN_PROGRESS,
        error::REFUND_REFUSED,
    ]
}

/// Answers 201 if the refund was made, 200 if an earlier request with this key made it, and 202 if its outcome is
/// unknown.
#[utoipa::path(
    post,
    path = "/returns/{id}/refund",
    operation_id = "refundReturn",
    tag = "returns",
    summary = "Refund a return again",
    description = "Refunds what the return is credited and what was not refunded when its units were received: because the bank rejected the refund, or because \
        the payment is disputed.",
    params(("id" = ReturnId, Path), IdempotencyKeyHeader),
    request_body = Option<Body>,
    responses(
        (status = 201, description = "The refund was made.", body = RefundAnswer, headers(("Location"))),
        (status = 200, description = "An earlier request with this key made the refund.", body = RefundAnswer,
            headers(("Location"), ("Idempotent-Replayed"))),
        (status = 202, description = "The outcome of the refund is unknown.", body = RefundAnswer,
            headers(("Location"), ("Retry-After"))),
        Refusals,
    ),
)]
pub(in crate::http) async fn refund(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    actor: CurrentActor,
    key: IdempotencyKeyHeader,
    id: web::Path<String>,
    body: OptionalJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = return_id_of(&id)?;
    let disputed = match body.0.unwrap_or_default().despite_dispute {
        true => Disputed::Refund,
        false => Disputed::Refuse,
    };
    let refunding = api.work.run(|context| async move {
        let (tenant, actor) = (tenant.0, actor.0.as_str());
        returning::refund_return::refund_return(&context, tenant, id, &key.0, disputed, actor).await
    });
    Ok(answer(refunding.await?))
}
