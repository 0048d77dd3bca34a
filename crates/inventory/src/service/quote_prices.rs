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

/// The quoted prices of products in some currencies.
#[derive(Clone, Debug)]
pub struct Quotes(HashMap<ProductId, Vec<Money>>);

impl Quotes {
    /// Returns the quote for a product in a currency. Only the products and currencies passed to [`quote_prices`] are
    /// known.
    pub fn of(&self, product: ProductId, currency: Currency) -> PriceQuote {
        let Some(prices) = self.0.get(&product) else {
            return PriceQuote::UnknownProduct;
        };
        let price = prices.iter().find(|price| price.currency == currency);
        price.map_or(PriceQuote::NotSoldIn(currency), |price| {
            PriceQuote::UnitPrice(*price)
        })
    }
}

/// Returns a statement that finds the unit prices of products in some currencies.
pub fn quote_prices<'q>(
    tenant: TenantId,
    currencies: &[Currency],
    product_ids: &[ProductId],
) -> Statement<'q, Quotes> {
    let prices = products::find_prices(tenant, currencies, product_ids);
    prices.map(|found| {
        let mut quotes = HashMap::<ProductId, Vec<Money>>::new();
        for (product, price) in found {
            quotes.entry(product).or_default().extend(price);
        }
        Quotes(quotes)
    })
}
