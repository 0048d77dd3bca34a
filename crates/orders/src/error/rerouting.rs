//! Why units can't go to another warehouse.

use oms_errors::Problem;
use oms_fulfilment::FulfilmentError;
use oms_inventory::{InventoryError, MoveError, Unavailable};
use serde_json::json;

use super::{
    LockError, NO_OTHER_WAREHOUSE, NOT_AVAILABLE_THERE, OrderError, SAME_WAREHOUSE, ShippingError,
};

/// Why units can't go to another warehouse.
#[derive(Debug, thiserror::Error)]
pub enum ReroutingError {
    /// The order, the fulfilment order or the database does not allow it.
    #[error(transparent)]
    Shipping(#[from] ShippingError),
    /// A warehouse can't be closed or opened.
    #[error(transparent)]
    Inventory(InventoryError),
    /// The named warehouse has too few available units.
    #[error("these units are not available there: {0:?}")]
    NotAvailable(Vec<Unavailable>),
    /// The named warehouse has the units already.
    #[error("the units are in this warehouse")]
    SameWarehouse,
    /// No other warehouse can fill it.
    #[error("no other warehouse can fill it")]
    NoWarehouse,
    /// The stock of the warehouse that routing chose ran out before it was locked.
    #[error("the stock ran out since it was routed")]
    Stale,
}

impl LockError for ReroutingError {
    fn is_contended(&self) -> bool {
        matches!(self, Self::Shipping(error) if error.is_contended())
    }
}

impl From<OrderError> for ReroutingError {
    fn from(error: OrderError) -> Self {
        Self::Shipping(error.into())
    }
}

impl From<oms_database::DbError> for ReroutingError {
    fn from(error: oms_database::DbError) -> Self {
        OrderError::from(error).into()
    }
}

impl From<FulfilmentError> for ReroutingError {
    fn from(error: FulfilmentError) -> Self {
        Self::Shipping(error.into())
    }
}

impl From<InventoryError> for ReroutingError {
    fn from(error: InventoryError) -> Self {
        match error {
            InventoryError::Database(error) => error.into(),
            InventoryError::OutcomeUnknown(_) => OrderError::OutcomeUnknown.into(),
            error => Self::Inventory(error),
        }
    }
}

impl From<MoveError> for ReroutingError {
    fn from(error: MoveError) -> Self {
        match error {
            MoveError::Database(error) => error.into(),
            MoveError::NotReserved(_) => FulfilmentError::NotReserved.into(),
            MoveError::NotAvailable(units) => Self::NotAvailable(units),
            MoveError::Invalid | MoveError::Insufficient(_) => {
                let expectation = "units that an order holds can leave its warehouse";
                oms_database::DbError::UnexpectedState(expectation).into()
            }
        }
    }
}

impl From<ReroutingError> for Problem {
    fn from(error: ReroutingError) -> Self {
        match error {
            ReroutingError::Shipping(error) => error.into(),
            ReroutingError::Inventory(error) => error.into(),
            ReroutingError::NotAvailable(units) => {
                let unavailable = |it: &Unavailable| json!({ "productId": it.product_id, "wanted": it.wanted, "available": it.available });
                let units: Vec<_> = units.iter().map(unavailable).collect();
                Self::of(&NOT_AVAILABLE_THERE).with_extension("unavailable", units)
            }
            ReroutingError::SameWarehouse => Self::of(&SAME_WAREHOUSE),
            ReroutingError::NoWarehouse => Self::of(&NO_OTHER_WAREHOUSE),
            ReroutingError::Stale => OrderError::Contended.into(),
        }
    }
}
