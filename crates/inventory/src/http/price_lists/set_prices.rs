//! `PUT /price-lists/{id}/prices`.

use actix_web::{HttpResponse, web};
use oms_errors::{
    INVALID_HEADER, PRECONDITION_FAILED, PRECONDITION_REQUIRED, Problem, invalid_field,
};
use oms_validation::{Money, ProductId};
use oms_web::{CurrentTenant, Disclosure, IfMatch, ProblemResponse, ValidJson};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::id_of;
use super::representation::{WrittenPriceList, written};
use crate::domain::id::PriceListId;
use crate::domain::price_list::{InvalidListPrices, ListPrice, ListPrices};
use crate::error;
use crate::http::{InventoryApi, examples};
use crate::service;

/// All prices of a list.
#[derive(Debug, Deserialize, Validate, ToSchema)]
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
    body: ValidJson<Body>,
) -> Result<HttpResponse, ProblemResponse> {
    let id = id_of(&id)?;
    let prices = body.0.prices.into_iter().map(|price| ListPrice {
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
