//! `GET /operations/dead-letters/{id}`.

use actix_web::{HttpResponse, web};
use oms_web::{CurrentOperator, CurrentTenant, Disclosure, ProblemResponse};

use super::id_of;
use super::representation::DetailsBody;
use crate::domain::id::DeadLetterId;
use crate::error::DEAD_LETTER_NOT_FOUND;
use crate::http::OrdersApi;
use crate::service::reading;

oms_web::refusals! {
    Refusals: [DEAD_LETTER_NOT_FOUND]
}

/// Answers 200 with the dead letter, its order with the refunds, the order's timeline, its payment attempts and the
/// calls to the gateway. 404 if the tenant has no such dead letter.
#[utoipa::path(
    get,
    path = "/operations/dead-letters/{id}",
    operation_id = "getDeadLetter",
    tag = "operations",
    summary = "Read a dead letter",
    description = "Includes its order, the order's history and the calls to the gateway. Without the scope `orders:read` only the order's \
        status and total.",
    params(("id" = DeadLetterId, Path)),
    responses(
        (status = 200, description = "The dead letter.", body = DetailsBody),
        Refusals,
    ),
)]
pub(crate) async fn show(
    _: CurrentOperator,
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    disclosure: Disclosure,
    id: web::Path<String>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = id_of(&id)?;
    let reading = api.work.run(|context| async move {
        reading::get_dead_letter::get_dead_letter(&context, tenant.0, id).await
    });
    let details = reading.await?;
    Ok(HttpResponse::Ok().json(DetailsBody::of(details, disclosure)?))
}
