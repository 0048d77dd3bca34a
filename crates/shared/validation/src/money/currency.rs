//! Currencies: the codes of ISO 4217, and the number of decimals of each. What a payment gateway makes of them is the
//! business of its adapter.

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

/// Currencies without decimals: one minor unit is one unit.
const NO_DECIMALS: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF";

/// Currencies with two decimals.
const TWO_DECIMALS: &str = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD \
    CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF \
    IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN \
    NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STD STN \
    SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG";

/// Currencies with three decimals.
const THREE_DECIMALS: &str = "BHD IQD JOD KWD LYD OMR TND";

impl Currency {
    /// Parses the code of a currency that has at most three decimals, such as `USD`.
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

    /// The number of decimals: 10 to this power is the number of minor units in one unit. 2 for a stored code that ISO
    /// 4217 has withdrawn.
    pub fn exponent(self) -> u8 {
        if self.is_in(NO_DECIMALS) {
            0
        } else if self.is_in(THREE_DECIMALS) {
            3
        } else {
            2
        }
    }

    fn is_known(self) -> bool {
        [NO_DECIMALS, TWO_DECIMALS, THREE_DECIMALS]
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
        let lists = [NO_DECIMALS, TWO_DECIMALS, THREE_DECIMALS];
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
    fn the_decimals_are_those_of_iso_4217() {
        // <https://www.six-group.com/en/products-services/financial-information/data-standards.html>
        for (code, exponent) in [
            ("USD", 2),
            ("EUR", 2),
            ("HUF", 2),
            ("TWD", 2),
            ("IDR", 2),
            ("MGA", 2),
            ("MRU", 2),
            ("JPY", 0),
            ("KRW", 0),
            ("CLP", 0),
            ("ISK", 0),
            ("UGX", 0),
            ("KWD", 3),
            ("BHD", 3),
            ("TND", 3),
            ("LYD", 3),
        ] {
            assert_eq!(
                Currency::parse(code).unwrap().exponent(),
                exponent,
                "{code}"
            );
        }
        assert_eq!(Currency::parse_stored("DEM").unwrap().exponent(), 2);
    }
}
