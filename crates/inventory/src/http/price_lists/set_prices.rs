//! `PUT /price-lists/{id}/prices`.

use actix_web::{HttpRequest, HttpResponse, web};
use oms_errors::{
    INVALID_HEADER, INVALID_REQUEST, PRECONDITION_FAILED, PRECONDITION_REQUIRED, Problem,
    UNSUPPORTED_MEDIA_TYPE, invalid_field, invalid_fields,
};
use oms_validation::json::{self, InvalidJson};
use oms_validation::{Money, ProductId};
use oms_web::{
    BodyLimits, CurrentTenant, Disclosure, IfMatch, ProblemResponse, for_each_piece,
    utf8_media_type,
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::id_of;
use super::representation::{WrittenPriceList, written};
use crate::domain::id::PriceListId;
use crate::domain::price_list::{InvalidListPrices, ListPrice, ListPrices};
use crate::error;
use crate::http::{InventoryApi, examples};
use crate::service;

/// Bytes of a body with 1,000 prices. Other bodies may have fewer.
const MAX_BYTES: usize = 256 * 1024;

/// All prices of a list.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ListPrices, examples(examples::list_prices))]
pub(crate) struct Body {
    /// At most one price for each product and quantity.
    #[schema(max_items = 1000)]
    prices: Vec<NewPrice>,
}

/// The unit price of a product from a quantity on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewListPrice)]
struct NewPrice {
    product_id: ProductId,
    /// The smallest quantity of a line that has this price. Defaults to 1.
    #[schema(minimum = 1, maximum = 1_000_000)]
    min_quantity: Option<i64>,
    /// In the currency of the list; at least 1.
    unit_price: Money,
}

oms_web::refusals! {
    Refusals: [
        INVALID_HEADER,
        PRECONDITION_FAILED,
        PRECONDITION_REQUIRED,
        error::PRICE_LIST_NOT_FOUND,
        error::PRICE_LIST_CURRENCY,
        error::UNKNOWN_PRODUCT,
        error::OUTCOME_UNKNOWN,
    ]
}

/// Returns 200 with the price list and its new version; 404 if the tenant has no such list; 412 if the list or its
/// prices were changed in the meantime; 428 without `If-Match`.
#[utoipa::path(
    put,
    path = "/price-lists/{id}/prices",
    operation_id = "setPrices",
    tag = "inventory",
    summary = "Replace the prices of a price list",
    description = "Replaces all prices with up to 1,000 others. To change single prices of a longer list, import them.",
    params(("id" = PriceListId, Path), IfMatch),
    request_body = Body,
    responses(
        (status = 200, description = "The price list with its new version.", body = WrittenPriceList, headers(("ETag"))),
        Refusals,
    ),
)]
pub(crate) async fn set_prices(
    api: web::Data<InventoryApi>,
    tenant: CurrentTenant,
    disclosure: Disclosure,
    expected: IfMatch,
    id: web::Path<String>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ProblemResponse> {
    let id = id_of(&id)?;
    let body = read(&request, payload).await?;
    let prices = body.prices.into_iter().map(|price| ListPrice {
        product_id: price.product_id,
        min_quantity: quantity_of(price.min_quantity),
        unit_price: price.unit_price,
    });
    let prices = ListPrices::new(prices.collect()).map_err(refused)?;
    let setting = api.work.run(|context| async move {
        let (tenant, expected) = (tenant.0, &expected.0);
        service::set_list_prices::set_list_prices(&context, tenant, id, expected, &prices).await
    });
    let list = setting.await?;
    Ok(written(HttpResponse::Ok(), list, disclosure))
}

async fn read(request: &HttpRequest, payload: web::Payload) -> Result<Body, Problem> {
    if utf8_media_type(request.headers()).as_deref() != Some("application/json") {
        let detail = "send application/json in UTF-8";
        return Err(Problem::new(&UNSUPPORTED_MEDIA_TYPE, detail));
    }
    let limits = BodyLimits::of(request);
    let limits = BodyLimits {
        max_bytes: limits.max_bytes.max(MAX_BYTES),
        ..limits
    };
    let mut text = Vec::new();
    for_each_piece(payload.into_inner(), limits, async |piece| {
        text.extend_from_slice(&piece);
        Ok(())
    })
    .await?;
    json::from_slice(&text).map_err(|error| match error {
        InvalidJson::Syntax(_) => Problem::new(&INVALID_REQUEST, "the body is not valid JSON"),
        InvalidJson::Member(field) => invalid_fields(vec![field]),
    })
}

/// A quantity beyond all numbers is refused as out of range.
fn quantity_of(quantity: Option<i64>) -> i32 {
    i32::try_from(quantity.unwrap_or(1)).unwrap_or_default()
}

fn refused(error: InvalidListPrices) -> Problem {
    let field = match error {
        InvalidListPrices::TooMany => "prices".to_owned(),
        InvalidListPrices::MinQuantity(index) => format!("prices[{index}].minQuantity"),
        InvalidListPrices::Amount(index, _) => format!("prices[{index}].unitPrice.amountMinor"),
        InvalidListPrices::Repeated(index) => format!("prices[{index}]"),
    };
    invalid_field(field, error.to_string())
}
