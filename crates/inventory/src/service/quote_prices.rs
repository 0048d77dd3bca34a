//! Quotes prices of products.

use std::collections::HashMap;

use oms_database::Statement;
use oms_validation::{Currency, Money, ProductId, TenantId};

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

/// The quoted prices of products in one currency.
#[derive(Clone, Debug)]
pub struct Quotes {
    currency: Currency,
    found: HashMap<ProductId, Option<Money>>,
}

impl Quotes {
    /// Returns the quote for a product. Only the products passed to [`quote_prices`] are known.
    pub fn of(&self, product: ProductId) -> PriceQuote {
        match self.found.get(&product) {
            Some(Some(price)) => PriceQuote::UnitPrice(*price),
            Some(None) => PriceQuote::NotSoldIn(self.currency),
            None => PriceQuote::UnknownProduct,
        }
    }
}

/// Returns a statement that finds the unit prices of products in a currency.
pub fn quote_prices<'q>(
    tenant: TenantId,
    currency: Currency,
    product_ids: &[ProductId],
) -> Statement<'q, Quotes> {
    let prices = products::find_prices(tenant, currency, product_ids);
    prices.map(move |found| Quotes {
        currency,
        found: found.into_iter().collect(),
    })
}
