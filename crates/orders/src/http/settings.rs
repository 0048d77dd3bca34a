//! `GET` and `PUT /settings/orders`.

use actix_web::{HttpResponse, web};
use oms_errors::{
    INVALID_HEADER, PRECONDITION_FAILED, PRECONDITION_REQUIRED, Problem, invalid_field,
};
use oms_validation::Currency;
use oms_web::{CurrentActor, CurrentTenant, IfMatch, ProblemResponse, ValidJson, etag};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::{OrdersApi, examples};
use crate::domain::tenant_settings::{TenantSettings, VersionedSettings};
use crate::error;
use crate::service::operating::set_settings::set_settings;
use crate::service::reading::get_settings::get_settings;

/// The settings of a tenant for its orders.
#[derive(Debug, Deserialize, Serialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = OrderSettings, examples(examples::settings))]
pub(super) struct Body {
    /// The currencies that orders may have, each once. The first is that of orders that name none.
    #[schema(min_items = 1, max_items = 50)]
    currencies: Vec<Currency>,
}

/// Answers 200 with the settings and their `ETag`. A tenant that has set nothing has the defaults of the installation.
#[utoipa::path(
    get,
    path = "/settings/orders",
    operation_id = "getOrderSettings",
    tag = "orders",
    summary = "Get the settings for orders",
    params(
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of an earlier response. Returns 304 if it is still current."),
    ),
    responses(
        (status = 200, description = "The settings.", body = Body, headers(("ETag"))),
        (status = 304, description = "Not modified.", headers(("ETag"))),
    ),
)]
pub(super) async fn show(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
) -> Result<HttpResponse, ProblemResponse> {
    let reading = api
        .work
        .run(|context| async move { get_settings(&context, tenant.0).await });
    Ok(answer(reading.await?))
}

oms_web::refusals! {
    SetRefusals: [
        INVALID_HEADER,
        PRECONDITION_FAILED,
        PRECONDITION_REQUIRED,
        error::OUTCOME_UNKNOWN,
    ]
}

/// Answers 200 with the new settings; 412 if they were changed in the meantime; 428 without `If-Match`. Orders that
/// begin afterwards follow them.
#[utoipa::path(
    put,
    path = "/settings/orders",
    operation_id = "setOrderSettings",
    tag = "orders",
    summary = "Set the settings for orders",
    params(IfMatch),
    request_body = Body,
    responses(
        (status = 200, description = "The new settings.", body = Body, headers(("ETag"))),
        SetRefusals,
    ),
)]
pub(super) async fn set(
    api: web::Data<OrdersApi>,
    tenant: CurrentTenant,
    actor: CurrentActor,
    expected: IfMatch,
    body: ValidJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    let settings = body.0.into_settings()?;
    let setting = api.work.run(|context| async move {
        let (tenant, expected, actor) = (tenant.0, &expected.0, actor.0.as_str());
        set_settings(&context, tenant, expected, settings, actor).await
    });
    Ok(answer(setting.await?))
}

impl Body {
    fn into_settings(self) -> Result<TenantSettings, Problem> {
        TenantSettings::new(self.currencies)
            .map_err(|error| invalid_field("currencies", error.to_string()))
    }
}

fn answer(settings: VersionedSettings) -> HttpResponse {
    let VersionedSettings { version, settings } = settings;
    HttpResponse::Ok().insert_header(etag(version)).json(Body {
        currencies: settings.currencies().to_vec(),
    })
}
