//! The reason of a dead letter whose payment took another amount than the order's total. It is written and read only here,
//! so that what is said about the order can name the amount.

use oms_validation::{Currency, Money};

const BEFORE: &str = "the gateway charged another amount than the order's total: ";
const AFTER: &str = " in minor units";

/// Says in words that the gateway charged another amount.
pub(crate) fn in_words(charged: Money) -> String {
    let Money {
        amount_minor,
        currency,
    } = charged;
    format!("{BEFORE}{amount_minor} {currency}{AFTER}")
}

/// The amount that the gateway charged, if that is the reason.
pub(crate) fn read(reason: &str) -> Option<Money> {
    let amount = reason.strip_prefix(BEFORE)?.strip_suffix(AFTER)?;
    let (amount_minor, currency) = amount.split_once(' ')?;
    Some(Money {
        amount_minor: amount_minor.parse().ok()?,
        currency: Currency::parse(currency).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_amount_that_was_written_is_read() {
        for (amount_minor, currency) in [(999, "USD"), (1, "JPY"), (i64::MAX, "EUR")] {
            let currency = Currency::parse(currency).unwrap();
            let charged = Money {
                amount_minor,
                currency,
            };
            assert_eq!(read(&in_words(charged)), Some(charged));
        }
    }

    #[test]
    fn another_reason_has_no_amount() {
        for reason in [
            "",
            "stripe: connection refused",
            BEFORE,
            "999 USD in minor units",
        ] {
            assert_eq!(read(reason), None, "{reason}");
        }
    }
}
