//! Products and their prices, as operators see and change them.

use chrono::{DateTime, Utc};
use oms_validation::{Money, schema_of};
use serde::Serialize;
use utoipa::openapi::schema::{ArrayBuilder, KnownFormat, SchemaFormat, Type};
use utoipa::openapi::{ObjectBuilder, Ref};

use crate::ProductId;
use crate::domain::name::{Name, Sku};

/// Most prices of one product.
pub(crate) const MAX_PRICES: usize = 50;
/// The highest price of one piece, in minor units; the column has the same limit.
const MAX_PRICE_MINOR: i64 = 1_000_000_000_000;

/// A product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// Its id.
    pub id: ProductId,
    /// Its stock keeping unit, unique within the tenant.
    pub sku: Sku,
    /// Its name.
    pub name: Name,
    /// What one piece costs.
    pub prices: Prices,
    /// Counts its changes, from 1.
    pub version: i32,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

/// A product that shall be created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewProduct {
    /// Its stock keeping unit.
    pub sku: Sku,
    /// Its name.
    pub name: Name,
    /// What one piece costs. Without prices it can't be sold yet.
    pub prices: Prices,
}

/// What shall be different of a product; the rest stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProductChange {
    /// Its new stock keeping unit.
    pub sku: Option<Sku>,
    /// Its new name.
    pub name: Option<Name>,
    /// Its new prices, in place of all that it had. Orders that are placed keep theirs.
    pub prices: Option<Prices>,
}

impl ProductChange {
    /// Whether nothing shall be different.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The product with this change.
    pub(crate) fn applied_to(self, product: Product) -> Product {
        Product {
            sku: self.sku.unwrap_or(product.sku),
            name: self.name.unwrap_or(product.name),
            prices: self.prices.unwrap_or(product.prices),
            ..product
        }
    }
}

/// At most one price for each currency, each 1 to 10^12 minor units, in the order of the currencies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Prices(Vec<Money>);

/// These are no prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPrices {
    /// More than a product can have.
    #[error("must have at most {MAX_PRICES} entries")]
    TooMany,
    /// A price is out of range.
    #[error("must have amounts between 1 and {MAX_PRICE_MINOR}")]
    Amount,
    /// Two prices in one currency.
    #[error("must have each currency only once")]
    Currency,
}

schema_of!(
    Prices,
    "At most one price for each currency, in the order of the currencies.",
    ArrayBuilder::new()
        .max_items(Some(MAX_PRICES))
        .items(price_schema())
);

/// [`Money`] within the limits of a price.
fn price_schema() -> ObjectBuilder {
    let amount = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(1))
        .maximum(Some(MAX_PRICE_MINOR))
        .description(Some("Minor units: 2000 is 20.00 USD."));
    ObjectBuilder::new()
        .property("amountMinor", amount)
        .property("currency", Ref::from_schema_name("Currency"))
        .required("amountMinor")
        .required("currency")
}

impl Prices {
    /// Checks prices and sorts them by currency.
    ///
    /// # Errors
    /// When there are too many, one is out of range, or two are of one currency.
    pub fn new(mut prices: Vec<Money>) -> Result<Self, InvalidPrices> {
        if prices.len() > MAX_PRICES {
            return Err(InvalidPrices::TooMany);
        }
        let in_range = |price: &Money| (1..=MAX_PRICE_MINOR).contains(&price.amount_minor);
        if !prices.iter().all(in_range) {
            return Err(InvalidPrices::Amount);
        }
        prices.sort_by(|a, b| a.currency.as_str().cmp(b.currency.as_str()));
        if prices
            .windows(2)
            .any(|two| two[0].currency == two[1].currency)
        {
            return Err(InvalidPrices::Currency);
        }
        Ok(Self(prices))
    }

    /// The prices, in the order of their currencies.
    pub fn iter(&self) -> impl Iterator<Item = Money> + '_ {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use oms_validation::Currency;

    use super::*;

    fn price(amount_minor: i64, currency: &str) -> Money {
        let currency = Currency::parse(currency).unwrap();
        Money {
            amount_minor,
            currency,
        }
    }

    #[test]
    fn prices_are_sorted_and_compared_whatever_their_order() {
        let (usd, eur) = (price(1, "USD"), price(MAX_PRICE_MINOR, "EUR"));
        let prices = Prices::new(vec![usd, eur]).unwrap();
        assert_eq!(prices, Prices::new(vec![eur, usd]).unwrap());
        assert_eq!(prices.iter().collect::<Vec<_>>(), [eur, usd]);
    }

    #[test]
    fn prices_out_of_range_or_twice_in_a_currency_are_refused() {
        for amount in [0, -1, MAX_PRICE_MINOR + 1] {
            assert_eq!(
                Prices::new(vec![price(amount, "USD")]),
                Err(InvalidPrices::Amount)
            );
        }
        let twice = vec![price(1, "USD"), price(2, "USD")];
        assert_eq!(Prices::new(twice), Err(InvalidPrices::Currency));
        let many = vec![price(1, "USD"); MAX_PRICES + 1];
        assert_eq!(Prices::new(many), Err(InvalidPrices::TooMany));
    }
}
