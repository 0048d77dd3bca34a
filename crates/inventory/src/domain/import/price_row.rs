//! Rows of a price file: a price list, a SKU, a quantity and a price.

use csv::StringRecord;
use oms_validation::{Currency, Money, json};
use serde::Deserialize;

use crate::domain::demand::MAX_QUANTITY;
use crate::domain::import::product_row::not_minor_units;
use crate::domain::import::rejection::RejectionCode;
use crate::domain::import::row::{Invalid, Row, complaint, object};
use crate::domain::name::Sku;
use crate::domain::price_list::{PriceListCode, is_quantity};

/// The price of a product from a quantity on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PriceRow {
    pub(crate) list: PriceListCode,
    pub(crate) sku: Sku,
    pub(crate) min_quantity: i32,
    /// `None` removes the price.
    pub(crate) unit_price: Option<Money>,
}

/// The cells of a row. Without a quantity it is 1; without an amount and a currency, the price is removed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cells<'a> {
    price_list: &'a str,
    sku: &'a str,
    min_quantity: &'a str,
    amount_minor: &'a str,
    currency: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Object {
    price_list: String,
    sku: String,
    min_quantity: Option<i64>,
    /// Required, so that a forgotten price removes nothing.
    #[serde(deserialize_with = "json::object_or_null")]
    unit_price: Option<Price>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Price {
    amount_minor: i64,
    currency: String,
}

impl Row for PriceRow {
    const COLUMNS: &'static [&'static str] =
        &["priceList", "sku", "minQuantity", "amountMinor", "currency"];

    fn from_csv(header: &StringRecord, cells: &StringRecord) -> Result<Self, Invalid> {
        let cells: Cells<'_> = cells.deserialize(Some(header)).map_err(complaint)?;
        let price = match (cells.amount_minor.trim(), cells.currency.trim()) {
            ("", "") => None,
            (amount, currency) => Some(Price {
                amount_minor: amount.parse().map_err(|_| not_minor_units())?,
                currency: currency.to_owned(),
            }),
        };
        let quantity = match cells.min_quantity.trim() {
            "" => 1,
            // A cell that is not a number is reported as out of range.
            quantity => quantity.parse().unwrap_or(-1),
        };
        Self::new(cells.price_list, cells.sku, quantity, price.as_ref())
    }

    fn from_json(text: &str) -> Result<Self, Invalid> {
        let object: Object = object(text)?;
        let quantity = object.min_quantity.unwrap_or(1);
        Self::new(
            &object.price_list,
            &object.sku,
            quantity,
            object.unit_price.as_ref(),
        )
    }

    fn key(&self) -> String {
        format!("{} {} {}", self.list, self.min_quantity, self.sku)
    }
}

impl PriceRow {
    fn new(list: &str, sku: &str, quantity: i64, price: Option<&Price>) -> Result<Self, Invalid> {
        let list = PriceListCode::parse(list.trim()).map_err(|error| {
            let reason = format!("the code of the price list {error}");
            (RejectionCode::InvalidPriceList, reason)
        })?;
        let sku = Sku::parse(sku)
            .map_err(|error| (RejectionCode::InvalidSku, format!("the SKU {error}")))?;
        let min_quantity = i32::try_from(quantity).ok().filter(|it| is_quantity(*it));
        let min_quantity = min_quantity.ok_or_else(|| {
            let reason = format!("the quantity must be a whole number from 1 to {MAX_QUANTITY}");
            (RejectionCode::InvalidQuantity, reason)
        })?;
        Ok(Self {
            list,
            sku,
            min_quantity,
            unit_price: price.map(money).transpose()?,
        })
    }
}

fn money(price: &Price) -> Result<Money, Invalid> {
    let currency = Currency::parse(&price.currency).map_err(|error| {
        let reason = format!("the currency {error}");
        (RejectionCode::InvalidCurrency, reason)
    })?;
    let money = Money {
        amount_minor: price.amount_minor,
        currency,
    };
    money
        .check_payable()
        .map_err(|error| (RejectionCode::InvalidPrice, format!("the amount {error}")))?;
    Ok(money)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(line: [&str; 5]) -> Result<PriceRow, RejectionCode> {
        let header = StringRecord::from(PriceRow::COLUMNS.to_vec());
        PriceRow::from_csv(&header, &StringRecord::from(line.to_vec())).map_err(|(code, _)| code)
    }

    fn json(text: &str) -> Result<PriceRow, RejectionCode> {
        PriceRow::from_json(text).map_err(|(code, _)| code)
    }

    #[test]
    fn both_formats_parse_to_the_same_row() {
        let price = r#""unitPrice":{"amountMinor":5,"currency":"USD"}"#;
        let full = format!(r#"{{"priceList":"w","sku":"A","minQuantity":10,{price}}}"#);
        assert_eq!(csv([" w", "A ", " 10", "5", "USD"]), json(&full));
        assert!(json(&full).unwrap().unit_price.is_some());
        let short = format!(r#"{{"priceList":"w","sku":"A",{price}}}"#);
        assert_eq!(csv(["w", "A", "", "5", "USD"]), json(&short));
        assert_eq!(json(&short).unwrap().min_quantity, 1);
        let removed = json(r#"{"priceList":"w","sku":"A","minQuantity":10,"unitPrice":null}"#);
        assert_eq!(csv(["w", "A", "10", " ", ""]), removed);
        assert_eq!(removed.unwrap().unit_price, None);
    }

    #[test]
    fn each_defect_of_a_row_has_its_own_code() {
        use RejectionCode::{
            InvalidCurrency, InvalidPrice, InvalidPriceList, InvalidQuantity, InvalidSku, Malformed,
        };
        let long = "x".repeat(101);
        for (line, code) in [
            (["", "A", "1", "5", "USD"], InvalidPriceList),
            (["a b", "A", "1", "5", "USD"], InvalidPriceList),
            ([&long, "A", "1", "5", "USD"], InvalidPriceList),
            (["w", "", "1", "5", "USD"], InvalidSku),
            (["w", &long, "1", "5", "USD"], InvalidSku),
            (["w", "A", "0", "5", "USD"], InvalidQuantity),
            (["w", "A", "1000001", "5", "USD"], InvalidQuantity),
            (["w", "A", "1.5", "5", "USD"], InvalidQuantity),
            (["w", "A", "ten", "5", "USD"], InvalidQuantity),
            (["w", "A", "1", "0", "USD"], InvalidPrice),
            (["w", "A", "1", "-5", "USD"], InvalidPrice),
            (["w", "A", "1", "5.00", "USD"], InvalidPrice),
            (["w", "A", "1", "", "USD"], InvalidPrice),
            (["w", "A", "1", "1000000000000", "USD"], InvalidPrice),
            (["w", "A", "1", "5", "usd"], InvalidCurrency),
            (["w", "A", "1", "5", ""], InvalidCurrency),
        ] {
            assert_eq!(csv(line), Err(code), "{line:?}");
        }
        for wrong in [
            r#"{"priceList":"w","sku":"A"}"#,
            r#"{"priceList":"w","sku":"A","unitPrice":""}"#,
            r#"{"priceList":"w","sku":"A","unitPrice":5}"#,
            r#"{"priceList":"w","sku":"A","unitPrice":null,"x":1}"#,
            r#"["w","A",1,null]"#,
        ] {
            assert_eq!(json(wrong), Err(Malformed), "{wrong}");
        }
    }
}
