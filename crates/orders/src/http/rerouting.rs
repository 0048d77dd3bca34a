//! Endpoints of units that go to another warehouse.

pub(super) mod evacuate;
pub(super) mod list_moves;
pub(super) mod move_work;
pub(super) mod reject;
mod representation;
pub(super) mod resume;
pub(super) mod stop;

use oms_inventory::SourceStock;
use serde::Deserialize;
use utoipa::ToSchema;

/// What is true of the units in the warehouse that they leave.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SourceStock)]
enum StockBody {
    /// They are there, and for sale.
    #[default]
    Keep,
    /// They are gone.
    WriteOff,
    /// They are gone, and so are all units of the products that no other order has.
    WriteOffAll,
    /// They are there, and not for sale.
    Quarantine,
}

impl From<StockBody> for SourceStock {
    fn from(stock: StockBody) -> Self {
        match stock {
            StockBody::Keep => Self::Keep,
            StockBody::WriteOff => Self::WriteOff,
            StockBody::WriteOffAll => Self::WriteOffAll,
            StockBody::Quarantine => Self::Quarantine,
        }
    }
}
