//! Amounts of money: integers of minor units with their currency, never floats.

mod currency;

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use currency::{Currency, InvalidCurrency};

/// An amount in the minor units of ISO 4217: cents, or whole units where a currency has no decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Money {
    /// Minor units: 2000 is 20.00 USD, 2000 JPY or 2.000 KWD.
    #[schema(examples(2000))]
    pub amount_minor: i64,
    /// The currency.
    pub currency: Currency,
}

/// An amount that is not payable: not positive, or too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be between 1 and {} minor units", Money::MAX_MINOR)]
pub struct InvalidAmount;

/// Why an amount can't be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The result does not fit into 64 bits.
    #[error("the amount is too large")]
    Overflow,
    /// The two amounts are of different currencies.
    #[error("amounts of different currencies can't be added")]
    CurrencyMismatch,
}

impl Money {
    /// Maximum of a price and of an order's total, in minor units. A payment gateway may allow less.
    pub const MAX_MINOR: i64 = 999_999_999_999;

    /// Checks that the amount is from 1 to [`MAX_MINOR`](Self::MAX_MINOR).
    ///
    /// # Errors
    /// [`InvalidAmount`]
    pub const fn check_payable(self) -> Result<(), InvalidAmount> {
        match self.amount_minor {
            1..=Self::MAX_MINOR => Ok(()),
            _ => Err(InvalidAmount),
        }
    }

    /// Zero in a currency.
    pub const fn zero(currency: Currency) -> Self {
        Self {
            amount_minor: 0,
            currency,
        }
    }

    /// Adds two amounts.
    ///
    /// # Errors
    /// If the currencies differ, or the sum overflows.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::CurrencyMismatch);
        }
        let sum = self.amount_minor.checked_add(other.amount_minor);
        self.with_amount(sum)
    }

    /// The price of `quantity` units at this price each.
    ///
    /// # Errors
    /// If the product overflows.
    pub fn checked_mul(self, quantity: i32) -> Result<Self, MoneyError> {
        self.with_amount(self.amount_minor.checked_mul(i64::from(quantity)))
    }

    fn with_amount(self, amount: Option<i64>) -> Result<Self, MoneyError> {
        let amount_minor = amount.ok_or(MoneyError::Overflow)?;
        Ok(Self {
            amount_minor,
            ..self
        })
    }
}

/// In major units, as people write amounts: `20.00 USD`, `2000 JPY`, `-2.000 KWD`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (decimals, minor) = (self.currency.exponent(), self.amount_minor.unsigned_abs());
        let sign = if self.amount_minor < 0 { "-" } else { "" };
        let unit = 10_u64.pow(decimals.into());
        match decimals {
            0 => write!(f, "{sign}{minor} {}", self.currency),
            _ => {
                let (whole, rest) = (minor / unit, minor % unit);
                write!(
                    f,
                    "{sign}{whole}.{rest:0width$} {}",
                    self.currency,
                    width = decimals.into()
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(amount_minor: i64) -> Money {
        Money {
            amount_minor,
            currency: Currency::parse("USD").unwrap(),
        }
    }

    #[test]
    fn an_amount_is_written_with_the_decimals_of_its_currency() {
        for (amount_minor, currency, written) in [
            (2000, "USD", "20.00 USD"),
            (5, "USD", "0.05 USD"),
            (-1, "EUR", "-0.01 EUR"),
            (-150, "EUR", "-1.50 EUR"),
            (2000, "JPY", "2000 JPY"),
            (2000, "KWD", "2.000 KWD"),
            (0, "KWD", "0.000 KWD"),
            (i64::MIN, "USD", "-92233720368547758.08 USD"),
        ] {
            let currency = Currency::parse(currency).unwrap();
            let money = Money {
                amount_minor,
                currency,
            };
            assert_eq!(money.to_string(), written);
        }
    }

    #[test]
    fn a_payable_amount_is_positive_and_limited() {
        for (amount, payable) in [
            (0, false),
            (-1, false),
            (1, true),
            (Money::MAX_MINOR, true),
            (Money::MAX_MINOR + 1, false),
        ] {
            assert_eq!(usd(amount).check_payable().is_ok(), payable, "{amount}");
        }
    }

    #[test]
    fn sums_that_overflow_or_mix_currencies_are_refused() {
        let eur = Money {
            currency: Currency::parse("EUR").unwrap(),
            ..usd(1)
        };
        assert_eq!(usd(2).checked_add(usd(3)), Ok(usd(5)));
        assert_eq!(usd(2).checked_add(eur), Err(MoneyError::CurrencyMismatch));
        assert_eq!(usd(i64::MAX).checked_add(usd(1)), Err(MoneyError::Overflow));
        assert_eq!(usd(i64::MAX).checked_mul(2), Err(MoneyError::Overflow));
    }
}
