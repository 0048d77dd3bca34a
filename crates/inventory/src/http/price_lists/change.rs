//! `PATCH /price-lists/{id}`.

use actix_web::{HttpResponse, web};
use oms_errors::{INVALID_HEADER, PRECONDITION_FAILED, PRECONDITION_REQUIRED, invalid_field};
use oms_validation::Time;
use oms_web::{CurrentTenant, Disclosure, IfMatch, ProblemResponse, ValidJson};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;
use validator::Validate;

use super::id_of;
use super::representation::{WrittenPriceList, written};
use crate::domain::id::PriceListId;
use crate::domain::price_list::PriceListChange;
use crate::error;
use crate::http::{InventoryApi, examples};
use crate::service;

/// A change of a price list. Omitted members stay unchanged; a time that is null is removed.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = PriceListChange, min_properties = 1, examples(examples::price_list_change))]
pub(crate) struct Body {
    /// When its prices begin to apply.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    valid_from: Option<Option<Time>>,
    /// When its prices no longer apply; later than `validFrom`.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    valid_until: Option<Option<Time>>,
    /// Whether its prices apply at all.
    active: Option<bool>,
}

/// Reads a member that is present, perhaps as null.
fn nullable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Time>>, D::Error> {
    Option::<Time>::deserialize(deserializer).map(Some)
}

oms_web::refusals! {
    Refusals: [
        INVALID_HEADER,
        PRECONDITION_FAILED,
        PRECONDITION_REQUIRED,
        error::PRICE_LIST_NOT_FOUND,
        error::OUTCOME_UNKNOWN,
    ]
}

/// Returns 200 with the changed price list; 404 if the tenant has no such list; 412 if the list or its prices were
/// changed in the meantime; 428 without `If-Match`.
#[utoipa::path(
    patch,
    path = "/price-lists/{id}",
    operation_id = "changePriceList",
    tag = "inventory",
    summary = "Change, activate or deactivate a price list",
    description = "Omitted members stay unchanged. While a list is inactive or not valid, orders that name it get the base prices.",
    params(("id" = PriceListId, Path), IfMatch),
    request_body = Body,
    responses(
        (status = 200, description = "The changed price list.", body = WrittenPriceList, headers(("ETag"))),
        Refusals,
    ),
)]
pub(crate) async fn change(
    api: web::Data<InventoryApi>,
    tenant: CurrentTenant,
    disclosure: Disclosure,
    expected: IfMatch,
    id: web::Path<String>,
    body: ValidJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = id_of(&id)?;
    let time = |time: Option<Time>| time.map(Time::get);
    let change = PriceListChange {
        valid_from: body.0.valid_from.map(time),
        valid_until: body.0.valid_until.map(time),
        active: body.0.active,
    };
    if change.is_empty() {
        return Err(invalid_field("body", "has nothing to change").into());
    }
    let changing = api.work.run(|context| async move {
        let (tenant, expected) = (tenant.0, &expected.0);
        service::change_price_list::change_price_list(&context, tenant, id, expected, change).await
    });
    let list = changing.await?;
    Ok(written(HttpResponse::Ok(), list, disclosure))
}
