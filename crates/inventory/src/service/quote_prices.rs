//! Quotes prices of products.

use chrono::{DateTime, Utc};
use oms_database::Statement;
use oms_validation::{Currency, Money, ProductId, TenantId};

use crate::domain::price_list::PriceListCode;
use crate::store::quotes::{self, Found};

/// Quantities of products that are ordered together, and how they are priced.
#[derive(Clone, Debug)]
pub struct PriceRequest<'a> {
    /// The currency.
    pub currency: Currency,
    /// The list whose prices apply before the base prices.
    pub price_list: Option<&'a PriceListCode>,
    /// The products and their quantities.
    pub lines: Vec<(ProductId, i32)>,
}

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

/// The quoted prices of products.
#[derive(Clone, Debug)]
pub struct Quotes(Found);

impl Quotes {
    /// Returns the currency of a price list; `None` if the tenant has no such list. Only the lists of the requests are
    /// known.
    pub fn list_currency(&self, list: &PriceListCode) -> Option<Currency> {
        let list = self.0.lists.get(list.as_str())?;
        Some(list.currency)
    }

    /// Returns the unit price of a line of a request: that of its list for the largest quantity that is not above the
    /// line's, if the list is active, valid now, in this currency, and has such a price; otherwise the base price.
    pub fn of(
        &self,
        (product, quantity): (ProductId, i32),
        currency: Currency,
        list: Option<&PriceListCode>,
    ) -> PriceQuote {
        let Some(base) = self.0.base.get(&product) else {
            return PriceQuote::UnknownProduct;
        };
        let list = list.and_then(|list| self.0.lists.get(list.as_str()));
        let listed = list.and_then(|list| list.prices.get(&(product, quantity)));
        let price = listed.into_iter().chain(base);
        let mut price = price.filter(|price| price.currency == currency);
        price
            .next()
            .map_or(PriceQuote::NotSoldIn(currency), |price| {
                PriceQuote::UnitPrice(*price)
            })
    }
}

/// Returns a statement that finds the unit prices of requests. `now` is the time at which price lists must be valid;
/// `None` for that of the database.
pub fn quote_prices<'q>(
    tenant: TenantId,
    now: Option<DateTime<Utc>>,
    requests: &[PriceRequest<'_>],
) -> Statement<'q, Quotes> {
    let (mut currencies, mut products, mut listed) = (Vec::new(), Vec::new(), Vec::new());
    for request in requests {
        if !currencies.contains(&request.currency) {
            currencies.push(request.currency);
        }
        products.extend(request.lines.iter().map(|(product, _)| *product));
        if let Some(list) = request.price_list {
            let lines = request.lines.iter();
            listed.extend(lines.map(|(product, quantity)| (list, *product, *quantity)));
        }
    }
    products.sort_unstable();
    products.dedup();
    quotes::find(tenant, now, &currencies, &products, &listed).map(Quotes)
}
