//! The effect of a stock row on its stock level.

use crate::domain::allocation::LevelKey;
use crate::domain::import::StockMode;
use crate::domain::import::rejection::{Rejection, RejectionCode};
use crate::domain::stock_change::PlannedMovement;
use crate::domain::stock_level::{LevelCounts, MAX_ON_HAND};
use crate::domain::stock_movement::MovementKind;

/// A quantity for a stock level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PlannedStock {
    pub(crate) level: LevelKey,
    pub(crate) line: i32,
    /// 0 to [`MAX_ON_HAND`].
    pub(crate) quantity: i32,
}

/// Returns the movement that the row causes on the locked level, or `None` if the level already matches.
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
        // The quantity is left out, because the importing credential may lack the right to read it.
        let reason = "orders hold more units than that";
        let code = RejectionCode::BelowReserved;
        return Err(Rejection::new(row.line, code, reason));
    }
    if counts.on_hand > MAX_ON_HAND - quantity {
        let reason = format!("there would be more than {MAX_ON_HAND} units");
        let code = RejectionCode::TooMuchStock;
        return Err(Rejection::new(row.line, code, reason));
    }
    let movement = PlannedMovement {
        level: row.level,
        kind,
        quantity,
        quarantined: 0,
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
            ..LevelCounts::default()
        };
        let movement = movement_of(&row, mode, counts).map_err(|rejection| rejection.code)?;
        Ok(movement.map_or(0, |movement| movement.quantity))
    }

    #[test]
    fn a_count_moves_the_difference_and_a_receipt_the_whole_quantity() {
        use StockMode::{Receive, Set};
        assert_eq!(moved(Set, 5, 0, 0), Ok(5));
        assert_eq!(moved(Set, 5, 9, 0), Ok(-4));
        assert_eq!(moved(Set, 5, 5, 5), Ok(0));
        assert_eq!(moved(Set, MAX_ON_HAND, MAX_ON_HAND, 0), Ok(0));
        assert_eq!(moved(Receive, 5, 9, 9), Ok(5));
        assert_eq!(moved(Receive, 0, 9, 9), Ok(0));
    }

    #[test]
    fn a_row_can_not_remove_reserved_units_or_exceed_the_level_s_limit() {
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
