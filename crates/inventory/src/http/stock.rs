//! Endpoints of stock levels, their changes, and the movements.

pub(super) mod adjust;
pub(super) mod levels;
pub(super) mod movements;
pub(super) mod quarantine;
pub(super) mod receive;
mod representation;
pub(super) mod safety_stock;
pub(super) mod transfer;

use actix_web::HttpResponse;
use oms_errors::{PRECONDITION_FAILED, Problem, invalid_field};
use oms_validation::{ProductId, Reason};
use oms_web::{CurrentOperator, CurrentTenant, Disclosure, IdempotencyKeyHeader, ProblemResponse};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::stock_change::{Direction, InvalidLines, Lines, StockChange};
use crate::error::{
    INSUFFICIENT_QUARANTINE, INSUFFICIENT_STOCK, InventoryError, insufficient, without_level,
};
use crate::http::{InventoryApi, made};
use crate::service;

/// A line of a receipt, a transfer or a change of quarantine.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = StockLine)]
struct Line {
    product_id: ProductId,
    /// Units.
    #[schema(minimum = 1, maximum = 1_000_000)]
    quantity: i64,
}

/// Checks the lines of a receipt, a transfer or a change of quarantine.
fn moved(lines: &[Line]) -> Result<Lines, Problem> {
    let pairs: Vec<(ProductId, i64)> = lines
        .iter()
        .map(|line| (line.product_id, line.quantity))
        .collect();
    lines_of(&pairs, Direction::Up)
}

fn lines_of(pairs: &[(ProductId, i64)], direction: Direction) -> Result<Lines, Problem> {
    Lines::new(pairs, direction).map_err(|error| {
        let field = match error {
            InvalidLines::Count => "lines".to_owned(),
            InvalidLines::Up(place) | InvalidLines::UpOrDown(place) => {
                format!("lines[{place}].quantity")
            }
            InvalidLines::Twice(place) => format!("lines[{place}].productId"),
        };
        invalid_field(field, error.to_string())
    })
}

/// Changes stock, and answers with the movements. An error discloses unreserved units only to callers that may read the
/// inventory.
async fn change_stock(
    api: &InventoryApi,
    CurrentTenant(tenant): CurrentTenant,
    CurrentOperator(operator): CurrentOperator,
    disclosure: Disclosure,
    IdempotencyKeyHeader(key): IdempotencyKeyHeader,
    change: StockChange,
    reason: Reason,
) -> Result<HttpResponse, ProblemResponse> {
    let changing = api.work.run(|context| async move {
        let (change, reason, operator) = (&change, &reason, &operator);
        let changed =
            service::change_stock::change_stock(&context, tenant, &key, change, reason, operator);
        changed.await.map_err(|error| refusal(error, disclosure))
    });
    let (mut response, movements) = made(changing.await?, |_| "/stock-movements".to_owned());
    Ok(response.json(representation::ChangeBody::from(movements)))
}

/// Converts the error of a change into a problem. Stock quantities are hidden from callers that may not read them.
fn refusal(error: InventoryError, disclosure: Disclosure) -> Problem {
    match error {
        InventoryError::InsufficientStock(shortfalls) if !disclosure.inventory => {
            let shortfalls = shortfalls.iter().map(without_level);
            insufficient(&INSUFFICIENT_STOCK, shortfalls.map(Value::from))
        }
        InventoryError::InsufficientQuarantine(shortfalls) if !disclosure.inventory => {
            let shortfalls = shortfalls.iter().map(without_level);
            insufficient(&INSUFFICIENT_QUARANTINE, shortfalls.map(Value::from))
        }
        // The version of a safety stock is its quantity.
        InventoryError::Changed { .. } if !disclosure.inventory => {
            Problem::of(&PRECONDITION_FAILED)
        }
        error => error.into(),
    }
}
