//! Products and their prices, for administration.

use chrono::{DateTime, Utc};
use oms_validation::{InvalidAmount, Money, ProductId, schema_of};
use serde::Serialize;
use utoipa::openapi::schema::{ArrayBuilder, KnownFormat, SchemaFormat, Type};
use utoipa::openapi::{ObjectBuilder, Ref};

use crate::domain::name::{Name, Sku};

/// Maximum number of prices of one product.
pub(crate) const MAX_PRICES: usize = 50;

/// A product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// Its ID.
    pub id: ProductId,
    /// Its stock keeping unit, unique within the tenant.
    pub sku: Sku,
    /// Its name.
    pub name: Name,
    /// Its unit prices.
    pub prices: Prices,
    /// Starts at 1 and increments with each change.
    pub version: i32,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

/// A product to create.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct NewProduct {
    /// Its stock keeping unit.
    pub sku: Sku,
    /// Its name.
    pub name: Name,
    /// Its unit prices. Without prices it can't be sold yet.
    pub prices: Prices,
}

/// A change of a product. Fields that are `None` stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProductChange {
    /// Its new stock keeping unit.
    pub sku: Option<Sku>,
    /// Its new name.
    pub name: Option<Name>,
    /// Its new prices, which replace all existing ones. Placed orders keep theirs.
    pub prices: Option<Prices>,
}

impl ProductChange {
    /// Whether the change is empty.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the product with this change.
    pub(crate) fn applied_to(self, product: Product) -> Product {
        Product {
            sku: self.sku.unwrap_or(product.sku),
            name: self.name.unwrap_or(product.name),
            prices: self.prices.unwrap_or(product.prices),
            ..product
        }
    }
}

/// At most one payable price per currency, ordered by currency.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Prices(Vec<Money>);

/// The error for prices that violate the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPrices {
    /// There are more than [`MAX_PRICES`].
    #[error("must have at most {MAX_PRICES} entries")]
    TooMany,
    /// An amount is not positive, or too large.
    #[error("must have payable amounts: each {0}")]
    Amount(InvalidAmount),
    /// Two prices have the same currency.
    #[error("must have each currency only once")]
    Currency,
}

schema_of!(
    Prices,
    "At most one price per currency, ordered by currency.",
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
        .maximum(Some(Money::MAX_MINOR))
        .description(Some(
            "Minor units of ISO 4217: 2000 is 20.00 USD, 2000 JPY or 2.000 KWD. 1–999,999,999,999.",
        ));
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
    /// When there are too many, an amount is not positive or too large, or two have the same currency.
    pub fn new(mut prices: Vec<Money>) -> Result<Self, InvalidPrices> {
        if prices.len() > MAX_PRICES {
            return Err(InvalidPrices::TooMany);
        }
        for price in &prices {
            price.check_payable().map_err(InvalidPrices::Amount)?;
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

    /// Reads stored prices, without the rules for new ones, which may have changed since.
    pub(crate) fn stored(mut prices: Vec<Money>) -> Self {
        prices.sort_by(|a, b| a.currency.as_str().cmp(b.currency.as_str()));
        Self(prices)
    }

    /// The prices, ordered by currency.
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
    fn prices_are_sorted_and_compare_equal_in_any_order() {
        let (usd, idr) = (price(1, "USD"), price(Money::MAX_MINOR, "IDR"));
        let prices = Prices::new(vec![usd, idr]).unwrap();
        assert_eq!(prices, Prices::new(vec![idr, usd]).unwrap());
        assert_eq!(prices.iter().collect::<Vec<_>>(), [idr, usd]);
    }

    #[test]
    fn unpayable_amounts_and_duplicate_currencies_are_refused() {
        for (amount, currency) in [(0, "USD"), (-1, "USD"), (Money::MAX_MINOR + 1, "IDR")] {
            let refused = Prices::new(vec![price(amount, currency)]);
            assert!(
                matches!(refused, Err(InvalidPrices::Amount(_))),
                "{amount} {currency}"
            );
        }
        let twice = vec![price(1, "USD"), price(2, "USD")];
        assert_eq!(Prices::new(twice), Err(InvalidPrices::Currency));
        let many = vec![price(1, "USD"); MAX_PRICES + 1];
        assert_eq!(Prices::new(many), Err(InvalidPrices::TooMany));
    }
}
