//! A change of stock before it is made: what it does, for the operator to confirm.

use oms_errors::{Problem, invalid_field};
use oms_inventory::{Direction, Lines, StockChange, StockLevel, Warehouse};
use oms_validation::{ProductId, WarehouseId};

use crate::display;
use crate::http::form::Form;

/// What was typed into a form.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    pub(super) kind: String,
    pub(super) units: String,
    pub(super) reason: String,
    pub(super) to: String,
}

/// What a form asks for.
pub(super) enum Wish {
    /// A change of the units on hand.
    Change(StockChange),
    /// Another safety stock instead of the one that the operator saw.
    Safety {
        /// The new one.
        units: i32,
        /// The one that the operator saw, which is its version.
        seen: i32,
    },
}

/// A change to confirm.
pub(super) struct Proposal {
    pub(super) title: String,
    pub(super) rows: Vec<Effect>,
    /// The safety stock that was seen.
    pub(super) seen: i32,
}

/// What a change does to a number.
pub(super) struct Effect {
    pub(super) label: String,
    pub(super) before: i32,
    pub(super) after: i64,
    pub(super) tone: &'static str,
}

impl Kept {
    /// Keeps what was typed.
    pub(super) fn of(form: &Form) -> Self {
        let text = |name| form.text(name).unwrap_or_default().to_owned();
        Self {
            kind: text("kind"),
            units: text("units"),
            reason: text("reason"),
            to: text("to"),
        }
    }
}

impl Wish {
    /// Whether it asks for the safety stock that a level has already.
    pub(super) fn is_so(&self, safety_stock: i32) -> bool {
        matches!(self, Self::Safety { units, .. } if *units == safety_stock)
    }
}

/// Reads a form for a level.
///
/// # Errors
/// 400 that names the field.
pub(super) fn wish(form: &Form, level: (WarehouseId, ProductId)) -> Result<Wish, Problem> {
    let units = form.required("units")?.parse::<i64>();
    let units = units.map_err(|_| invalid_field("units", "must be a whole number"))?;
    let (warehouse_id, product) = level;
    let lines = |direction| {
        let lines = Lines::new(&[(product, units)], direction);
        lines.map_err(|error| invalid_field("units", error.to_string()))
    };
    let change = match form.required("kind")? {
        "receive" => StockChange::Receive {
            warehouse_id,
            lines: lines(Direction::Up)?,
        },
        "adjust" => StockChange::Adjust {
            warehouse_id,
            lines: lines(Direction::UpOrDown)?,
        },
        "transfer" => StockChange::Transfer {
            from: warehouse_id,
            to: destination(form, warehouse_id)?,
            lines: lines(Direction::Up)?,
        },
        "safety" => {
            let seen = form.required("seen")?.parse();
            let units = i32::try_from(units).ok().filter(|units| *units >= 0);
            return Ok(Wish::Safety {
                units: units.ok_or_else(|| invalid_field("units", "must be 0 or more"))?,
                seen: seen.map_err(|_| invalid_field("seen", "must be a whole number"))?,
            });
        }
        _ => return Err(invalid_field("kind", "is not a change of stock")),
    };
    Ok(Wish::Change(change))
}

fn destination(form: &Form, from: WarehouseId) -> Result<WarehouseId, Problem> {
    let to = form.required("to")?.parse::<WarehouseId>();
    match to {
        Ok(to) if to == from => Err(invalid_field("to", "must be another warehouse")),
        Ok(to) => Ok(to),
        Err(_) => Err(invalid_field("to", "is not a warehouse")),
    }
}

/// What a form would do to a level, as it is now.
pub(super) fn proposal(
    form: &Kept,
    wish: &Wish,
    level: &StockLevel,
    warehouses: &[Warehouse],
) -> Proposal {
    let counts = level.counts;
    let here = level.warehouse_name.as_str();
    let units: i64 = form.units.parse().unwrap_or_default();
    let on_hand = |change: i64| {
        let after = i64::from(counts.on_hand) + change;
        Effect::of(format!("On hand in {here}"), counts.on_hand, after)
    };
    let count = display::units(units.abs());
    let (title, rows) = match wish {
        Wish::Change(StockChange::Transfer { to, .. }) => {
            let there = warehouses.iter().find(|warehouse| warehouse.id == *to);
            let there = there.map_or("another warehouse", |warehouse| warehouse.name.as_str());
            (
                format!("Transfer {count} to {there}"),
                vec![on_hand(-units)],
            )
        }
        Wish::Change(StockChange::Adjust { .. }) if units < 0 => {
            (format!("Remove {count}"), vec![on_hand(units)])
        }
        Wish::Change(StockChange::Adjust { .. }) => (format!("Add {count}"), vec![on_hand(units)]),
        Wish::Change(_) => (format!("Receive {count}"), vec![on_hand(units)]),
        Wish::Safety { .. } => (
            format!("Keep {count} as safety stock"),
            vec![Effect::of(
                "Safety stock".to_owned(),
                counts.safety_stock,
                units,
            )],
        ),
    };
    Proposal {
        title,
        rows,
        seen: counts.safety_stock,
    }
}

impl Effect {
    fn of(label: String, before: i32, after: i64) -> Self {
        Self {
            label,
            before,
            after,
            tone: match after < i64::from(before) {
                true => "down",
                false => "up",
            },
        }
    }
}
