//! Price lists: other prices than those of the products, for some customers or from some quantity on.

use std::collections::HashSet;
use std::fmt;

use chrono::{DateTime, Utc};
use oms_validation::openapi::text;
use oms_validation::{Currency, InvalidAmount, Money, ProductId};
use serde::{Deserialize, Serialize};

use crate::domain::demand::MAX_QUANTITY;
use crate::domain::id::PriceListId;

/// Maximum prices that one request writes.
pub(crate) const MAX_LIST_PRICES: usize = 1_000;

/// The code by which orders and files name a price list: 1 to 64 letters, digits, `.`, `_` or `-`, case-sensitive. It
/// is unique within the tenant and never changes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct PriceListCode(String);

oms_validation::schema_of! {
    PriceListCode,
    "The code of a price list: 1–64 letters, digits, `.`, `_` or `-`. It never changes.",
    text(1..=64, "^[A-Za-z0-9._-]{1,64}$").examples(["wholesale"])
}

/// The error for a text that is not such a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 letters, digits, dots, underscores or hyphens")]
pub struct InvalidPriceListCode;

impl PriceListCode {
    /// Parses a code.
    ///
    /// # Errors
    /// When it is empty or too long, or has another character.
    pub fn parse(text: &str) -> Result<Self, InvalidPriceListCode> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let fits = (1..=64).contains(&text.len()) && text.bytes().all(is_allowed);
        match fits {
            true => Ok(Self(text.to_owned())),
            false => Err(InvalidPriceListCode),
        }
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PriceListCode {
    type Error = InvalidPriceListCode;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl fmt::Display for PriceListCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The times between which the prices of a list apply: from `from` on, and before `until`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Validity {
    from: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
}

/// The error for a list that would never be valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be later than validFrom")]
pub(crate) struct NeverValid;

impl Validity {
    /// Checks the times. `None` is unlimited.
    ///
    /// # Errors
    /// When `until` is not later than `from`.
    pub(crate) fn new(
        from: Option<DateTime<Utc>>,
        until: Option<DateTime<Utc>>,
    ) -> Result<Self, NeverValid> {
        match from.zip(until).is_some_and(|(from, until)| from >= until) {
            true => Err(NeverValid),
            false => Ok(Self { from, until }),
        }
    }

    /// When the prices begin to apply.
    pub(crate) fn from(self) -> Option<DateTime<Utc>> {
        self.from
    }

    /// When they no longer apply.
    pub(crate) fn until(self) -> Option<DateTime<Utc>> {
        self.until
    }
}

/// A price list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PriceList {
    /// Its ID.
    pub id: PriceListId,
    /// Its code.
    pub code: PriceListCode,
    /// The currency of its prices.
    pub currency: Currency,
    /// When its prices apply.
    pub validity: Validity,
    /// Whether its prices apply at all.
    pub active: bool,
    /// Starts at 1 and increments with each change of the list or of its prices.
    pub version: i32,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it or its prices were changed last.
    pub updated_at: DateTime<Utc>,
}

/// A price list to create, without prices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct NewPriceList {
    /// Its code.
    pub code: PriceListCode,
    /// The currency of its prices.
    pub currency: Currency,
    /// When its prices apply.
    pub validity: Validity,
    /// Whether its prices apply at all.
    pub active: bool,
}

/// A change of a price list. Fields that are `None` stay as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PriceListChange {
    /// When its prices begin to apply; `Some(None)` removes the limit.
    pub valid_from: Option<Option<DateTime<Utc>>>,
    /// When they no longer apply; `Some(None)` removes the limit.
    pub valid_until: Option<Option<DateTime<Utc>>>,
    /// Whether they apply at all.
    pub active: Option<bool>,
}

impl PriceListChange {
    /// Whether the change is empty.
    pub(crate) fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Returns the list with this change.
    ///
    /// # Errors
    /// When it would never be valid.
    pub(crate) fn applied_to(self, list: PriceList) -> Result<PriceList, NeverValid> {
        let from = self.valid_from.unwrap_or(list.validity.from);
        let until = self.valid_until.unwrap_or(list.validity.until);
        Ok(PriceList {
            validity: Validity::new(from, until)?,
            active: self.active.unwrap_or(list.active),
            ..list
        })
    }
}

/// The unit price of a product from a quantity on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ListPrice {
    /// The product.
    pub product_id: ProductId,
    /// The smallest quantity that has this price.
    pub min_quantity: i32,
    /// The unit price.
    pub unit_price: Money,
}

/// The prices of a request: at most 1,000, all in the currency of their list, and at most one for each product and
/// quantity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListPrices(Vec<ListPrice>);

/// Why prices are refused. The index is that of the first wrong one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidListPrices {
    /// There are more than 1,000.
    #[error("must have at most {MAX_LIST_PRICES} entries")]
    TooMany,
    /// A quantity is out of range.
    #[error("must be between 1 and {MAX_QUANTITY}")]
    MinQuantity(usize),
    /// An amount is not positive, or too large.
    #[error("{1}")]
    Amount(usize, InvalidAmount),
    /// An earlier price is for the same product and quantity.
    #[error("is the same product and quantity as an earlier entry")]
    Repeated(usize),
}

impl ListPrices {
    /// Checks prices.
    ///
    /// # Errors
    /// When there are too many, a quantity or an amount is out of range, or two are for the same product and quantity.
    pub(crate) fn new(prices: Vec<ListPrice>) -> Result<Self, InvalidListPrices> {
        if prices.len() > MAX_LIST_PRICES {
            return Err(InvalidListPrices::TooMany);
        }
        let mut seen = HashSet::new();
        for (index, price) in prices.iter().enumerate() {
            if !is_quantity(price.min_quantity) {
                return Err(InvalidListPrices::MinQuantity(index));
            }
            let payable = price.unit_price.check_payable();
            payable.map_err(|error| InvalidListPrices::Amount(index, error))?;
            if !seen.insert((price.product_id, price.min_quantity)) {
                return Err(InvalidListPrices::Repeated(index));
            }
        }
        Ok(Self(prices))
    }

    /// The prices, as they were sent.
    pub(crate) fn as_slice(&self) -> &[ListPrice] {
        &self.0
    }

    /// The position of the first price in another currency.
    pub(crate) fn other_than(&self, currency: Currency) -> Option<usize> {
        let is_other = |price: &ListPrice| price.unit_price.currency != currency;
        self.0.iter().position(is_other)
    }
}

/// Whether a price may begin at this quantity.
pub(crate) fn is_quantity(quantity: i32) -> bool {
    (1..=MAX_QUANTITY).contains(&quantity)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn at(day: u32) -> DateTime<Utc> {
        format!("2026-11-{day:02}T00:00:00Z").parse().unwrap()
    }

    fn price(product: u128, min_quantity: i32, amount_minor: i64) -> ListPrice {
        ListPrice {
            product_id: Uuid::from_u128(product).into(),
            min_quantity,
            unit_price: Money {
                amount_minor,
                currency: Currency::parse("EUR").unwrap(),
            },
        }
    }

    #[test]
    fn a_code_has_up_to_64_plain_characters() {
        for text in ["w", "B2B_2026.v-1", &"x".repeat(64)] {
            assert_eq!(PriceListCode::parse(text).unwrap().as_str(), text);
        }
        for text in ["", " ", "a b", "ä", "a/b", "a\n", &"x".repeat(65)] {
            assert_eq!(
                PriceListCode::parse(text),
                Err(InvalidPriceListCode),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_list_must_be_valid_at_some_time() {
        for (from, until) in [
            (None, None),
            (Some(at(1)), None),
            (None, Some(at(1))),
            (Some(at(1)), Some(at(2))),
        ] {
            assert!(Validity::new(from, until).is_ok());
        }
        for (from, until) in [(at(1), at(1)), (at(2), at(1))] {
            assert_eq!(Validity::new(Some(from), Some(until)), Err(NeverValid));
        }
    }

    #[test]
    fn a_change_keeps_what_it_does_not_name_and_can_remove_a_limit() {
        let list = PriceList {
            id: PriceListId::generate(),
            code: PriceListCode::parse("w").unwrap(),
            currency: Currency::parse("EUR").unwrap(),
            validity: Validity::new(Some(at(1)), Some(at(9))).unwrap(),
            active: true,
            version: 1,
            created_at: at(1),
            updated_at: at(1),
        };
        let validity = |change: PriceListChange| {
            let changed = change.applied_to(list.clone())?;
            Ok((changed.validity.from(), changed.validity.until()))
        };
        let none = PriceListChange::default();
        assert_eq!(validity(none), Ok((Some(at(1)), Some(at(9)))));
        let open = PriceListChange {
            valid_until: Some(None),
            ..none
        };
        assert_eq!(validity(open), Ok((Some(at(1)), None)));
        let late = PriceListChange {
            valid_from: Some(Some(at(9))),
            ..none
        };
        assert_eq!(validity(late), Err(NeverValid));
    }

    #[test]
    fn the_first_wrong_price_is_named() {
        use InvalidListPrices::{Amount, MinQuantity, Repeated, TooMany};
        let good = price(1, 1, 5);
        for (second, error) in [
            (price(1, 0, 5), MinQuantity(1)),
            (price(1, MAX_QUANTITY + 1, 5), MinQuantity(1)),
            (price(1, 1, 6), Repeated(1)),
        ] {
            assert_eq!(ListPrices::new(vec![good, second]), Err(error));
        }
        for amount in [0, -1, Money::MAX_MINOR + 1] {
            let refused = ListPrices::new(vec![good, price(1, 2, amount)]);
            assert!(matches!(refused, Err(Amount(1, _))), "{amount}");
        }
        let many = (0..=MAX_LIST_PRICES).map(|number| price(number as u128 + 1, 1, 5));
        let mut many: Vec<ListPrice> = many.collect();
        assert_eq!(ListPrices::new(many.clone()), Err(TooMany));
        many.pop();
        many[0].min_quantity = MAX_QUANTITY;
        assert!(ListPrices::new(many).is_ok());
    }
}
