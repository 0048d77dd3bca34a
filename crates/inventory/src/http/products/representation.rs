//! Products as JSON.

use actix_web::{HttpResponse, HttpResponseBuilder};
use chrono::{DateTime, Utc};
use oms_validation::ProductId;
use oms_web::{Disclosed, Disclosure, etag};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::name::{Name, Sku};
use crate::domain::product::{Prices, Product};
use crate::http::examples;

/// A product.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Product, examples(examples::product))]
pub(super) struct ProductBody {
    id: ProductId,
    sku: Sku,
    name: Name,
    prices: Prices,
    version: i32,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<Product> for ProductBody {
    fn from(product: Product) -> Self {
        Self {
            id: product.id,
            sku: product.sku,
            name: product.name,
            prices: product.prices,
            version: product.version,
            created_at: product.created_at,
            updated_at: product.updated_at,
        }
    }
}

/// A changed product, for callers that may not read the inventory.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChangedProduct {
    id: ProductId,
    version: i32,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<Product> for ChangedProduct {
    fn from(product: Product) -> Self {
        Self {
            id: product.id,
            version: product.version,
            created_at: product.created_at,
            updated_at: product.updated_at,
        }
    }
}

/// The answer to a change.
pub(super) type WrittenProduct = Disclosed<ProductBody, ChangedProduct>;

/// Answers a change with the product and its version as `ETag`.
pub(super) fn written(
    mut response: HttpResponseBuilder,
    product: Product,
    disclosure: Disclosure,
) -> HttpResponse {
    response
        .insert_header(etag(product.version))
        .json(WrittenProduct::of(product, disclosure.inventory))
}

/// Answers with a product and its version as `ETag`.
pub(super) fn answer(mut response: HttpResponseBuilder, product: Product) -> HttpResponse {
    response
        .insert_header(etag(product.version))
        .json(ProductBody::from(product))
}
