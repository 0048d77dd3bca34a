//! Rows of a stock file: a quantity of a product in a warehouse.

use csv::StringRecord;
use oms_validation::WarehouseId;
use serde::Deserialize;

use crate::domain::import::rejection::RejectionCode;
use crate::domain::import::row::{Invalid, Row, complaint, object};
use crate::domain::name::Sku;
use crate::domain::stock_level::MAX_ON_HAND;

/// A quantity of a product in a warehouse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StockRow {
    pub(crate) sku: Sku,
    pub(crate) warehouse_id: WarehouseId,
    /// 0 to [`MAX_ON_HAND`].
    pub(crate) quantity: i32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cells<'a> {
    sku: &'a str,
    warehouse_id: &'a str,
    quantity: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Object {
    sku: String,
    warehouse_id: String,
    quantity: i64,
}

impl Row for StockRow {
    const COLUMNS: &'static [&'static str] = &["sku", "warehouseId", "quantity"];

    fn from_csv(header: &StringRecord, cells: &StringRecord) -> Result<Self, Invalid> {
        let cells: Cells<'_> = cells.deserialize(Some(header)).map_err(complaint)?;
        // A cell that is not a number is reported as out of range.
        let quantity = cells.quantity.trim().parse().unwrap_or(-1);
        Self::new(cells.sku, cells.warehouse_id, quantity)
    }

    fn from_json(text: &str) -> Result<Self, Invalid> {
        let object: Object = object(text)?;
        Self::new(&object.sku, &object.warehouse_id, object.quantity)
    }

    fn key(&self) -> String {
        format!("{} {}", self.warehouse_id, self.sku)
    }
}

impl StockRow {
    fn new(sku: &str, warehouse_id: &str, quantity: i64) -> Result<Self, Invalid> {
        let sku = Sku::parse(sku)
            .map_err(|error| (RejectionCode::InvalidSku, format!("the SKU {error}")))?;
        let warehouse_id = warehouse_id.trim().parse().map_err(|error| {
            let reason = format!("the warehouse's ID {error}");
            (RejectionCode::InvalidWarehouse, reason)
        })?;
        let in_range = i32::try_from(quantity)
            .ok()
            .filter(|quantity| (0..=MAX_ON_HAND).contains(quantity));
        let quantity = in_range.ok_or_else(|| {
            let reason = format!("the quantity must be a whole number from 0 to {MAX_ON_HAND}");
            (RejectionCode::InvalidQuantity, reason)
        })?;
        Ok(Self {
            sku,
            warehouse_id,
            quantity,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "00000001-0000-4000-8000-000000000000";

    fn csv(line: [&str; 3]) -> Result<StockRow, RejectionCode> {
        let header = StringRecord::from(StockRow::COLUMNS.to_vec());
        StockRow::from_csv(&header, &StringRecord::from(line.to_vec())).map_err(|(code, _)| code)
    }

    fn json(text: &str) -> Result<StockRow, RejectionCode> {
        StockRow::from_json(text).map_err(|(code, _)| code)
    }

    #[test]
    fn both_formats_parse_to_the_same_row() {
        let object = format!(r#"{{"warehouseId":"{ID}","sku":"A-1","quantity":5}}"#);
        let row = json(&object).unwrap();
        assert_eq!(csv(["A-1", ID, "5"]), Ok(row.clone()));
        assert_eq!(csv([" A-1", &format!(" {ID}"), " 5 "]), Ok(row));
    }

    #[test]
    fn each_defect_of_a_row_has_its_own_code() {
        use RejectionCode::{InvalidQuantity, InvalidSku, InvalidWarehouse, Malformed};
        let long = "x".repeat(101);
        for (line, code) in [
            (["", ID, "5"], InvalidSku),
            ([&long, ID, "5"], InvalidSku),
            (["A", "atlanta", "5"], InvalidWarehouse),
            (
                ["A", "00000000-0000-0000-0000-000000000000", "5"],
                InvalidWarehouse,
            ),
            (["A", ID, "-1"], InvalidQuantity),
            (["A", ID, "1.5"], InvalidQuantity),
            (["A", ID, ""], InvalidQuantity),
            (["A", ID, "many"], InvalidQuantity),
            (["A", ID, "1000000001"], InvalidQuantity),
            (["A", ID, "99999999999999999999"], InvalidQuantity),
        ] {
            assert_eq!(csv(line), Err(code), "{line:?}");
        }
        let whole = format!(r#"{{"warehouseId":"{ID}","sku":"A","quantity":5.0}}"#);
        assert_eq!(json(&whole).unwrap().quantity, 5);
        let with =
            |quantity| format!(r#"{{"sku":"A","warehouseId":"{ID}","quantity":{quantity}}}"#);
        assert_eq!(json(&with("-1")), Err(InvalidQuantity));
        let cut_off = &with("1")[..30];
        let array = format!(r#"["A","{ID}",1]"#);
        for wrong in [
            "",
            "[]",
            &array,
            cut_off,
            &with("1.5"),
            &with("\"1\""),
            &with("1,\"x\":1"),
        ] {
            assert_eq!(json(wrong), Err(Malformed), "{wrong}");
        }
        let said = |text| StockRow::from_json(text).unwrap_err().1;
        assert_eq!(said(&array), "is not a JSON object");
        assert_eq!(said(r#"{"sku":"A"}"#), "warehouseId is required");
    }
}
