//! Quotes prices of products.

use std::collections::HashMap;

use oms_database::{Connection, DbError};
use oms_validation::{Currency, Money, TenantId};

use crate::ProductId;
use crate::store::products;

/// The price of one product in a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriceQuote {
    /// The unit price.
    UnitPrice(Money),
    /// The product exists, but is not sold in this currency.
    NotSoldIn(Currency),
    /// There is no such product.
    UnknownProduct,
}

/// Returns the unit prices of products in a currency, in the order of `product_ids`.
///
/// # Errors
/// When the database fails.
pub async fn quote_prices(
    connection: &mut Connection,
    tenant: TenantId,
    currency: Currency,
    product_ids: &[ProductId],
) -> Result<Vec<PriceQuote>, DbError> {
    let found = products::find_prices(connection, tenant, currency, product_ids).await?;
    let by_id: HashMap<ProductId, Option<Money>> = found.into_iter().collect();
    let quote = |id| match by_id.get(id) {
        Some(Some(price)) => PriceQuote::UnitPrice(*price),
        Some(None) => PriceQuote::NotSoldIn(currency),
        None => PriceQuote::UnknownProduct,
    };
    Ok(product_ids.iter().map(quote).collect())
}
