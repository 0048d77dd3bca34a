//! `POST /price-lists`.

use actix_web::{HttpResponse, web};
use oms_errors::INVALID_HEADER;
use oms_validation::{Currency, Time};
use oms_web::{CurrentTenant, Disclosure, IdempotencyKeyHeader, ProblemResponse, ValidJson};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::representation::{WrittenPriceList, written};
use super::{location_of, validity_of};
use crate::domain::price_list::{NewPriceList, PriceListCode};
use crate::error;
use crate::http::{InventoryApi, examples, made};
use crate::service;

/// A price list to create. It has no prices yet.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewPriceList, examples(examples::new_price_list))]
pub(crate) struct Body {
    code: PriceListCode,
    currency: Currency,
    /// When its prices begin to apply. Without it, they apply at once.
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    valid_from: Option<Time>,
    /// When its prices no longer apply; later than `validFrom`.
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    valid_until: Option<Time>,
    /// Whether its prices apply at all. Defaults to `true`.
    active: Option<bool>,
}

oms_web::refusals! {
    Refusals: [INVALID_HEADER, error::PRICE_LIST_CODE_TAKEN, error::KEY_REUSED, error::OUTCOME_UNKNOWN]
}

/// Returns 201 with the price list, or 200 with the one that an earlier request with this key created; 409 if another
/// list has the code; 422 if the key was used with a different request.
#[utoipa::path(
    post,
    path = "/price-lists",
    operation_id = "createPriceList",
    tag = "inventory",
    summary = "Create a price list",
    description = "Orders name a price list by its code. Neither the code nor the currency can be changed.",
    params(IdempotencyKeyHeader),
    request_body = Body,
    responses(
        (status = 201, description = "The price list was created.", body = WrittenPriceList, headers(("Location"), ("ETag"))),
        (status = 200, description = "The price list that an earlier request with this key created.", body = WrittenPriceList,
            headers(("Location"), ("ETag"), ("Idempotent-Replayed"))),
        Refusals,
    ),
)]
pub(crate) async fn create(
    api: web::Data<InventoryApi>,
    tenant: CurrentTenant,
    disclosure: Disclosure,
    key: IdempotencyKeyHeader,
    body: ValidJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    let new = NewPriceList {
        code: body.0.code,
        currency: body.0.currency,
        validity: validity_of(body.0.valid_from, body.0.valid_until)?,
        active: body.0.active.unwrap_or(true),
    };
    let creating = api.work.run(|context| async move {
        service::create_price_list::create_price_list(&context, tenant.0, &key.0, &new).await
    });
    let (response, list) = made(creating.await?, |list| location_of(list.id));
    Ok(written(response, list, disclosure))
}
