//! Rows of a product file: a SKU, a name, and prices.

use csv::StringRecord;
use oms_validation::{Currency, Money};
use serde::Deserialize;

use crate::domain::import::rejection::RejectionCode;
use crate::domain::import::row::{Invalid, Row, complaint, object};
use crate::domain::name::{Name, Sku};
use crate::domain::product::Prices;

/// A product. Its prices replace stored ones in the same currency; prices in other currencies stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProductRow {
    pub(crate) sku: Sku,
    pub(crate) name: Name,
    pub(crate) prices: Prices,
}

/// The cells of a row. Without an amount and a currency, no price changes.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cells<'a> {
    sku: &'a str,
    name: &'a str,
    amount_minor: &'a str,
    currency: &'a str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Object {
    sku: String,
    name: String,
    prices: Option<Vec<Price>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Price {
    amount_minor: i64,
    currency: String,
}

impl Row for ProductRow {
    const COLUMNS: &'static [&'static str] = &["sku", "name", "amountMinor", "currency"];

    fn from_csv(header: &StringRecord, cells: &StringRecord) -> Result<Self, Invalid> {
        let cells: Cells<'_> = cells.deserialize(Some(header)).map_err(complaint)?;
        let prices = match (cells.amount_minor.trim(), cells.currency.trim()) {
            ("", "") => Vec::new(),
            (amount, currency) => vec![Price {
                amount_minor: amount.parse().map_err(|_| not_minor_units())?,
                currency: currency.to_owned(),
            }],
        };
        Self::new(cells.sku, cells.name, &prices)
    }

    fn from_json(text: &str) -> Result<Self, Invalid> {
        let object: Object = object(text)?;
        Self::new(
            &object.sku,
            &object.name,
            &object.prices.unwrap_or_default(),
        )
    }

    fn key(&self) -> String {
        self.sku.to_string()
    }
}

impl ProductRow {
    fn new(sku: &str, name: &str, prices: &[Price]) -> Result<Self, Invalid> {
        let sku = Sku::parse(sku)
            .map_err(|error| (RejectionCode::InvalidSku, format!("the SKU {error}")))?;
        let name = Name::parse(name)
            .map_err(|error| (RejectionCode::InvalidName, format!("the name {error}")))?;
        let prices: Vec<Money> = prices.iter().map(money).collect::<Result<_, _>>()?;
        let prices = Prices::new(prices)
            .map_err(|error| (RejectionCode::InvalidPrice, format!("the prices {error}")))?;
        Ok(Self { sku, name, prices })
    }
}

/// The error for an amount that is not a whole number.
pub(crate) fn not_minor_units() -> Invalid {
    let reason = "the amount must be a whole number of minor units, such as 6500 for 65.00 USD";
    (RejectionCode::InvalidPrice, reason.to_owned())
}

fn money(price: &Price) -> Result<Money, Invalid> {
    let currency = Currency::parse(&price.currency).map_err(|error| {
        let reason = format!("the currency {error}");
        (RejectionCode::InvalidCurrency, reason)
    })?;
    Ok(Money {
        amount_minor: price.amount_minor,
        currency,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(line: [&str; 4]) -> Result<ProductRow, RejectionCode> {
        let header = StringRecord::from(ProductRow::COLUMNS.to_vec());
        ProductRow::from_csv(&header, &StringRecord::from(line.to_vec())).map_err(|(code, _)| code)
    }

    fn json(text: &str) -> Result<ProductRow, RejectionCode> {
        ProductRow::from_json(text).map_err(|(code, _)| code)
    }

    #[test]
    fn both_formats_parse_to_the_same_row_and_the_price_is_optional() {
        let priced = r#"{"sku":"A","name":"Lamp","prices":[{"amountMinor":5,"currency":"USD"}]}"#;
        assert_eq!(csv(["A", "Lamp", "5", "USD"]), json(priced));
        let unpriced = json(r#"{"sku":"A","name":"Lamp"}"#).unwrap();
        assert_eq!(unpriced.prices.iter().count(), 0);
        assert_eq!(csv(["A", "Lamp", "", " "]), Ok(unpriced));
    }

    #[test]
    fn each_defect_of_a_row_has_its_own_code() {
        use RejectionCode::{InvalidCurrency, InvalidName, InvalidPrice, InvalidSku, Malformed};
        let long = "x".repeat(201);
        for (line, code) in [
            ([" ", "Lamp", "5", "USD"], InvalidSku),
            ([&long, "Lamp", "5", "USD"], InvalidSku),
            (["A", "", "5", "USD"], InvalidName),
            (["A", &long, "5", "USD"], InvalidName),
            (["A", "a\tb", "5", "USD"], InvalidName),
            (["A", "Lamp", "0", "USD"], InvalidPrice),
            (["A", "Lamp", "-5", "USD"], InvalidPrice),
            (["A", "Lamp", "5.00", "USD"], InvalidPrice),
            (["A", "Lamp", "", "USD"], InvalidPrice),
            (["A", "Lamp", "1000000000001", "USD"], InvalidPrice),
            (["A", "Lamp", "5", "usd"], InvalidCurrency),
            (["A", "Lamp", "5", "DOLLARS"], InvalidCurrency),
            (["A", "Lamp", "5", ""], InvalidCurrency),
            (["A", "Lamp", "5", "ZZZ"], InvalidCurrency),
        ] {
            assert_eq!(csv(line), Err(code), "{line:?}");
        }
        let price = r#"{"amountMinor":5,"currency":"USD"}"#;
        let twice = format!(r#"{{"sku":"A","name":"Lamp","prices":[{price},{price}]}}"#);
        assert_eq!(json(&twice), Err(InvalidPrice));
        for wrong in [
            r#"{"sku":"A"}"#,
            r#"{"sku":"A","name":"x","colour":1}"#,
            r#"{"sku":"A","name":"x","prices":[[5,"USD"]]}"#,
            r#"["A","x"]"#,
            "{",
        ] {
            assert_eq!(json(wrong), Err(Malformed), "{wrong}");
        }
    }
}
