//! Stripe's rules for currencies and their amounts: <https://docs.stripe.com/currencies>.

use crate::api_error::ApiError;

/// The currencies in which payments can be made.
const SUPPORTED: &str = "usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn \
    bzd cad cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg huf \
    idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk \
    mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos \
    srd std szl thb tjs tnd top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xof xpf yer zar zmw";

/// The largest amount: eight digits.
pub(crate) const AMOUNT_MAX: u64 = 99_999_999;

/// The largest amount in any currency, which is in IDR: twelve digits.
pub(crate) const AMOUNT_MAX_IN_ANY: u64 = 999_999_999_999;

/// Whether a payment can be made in this currency.
pub(crate) fn is_currency(text: &str) -> bool {
    SUPPORTED.split_ascii_whitespace().any(|code| code == text)
}

/// Checks that an amount can be paid in its currency.
pub(crate) fn check(amount: u64, currency: &str) -> Result<(), ApiError> {
    let max = match currency {
        "idr" => AMOUNT_MAX_IN_ANY,
        _ => AMOUNT_MAX,
    };
    if amount > max {
        let message = format!("Amount must be no more than {max} in {currency}.");
        return Err(ApiError::parameter("amount", message).with_code("amount_too_large"));
    }
    check_step(amount, currency)
}

/// Checks that an amount is a multiple of its currency's smallest payable step. The error has no code, only the
/// parameter.
pub(crate) fn check_step(amount: u64, currency: &str) -> Result<(), ApiError> {
    let step = match currency {
        "bhd" | "jod" | "kwd" | "omr" | "tnd" => 10,
        "isk" | "ugx" => 100,
        _ => 1,
    };
    if amount.is_multiple_of(step) {
        return Ok(());
    }
    let message = format!("Invalid amount: {amount} {currency} is not a multiple of {step}.");
    Err(ApiError::parameter("amount", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_follows_the_rules_of_its_currency() {
        for (amount, currency, good) in [
            (5120, "kwd", true),
            (5124, "kwd", false),
            (500, "isk", true),
            (550, "isk", false),
            (1, "jpy", true),
            (AMOUNT_MAX, "eur", true),
            (AMOUNT_MAX + 1, "eur", false),
            (AMOUNT_MAX_IN_ANY, "idr", true),
            (AMOUNT_MAX_IN_ANY + 1, "idr", false),
        ] {
            assert!(is_currency(currency));
            assert_eq!(check(amount, currency).is_ok(), good, "{amount} {currency}");
        }
        for text in ["", "zzz", "EUR", "us"] {
            assert!(!is_currency(text), "{text}");
        }
    }
}
