//! Price lists as JSON.

use actix_web::{HttpResponse, HttpResponseBuilder};
use chrono::{DateTime, Utc};
use oms_validation::{Currency, Money, ProductId};
use oms_web::{Disclosed, Disclosure, etag};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::id::PriceListId;
use crate::domain::price_list::{ListPrice, PriceList, PriceListCode};
use crate::http::examples;

/// A price list, without its prices.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PriceList, examples(examples::price_list))]
pub(super) struct PriceListBody {
    id: PriceListId,
    code: PriceListCode,
    currency: Currency,
    /// When its prices begin to apply. Absent if they always did.
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_from: Option<DateTime<Utc>>,
    /// When its prices no longer apply. Absent if there is no such time.
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<DateTime<Utc>>,
    /// Whether its prices apply at all.
    active: bool,
    /// Increments with each change of the list or of its prices.
    version: i32,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<PriceList> for PriceListBody {
    fn from(list: PriceList) -> Self {
        Self {
            id: list.id,
            code: list.code,
            currency: list.currency,
            valid_from: list.validity.from(),
            valid_until: list.validity.until(),
            active: list.active,
            version: list.version,
            created_at: list.created_at,
            updated_at: list.updated_at,
        }
    }
}

/// A changed price list, for callers that may not read the inventory.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChangedPriceList {
    id: PriceListId,
    version: i32,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<PriceList> for ChangedPriceList {
    fn from(list: PriceList) -> Self {
        Self {
            id: list.id,
            version: list.version,
            created_at: list.created_at,
            updated_at: list.updated_at,
        }
    }
}

/// The answer to a change.
pub(super) type WrittenPriceList = Disclosed<PriceListBody, ChangedPriceList>;

/// The unit price of a product from a quantity on.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ListPrice, examples(examples::list_price))]
pub(super) struct ListPriceBody {
    product_id: ProductId,
    /// The smallest quantity of a line that has this price.
    min_quantity: i32,
    unit_price: Money,
}

impl From<ListPrice> for ListPriceBody {
    fn from(price: ListPrice) -> Self {
        Self {
            product_id: price.product_id,
            min_quantity: price.min_quantity,
            unit_price: price.unit_price,
        }
    }
}

/// Answers a change with the list and its version as `ETag`.
pub(super) fn written(
    mut response: HttpResponseBuilder,
    list: PriceList,
    disclosure: Disclosure,
) -> HttpResponse {
    response
        .insert_header(etag(list.version))
        .json(WrittenPriceList::of(list, disclosure.inventory))
}

/// Answers with a list and its version as `ETag`.
pub(super) fn answer(mut response: HttpResponseBuilder, list: PriceList) -> HttpResponse {
    response
        .insert_header(etag(list.version))
        .json(PriceListBody::from(list))
}
