//! Currencies: the ISO 4217 codes, and the payable amounts of each.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An ISO 4217 alphabetic code: three upper-case letters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^[A-Z]{3}$", examples("USD"))]
pub struct Currency([u8; 3]);

/// The text is not the code of a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCurrency {
    /// The text is not three upper-case letters.
    #[error("must be an ISO 4217 code of three upper-case letters")]
    Spelling,
    /// ISO 4217 has no such currency, or nothing can be paid in it.
    #[error("must be the ISO 4217 code of a currency, such as EUR")]
    Unknown,
}

/// An amount that can't be paid in its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAmount {
    /// The amount is too small or too large.
    #[error("must be between 1 and {max} minor units in {currency}")]
    Range {
        /// The currency.
        currency: Currency,
        /// The largest amount.
        max: i64,
    },
    /// The currency has no payable unit that small.
    #[error("must be a multiple of {step} minor units in {currency}")]
    Step {
        /// The currency.
        currency: Currency,
        /// The smallest payable step, in minor units.
        step: i64,
    },
}

/// Currencies without decimals: one minor unit is one unit. MGA is included because Stripe treats it so.
/// <https://docs.stripe.com/currencies#zero-decimal>
const NO_DECIMALS: &str = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF";

/// Currencies with two decimals.
const TWO_DECIMALS: &str = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD \
    CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF \
    IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN \
    NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STD STN \
    SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG";

/// Currencies without decimals whose amounts are still given with two, always 00: to charge 5 ISK, the amount is 500.
/// <https://docs.stripe.com/currencies#special-cases>
const TWO_DECIMALS_ALWAYS_ZERO: &str = "ISK UGX";

/// Currencies with three decimals, of which the last must be 0.
/// <https://docs.stripe.com/currencies#three-decimal>
const THREE_DECIMALS: &str = "BHD IQD JOD KWD LYD OMR TND";

/// The maximum payable amount in minor units: eight digits.
/// <https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts>
const MAX_MINOR: i64 = 99_999_999;

/// The maximum for IDR: twelve digits.
const MAX_MINOR_OF_IDR: i64 = 999_999_999_999;

impl Currency {
    /// Parses the code of a currency in which payments are possible, such as `USD`.
    ///
    /// # Errors
    /// If it is not three upper-case letters, or not an ISO 4217 currency with at most three decimals.
    pub fn parse(text: &str) -> Result<Self, InvalidCurrency> {
        let currency = Self::parse_stored(text)?;
        match currency.is_known() {
            true => Ok(currency),
            false => Err(InvalidCurrency::Unknown),
        }
    }

    /// Parses a code that is already stored, by oms or by a gateway, even if ISO 4217 has withdrawn it.
    ///
    /// # Errors
    /// If it is not three upper-case letters.
    pub fn parse_stored(text: &str) -> Result<Self, InvalidCurrency> {
        match <[u8; 3]>::try_from(text.as_bytes()) {
            Ok(letters) if letters.iter().all(u8::is_ascii_uppercase) => Ok(Self(letters)),
            _ => Err(InvalidCurrency::Spelling),
        }
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("only ASCII letters are accepted")
    }

    /// The step of payable amounts, in minor units.
    pub fn step_minor(self) -> i64 {
        if self.is_in(THREE_DECIMALS) {
            10
        } else if self.is_in(TWO_DECIMALS_ALWAYS_ZERO) {
            100
        } else {
            1
        }
    }

    /// The maximum amount of one payment, in minor units.
    pub fn max_minor(self) -> i64 {
        match self.as_str() {
            "IDR" => MAX_MINOR_OF_IDR,
            _ => MAX_MINOR,
        }
    }

    /// Checks that an amount can be paid in this currency.
    ///
    /// # Errors
    /// [`InvalidAmount`]
    pub fn check_amount(self, amount_minor: i64) -> Result<(), InvalidAmount> {
        let (currency, max) = (self, self.max_minor());
        match (1..=max).contains(&amount_minor) {
            true => self.check_step(amount_minor),
            false => Err(InvalidAmount::Range { currency, max }),
        }
    }

    /// Checks that an amount is a multiple of this currency's step, regardless of its size.
    ///
    /// # Errors
    /// [`InvalidAmount::Step`]
    pub fn check_step(self, amount_minor: i64) -> Result<(), InvalidAmount> {
        let (currency, step) = (self, self.step_minor());
        match amount_minor % step {
            0 => Ok(()),
            _ => Err(InvalidAmount::Step { currency, step }),
        }
    }

    fn is_known(self) -> bool {
        [
            NO_DECIMALS,
            TWO_DECIMALS,
            TWO_DECIMALS_ALWAYS_ZERO,
            THREE_DECIMALS,
        ]
        .into_iter()
        .any(|codes| self.is_in(codes))
    }

    fn is_in(self, codes: &str) -> bool {
        codes
            .split_ascii_whitespace()
            .any(|code| code == self.as_str())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for Currency {
    type Error = InvalidCurrency;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_currencies_of_iso_4217_are_accepted() {
        assert_eq!(Currency::parse("EUR").unwrap().as_str(), "EUR");
        for text in ["", "usd", "US", "USDX", "U$D", "ÄÄ"] {
            let refused = Err(InvalidCurrency::Spelling);
            assert_eq!(Currency::parse(text), refused, "{text:?}");
            assert_eq!(Currency::parse_stored(text), refused, "{text:?}");
        }
        // Gold, "no currency", a test code, four decimals, a replaced code, and three that never existed.
        for text in [
            "XAU", "XXX", "XTS", "UYW", "CLF", "DEM", "ZZZ", "ABC", "USX",
        ] {
            let refused = Err(InvalidCurrency::Unknown);
            assert_eq!(Currency::parse(text), refused, "{text:?}");
            assert_eq!(Currency::parse_stored(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn no_currency_is_listed_twice() {
        let lists = [
            NO_DECIMALS,
            TWO_DECIMALS,
            TWO_DECIMALS_ALWAYS_ZERO,
            THREE_DECIMALS,
        ];
        let all: Vec<&str> = lists
            .iter()
            .flat_map(|codes| codes.split_ascii_whitespace())
            .collect();
        let mut different = all.clone();
        different.sort_unstable();
        different.dedup();
        assert_eq!(different.len(), all.len());
        for code in all {
            assert_eq!(Currency::parse(code).unwrap().as_str(), code);
        }
    }

    #[test]
    fn an_amount_follows_the_rules_of_its_currency() {
        for (code, amount, good) in [
            ("USD", 1, true),
            ("USD", 0, false),
            ("USD", -1, false),
            ("USD", 99_999_999, true),
            ("USD", 100_000_000, false),
            ("JPY", 1, true),
            ("JPY", 99_999_999, true),
            ("JPY", 100_000_000, false),
            ("IDR", 999_999_999_999, true),
            ("IDR", 1_000_000_000_000, false),
            ("KWD", 5120, true),
            ("KWD", 5124, false),
            ("BHD", 5, false),
            ("JOD", 10, true),
            ("OMR", 15, false),
            ("TND", 99_999_990, true),
            ("ISK", 500, true),
            ("ISK", 550, false),
            ("UGX", 5, false),
            ("UGX", 100, true),
            ("HUF", 1045, true),
        ] {
            let checked = Currency::parse(code).unwrap().check_amount(amount);
            assert_eq!(checked.is_ok(), good, "{amount} {code}: {checked:?}");
        }
    }

    #[test]
    fn the_error_of_an_amount_names_the_rule() {
        let refused = |code: &str, amount| {
            let checked = Currency::parse(code).unwrap().check_amount(amount);
            checked.unwrap_err().to_string()
        };
        let step = "must be a multiple of 10 minor units in KWD";
        assert_eq!(refused("KWD", 5124), step);
        let range = "must be between 1 and 99999999 minor units in EUR";
        assert_eq!(refused("EUR", 100_000_000), range);
    }
}
