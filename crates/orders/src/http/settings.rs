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
use crate::domain::return_terms::{
    CreditOn, RefundShipping, ReturnSettings, ReturnTerms, WindowAnchor,
};
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
    /// Absent members have their defaults.
    #[serde(default)]
    #[validate(nested)]
    #[schema(required = false)]
    returns: ReturnsBody,
}

/// The settings of a tenant for returns.
#[derive(Debug, Deserialize, Serialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schema(as = ReturnSettings)]
struct ReturnsBody {
    /// How long customers may request a return, in days.
    #[validate(range(max = 3650, message = "must be at most 3650"))]
    #[schema(required = false, default = 30, maximum = 3650)]
    window_days: u16,
    /// When the window begins.
    #[schema(required = false)]
    anchor: WindowAnchor,
    /// Whether returns are approved when they are requested.
    #[serde(deserialize_with = "oms_validation::json::flag")]
    #[schema(required = false, default = false)]
    auto_approve: bool,
    /// How long an approved return waits for its first receipt, in days.
    #[validate(range(min = 1, max = 365, message = "must be between 1 and 365"))]
    #[schema(required = false, default = 30, minimum = 1, maximum = 365)]
    authorisation_days: u16,
    /// When the customer is credited and refunded. The members from here on hold for a return as they were when it was requested.
    #[schema(required = false)]
    credit_on: CreditOn,
    /// The part of the credit for units that come back by the customer's choice (`unwanted`, `wrong_size`, `other`) which is kept, in
    /// parts per million. Rounded down for each return.
    #[validate(range(max = 1_000_000, message = "must be at most 1000000"))]
    #[schema(required = false, default = 0, maximum = 1_000_000)]
    restocking_fee_ppm: u32,
    /// Whether shipping is credited too.
    #[schema(required = false)]
    refund_shipping: RefundShipping,
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
        let settings = TenantSettings::new(self.currencies)
            .map_err(|error| invalid_field("currencies", error.to_string()))?;
        Ok(settings.with_returns(self.returns.into()))
    }
}

fn answer(settings: VersionedSettings) -> HttpResponse {
    let VersionedSettings { version, settings } = settings;
    HttpResponse::Ok().insert_header(etag(version)).json(Body {
        currencies: settings.currencies().to_vec(),
        returns: ReturnsBody::from(*settings.returns()),
    })
}

impl Default for ReturnsBody {
    fn default() -> Self {
        ReturnSettings::default().into()
    }
}

impl From<ReturnSettings> for ReturnsBody {
    fn from(settings: ReturnSettings) -> Self {
        Self {
            window_days: settings.window_days,
            anchor: settings.anchor,
            auto_approve: settings.auto_approve,
            authorisation_days: settings.authorisation_days,
            credit_on: settings.terms.credit_on,
            restocking_fee_ppm: settings.terms.restocking_fee_ppm,
            refund_shipping: settings.terms.refund_shipping,
        }
    }
}

impl From<ReturnsBody> for ReturnSettings {
    fn from(body: ReturnsBody) -> Self {
        Self {
            window_days: body.window_days,
            anchor: body.anchor,
            auto_approve: body.auto_approve,
            authorisation_days: body.authorisation_days,
            terms: ReturnTerms {
                credit_on: body.credit_on,
                restocking_fee_ppm: body.restocking_fee_ppm,
                refund_shipping: body.refund_shipping,
            },
        }
    }
}
