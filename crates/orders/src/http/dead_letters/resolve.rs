//! `POST /operations/dead-letters/{id}/resolve`.

use actix_web::{HttpResponse, web};
use oms_errors::INVALID_HEADER;
use oms_web::{
    CurrentOperator, CurrentTenant, OptionalIdempotencyKey, ProblemResponse, ValidJson,
    mark_replayed, reason_of,
};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::id_of;
use super::representation::DeadLetterBody;
use crate::domain::dead_letter::Verdict;
use crate::domain::id::DeadLetterId;
use crate::domain::reason::Reason;
use crate::error;
use crate::http::{OrdersApi, examples};
use crate::service::operating;

/// The outcome of the order's payment, and how the operator knows it.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DeadLetterVerdict, examples(examples::dead_letter_verdict))]
pub(crate) struct Body {
    r#as: As,
    /// The operator has seen what the gateway reports, and resolves the dead letter anyway.
    #[serde(default, deserialize_with = "oms_validation::json::flag")]
    confirmed: bool,
    #[schema(value_type = Reason)]
    reason: String,
}

#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Verdict)]
enum As {
    /// The payment was collected. The gateway must confirm it.
    Paid,
    /// The payment was not collected and won't be. The gateway must prove it.
    Failed,
    /// The money is settled elsewhere: the order is closed and its stock released.
    SettledElsewhere,
    /// The refund is given up: the order is `PAID` again.
    RefundGivenUp,
}

oms_web::refusals! {
    Refusals: [
        INVALID_HEADER,
        error::DEAD_LETTER_NOT_FOUND,
        error::DEAD_LETTER_RESOLVED,
        error::NOT_RESOLVABLE,
        error::CONFIRMATION_REQUIRED,
        error::REFUND_WAS_MADE,
        error::NOT_PROVEN_PAID,
        error::NOT_PROVEN_FAILED,
        error::PAYMENT_WAS_TAKEN,
        error::KEY_REUSED,
        error::OUTCOME_UNKNOWN,
        oms_payments::GATEWAY_UNAVAILABLE,
        oms_payments::GATEWAY_REFUSED,
    ]
}

/// Answers 200 with the dead letter once the order is settled as requested. 404 if the tenant has no such dead letter;
/// 409 if it is closed, or the gateway does not prove the verdict; 422 if the key belongs to another request; 503 if
/// the gateway does not answer.
#[utoipa::path(
    post,
    path = "/operations/dead-letters/{id}/resolve",
    operation_id = "resolveDeadLetter",
    tag = "operations",
    summary = "Resolve a dead letter",
    description = "`paid` and `failed` settle an order in `PENDING_PAYMENT`, if the gateway proves it. `settled_elsewhere` closes an \
                   order in any unsettled state and releases its stock: `FAILED`, `CANCELLED` or `REFUNDED`. `refund_given_up` \
                   takes an order in `REFUNDING` back to `PAID`. `confirmed` is required unless the gateway reports that no money is left, or \
                   that no refund was made. Its answer is stored with the resolution.",
    params(("id" = DeadLetterId, Path), OptionalIdempotencyKey),
    request_body = Body,
    responses(
        (status = 200, description = "The dead letter was resolved.", body = DeadLetterBody,
            headers(("Idempotent-Replayed"))),
        Refusals,
    ),
)]
pub(crate) async fn resolve(
    operator: CurrentOperator,
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    key: OptionalIdempotencyKey,
    id: web::Path<String>,
    body: ValidJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = id_of(&id)?;
    let confirmed = body.0.confirmed;
    let verdict = match body.0.r#as {
        As::Paid => Verdict::Paid,
        As::Failed => Verdict::Failed,
        As::SettledElsewhere => Verdict::SettledElsewhere { confirmed },
        As::RefundGivenUp => Verdict::RefundGivenUp { confirmed },
    };
    let reason = reason_of(&body.0.reason)?;
    let resolving = api.work.run(|context| async move {
        let (tenant, key, operator) = (tenant.0, key.0.as_ref(), &operator.0);
        operating::resolve_dead_letter::resolve_dead_letter(
            &context, tenant, id, key, verdict, operator, &reason,
        )
        .await
    });
    let resolved = resolving.await?;
    let mut response = HttpResponse::Ok();
    let dead_letter = mark_replayed(&mut response, resolved);
    Ok(response.json(DeadLetterBody::from(dead_letter)))
}
