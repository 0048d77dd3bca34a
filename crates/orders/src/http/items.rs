//! The items of requests.

use std::collections::HashMap;

use oms_errors::{Problem, invalid_field};
use oms_inventory::MAX_QUANTITY;
use oms_validation::{Money, ProductId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use crate::domain::line::RequestedLine;

/// A quantity of one product.
#[derive(Debug, Deserialize, Serialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = RequestedItem)]
pub(super) struct Item {
    /// Each product at most once in a request.
    #[schema(examples("11111111-1111-4111-8111-111111111111"))]
    product_id: ProductId,
    /// Number of units.
    #[schema(minimum = 1, maximum = 1000000, examples(2))]
    #[validate(range(min = 1, max = i64::from(MAX_QUANTITY), message = "must be between 1 and 1000000"))]
    quantity: i64,
    /// The unit price that the customer has seen. The order is rejected if it is not the current one.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected_unit_price: Option<Money>,
}

impl Item {
    /// The unit price that the customer has seen.
    pub(super) fn expected_unit_price(&self) -> Option<Money> {
        self.expected_unit_price
    }
}

/// Converts the items of a request to order lines, and rejects a repeated product.
pub(super) fn lines_of(items: &[Item]) -> Result<Vec<RequestedLine>, Problem> {
    let mut seen = HashMap::new();
    let mut lines = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        if let Some(first) = seen.insert(item.product_id, index) {
            let message = format!("is the same product as in items[{first}]");
            return Err(invalid_field(format!("items[{index}].productId"), message));
        }
        let quantity = i32::try_from(item.quantity)
            .map_err(|_| invalid_field(format!("items[{index}].quantity"), "is too large"))?;
        lines.push(RequestedLine {
            product_id: item.product_id,
            quantity,
        });
    }
    Ok(lines)
}
