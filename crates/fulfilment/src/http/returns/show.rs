//! `GET /returns/{id}`.

use actix_web::{HttpResponse, web};
use oms_web::{CurrentTenant, ProblemResponse, etag};

use super::representation::ReturnBody;
use super::return_id_of;
use crate::domain::id::ReturnId;
use crate::error::RETURN_NOT_FOUND;
use crate::http::FulfilmentApi;
use crate::service;

oms_web::refusals! {
    Refusals: [RETURN_NOT_FOUND]
}

/// Returns 200 with the return and its `ETag`; 304 if `If-None-Match` matches; 404 if the tenant has no such return.
#[utoipa::path(
    get,
    path = "/returns/{id}",
    operation_id = "getReturn",
    tag = "returns",
    summary = "Get a return",
    params(
        ("id" = ReturnId, Path),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of an earlier response. Returns 304 if it is still current."),
    ),
    responses(
        (status = 200, description = "The return.", body = ReturnBody, headers(("ETag"))),
        (status = 304, description = "Not modified.", headers(("ETag"))),
        Refusals,
    ),
)]
pub(crate) async fn show(
    api: web::Data<FulfilmentApi>,
    tenant: CurrentTenant,
    id: web::Path<String>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = return_id_of(&id)?;
    let reading = api.work.run(|context| async move {
        service::get_return::get_return(&context, tenant.0, id).await
    });
    let found = reading.await?;
    Ok(HttpResponse::Ok()
        .insert_header(etag(found.version))
        .json(ReturnBody::from(found)))
}
