//! Stripe's amounts, which are not always the minor units of ISO 4217. <https://docs.stripe.com/currencies>

use oms_validation::{Currency, Money};

use crate::{AmountRefusal, AmountStep};

/// The largest amount of one payment, in Stripe's units: eight digits.
/// <https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts>
const MAX: i64 = 99_999_999;

/// The largest amount in IDR: twelve digits.
const MAX_OF_IDR: i64 = 999_999_999_999;

/// How Stripe counts a currency.
#[derive(Clone, Copy)]
enum Unit {
    /// As ISO 4217 does.
    Minor,
    /// As ISO 4217 does, but the last of three decimals must be 0.
    MinorInTens,
    /// In hundredths, although ISO 4217 has no decimals.
    Hundredth,
    /// In whole units, although ISO 4217 has two decimals.
    Whole,
}

impl Unit {
    fn of(currency: Currency) -> Self {
        match currency.as_str() {
            // <https://docs.stripe.com/currencies#special-cases>
            "ISK" | "UGX" => Self::Hundredth,
            // <https://docs.stripe.com/currencies#zero-decimal>
            "MGA" => Self::Whole,
            // <https://docs.stripe.com/currencies#three-decimal>
            _ if currency.exponent() == 3 => Self::MinorInTens,
            _ => Self::Minor,
        }
    }

    /// The smallest amount that Stripe can express, in minor units.
    fn step_minor(self) -> i64 {
        match self {
            Self::Minor | Self::Hundredth => 1,
            Self::MinorInTens => 10,
            Self::Whole => 100,
        }
    }

    /// The same, in Stripe's units.
    fn step(self) -> i64 {
        match self {
            Self::Minor | Self::Whole => 1,
            Self::MinorInTens => 10,
            Self::Hundredth => 100,
        }
    }

    /// The amount in Stripe's units; `None` if it does not fit into 64 bits.
    fn count(self, amount_minor: i64) -> Option<i64> {
        match self {
            Self::Minor | Self::MinorInTens => Some(amount_minor),
            Self::Hundredth => amount_minor.checked_mul(100),
            Self::Whole => Some(amount_minor / 100),
        }
    }

    /// The amount in minor units; `None` if ISO 4217 has no unit that small, or it does not fit into 64 bits.
    fn minor(self, count: i64) -> Option<i64> {
        match self {
            Self::Minor | Self::MinorInTens => Some(count),
            Self::Hundredth if count % 100 == 0 => Some(count / 100),
            Self::Hundredth => None,
            Self::Whole => count.checked_mul(100),
        }
    }
}

/// The smallest amount in a currency that Stripe can express.
pub(super) fn step(currency: Currency) -> AmountStep {
    AmountStep::new(Unit::of(currency).step_minor())
}

/// The amount as Stripe counts it.
pub(super) fn to_stripe(amount: Money) -> Result<i64, AmountRefusal> {
    let (currency, unit) = (amount.currency, Unit::of(amount.currency));
    let step_minor = unit.step_minor();
    if amount.amount_minor % step_minor != 0 {
        return Err(AmountRefusal::Step {
            currency,
            step_minor,
        });
    }
    let max = match currency.as_str() {
        "IDR" => MAX_OF_IDR,
        _ => MAX,
    };
    let count = unit.count(amount.amount_minor);
    count
        .filter(|count| *count <= max)
        .ok_or_else(|| AmountRefusal::TooLarge {
            currency,
            max_minor: unit.minor(max - max % unit.step()).unwrap_or(max),
        })
}

/// An amount that Stripe reports, in a currency that it writes in lower case. `None` if that is no currency, or the
/// amount is none of its amounts.
pub(super) fn from_stripe(count: i64, currency: &str) -> Option<Money> {
    let currency = Currency::parse_stored(&currency.to_ascii_uppercase()).ok()?;
    Some(Money {
        amount_minor: Unit::of(currency).minor(count)?,
        currency,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn money(amount_minor: i64, code: &str) -> Money {
        Money {
            amount_minor,
            currency: Currency::parse(code).unwrap(),
        }
    }

    #[test]
    fn each_currency_is_counted_as_stripe_counts_it() {
        for (code, minor, count) in [
            ("USD", 2000, 2000),
            ("HUF", 1045, 1045),
            ("JPY", 500, 500),
            ("KRW", 500, 500),
            ("ISK", 5, 500),
            ("UGX", 5, 500),
            ("MGA", 500, 5),
            ("KWD", 5120, 5120),
            ("BHD", 10, 10),
        ] {
            let amount = money(minor, code);
            assert_eq!(to_stripe(amount), Ok(count), "{amount:?}");
            let reported = from_stripe(count, &code.to_ascii_lowercase());
            assert_eq!(reported, Some(amount));
        }
    }

    #[test]
    fn an_amount_that_stripe_can_not_express_is_refused_with_the_rule() {
        for (code, minor, rule) in [
            ("USD", 100_000_000, "at most 99999999 minor units in USD"),
            ("JPY", 100_000_000, "at most 99999999 minor units in JPY"),
            ("ISK", 1_000_000, "at most 999999 minor units in ISK"),
            (
                "MGA",
                10_000_000_000,
                "at most 9999999900 minor units in MGA",
            ),
            ("KWD", 100_000_000, "at most 99999990 minor units in KWD"),
            (
                "IDR",
                1_000_000_000_000,
                "at most 999999999999 minor units in IDR",
            ),
            ("KWD", 5124, "a multiple of 10 minor units in KWD"),
            ("MGA", 550, "a multiple of 100 minor units in MGA"),
        ] {
            let refused = to_stripe(money(minor, code)).unwrap_err().to_string();
            assert_eq!(refused, format!("must be {rule}"));
        }
        assert_eq!(to_stripe(money(99_999_999, "EUR")), Ok(99_999_999));
        assert_eq!(to_stripe(money(999_999, "UGX")), Ok(99_999_900));
        assert_eq!(
            to_stripe(money(999_999_999_999, "IDR")),
            Ok(999_999_999_999)
        );
        assert!(to_stripe(money(i64::MAX, "ISK")).is_err());
    }

    #[test]
    fn a_reported_amount_that_does_not_exist_in_its_currency_is_none() {
        assert_eq!(from_stripe(550, "isk"), None);
        assert_eq!(from_stripe(5, "dollars"), None);
        assert_eq!(from_stripe(i64::MAX, "mga"), None);
    }

    proptest! {
        #[test]
        fn an_amount_that_is_rounded_to_the_step_can_be_expressed(
            minor in 0..=999_999_i64, code in "USD|JPY|ISK|UGX|MGA|KWD|IDR"
        ) {
            let step = step(Currency::parse(&code).unwrap());
            let rounded = step.floor(minor);
            prop_assert!(to_stripe(money(rounded, &code)).is_ok());
            prop_assert!((0..100).contains(&(minor - rounded)));
            prop_assert!(step.is_nothing(minor - rounded));
        }

        #[test]
        fn what_is_sent_is_read_back(minor in 0..=Money::MAX_MINOR, code in "USD|JPY|ISK|UGX|MGA|KWD|IDR") {
            let amount = money(minor, &code);
            if let Ok(count) = to_stripe(amount) {
                prop_assert_eq!(from_stripe(count, &code.to_ascii_lowercase()), Some(amount));
            }
        }
    }
}
