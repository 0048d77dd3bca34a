//! What products cost.

use std::collections::HashMap;

use oms_database::Statement;
use oms_validation::{Currency, Money, TenantId};

use crate::ProductId;
use crate::store::products;

/// What is known about the price of one product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriceQuote {
    /// The price of one piece.
    UnitPrice(Money),
    /// The product exists, but is not sold in this currency.
    NotSoldIn(Currency),
    /// There is no such product.
    UnknownProduct,
}

/// What is known about the prices of products.
#[derive(Clone, Debug)]
pub struct Quotes {
    currency: Currency,
    found: HashMap<ProductId, Option<Money>>,
}

impl Quotes {
    /// The price of a product that was asked for.
    pub fn of(&self, product: ProductId) -> PriceQuote {
        match self.found.get(&product) {
            Some(Some(price)) => PriceQuote::UnitPrice(*price),
            Some(None) => PriceQuote::NotSoldIn(self.currency),
            None => PriceQuote::UnknownProduct,
        }
    }
}

/// The unit prices of products in a currency.
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
