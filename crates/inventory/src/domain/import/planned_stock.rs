//! What a row of stock means for the level that it is about.

use crate::domain::allocation::LevelKey;
use crate::domain::import::StockMode;
use crate::domain::import::rejection::{Rejection, RejectionCode};
use crate::domain::stock_change::PlannedMovement;
use crate::domain::stock_level::{LevelCounts, MAX_ON_HAND};
use crate::domain::stock_movement::MovementKind;

/// So many pieces on a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PlannedStock {
    pub(crate) level: LevelKey,
    pub(crate) line: i32,
    /// 0 to [`MAX_ON_HAND`].
    pub(crate) quantity: i32,
}

/// What has to be moved on the locked level; nothing where it is as the row says.
pub(crate) fn movement_of(
    row: &PlannedStock,
    mode: StockMode,
    counts: LevelCounts,
) -> Result<Option<PlannedMovement>, Rejection> {
    let (kind, quantity) = match mode {
        StockMode::Set => (MovementKind::Adjustment, row.quantity - counts.on_hand),
        StockMode::Receive => (MovementKind::Receipt, row.quantity),
    };
    if counts.removable() + quantity < 0 {
        // Without the quantity: whoever imports stock may not be allowed to read it.
        let reason = "orders hold more units than that";
        let code = RejectionCode::BelowReserved;
        return Err(Rejection::new(row.line, code, reason));
    }
    if counts.on_hand > MAX_ON_HAND - quantity {
        let reason = format!("there would be more than {MAX_ON_HAND} pieces");
        let code = RejectionCode::TooMuchStock;
        return Err(Rejection::new(row.line, code, reason));
    }
    let movement = PlannedMovement {
        level: row.level,
        kind,
        quantity,
    };
    Ok((quantity != 0).then_some(movement))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn moved(
        mode: StockMode,
        quantity: i32,
        on_hand: i32,
        reserved: i32,
    ) -> Result<i32, RejectionCode> {
        let row = PlannedStock {
            level: (Uuid::from_u128(1).into(), Uuid::from_u128(2).into()),
            line: 7,
            quantity,
        };
        let counts = LevelCounts {
            on_hand,
            reserved,
            safety_stock: 1000,
        };
        let movement = movement_of(&row, mode, counts).map_err(|rejection| rejection.code)?;
        Ok(movement.map_or(0, |movement| movement.quantity))
    }

    #[test]
    fn a_count_moves_the_difference_and_a_receipt_all_of_it() {
        use StockMode::{Receive, Set};
        assert_eq!(moved(Set, 5, 0, 0), Ok(5));
        assert_eq!(moved(Set, 5, 9, 0), Ok(-4));
        assert_eq!(moved(Set, 5, 5, 5), Ok(0));
        assert_eq!(moved(Set, MAX_ON_HAND, MAX_ON_HAND, 0), Ok(0));
        assert_eq!(moved(Receive, 5, 9, 9), Ok(5));
        assert_eq!(moved(Receive, 0, 9, 9), Ok(0));
    }

    #[test]
    fn what_orders_hold_stays_and_a_shelf_has_a_limit() {
        let below = Err(RejectionCode::BelowReserved);
        assert_eq!(moved(StockMode::Set, 2, 9, 3), below);
        assert_eq!(moved(StockMode::Set, 3, 9, 3), Ok(-6));
        let too_much = Err(RejectionCode::TooMuchStock);
        assert_eq!(moved(StockMode::Receive, 1, MAX_ON_HAND, 0), too_much);
        assert_eq!(
            moved(StockMode::Receive, MAX_ON_HAND, 0, 0),
            Ok(MAX_ON_HAND)
        );
    }
}
