//! Warehouses, for administration.

use chrono::{DateTime, Utc};
use oms_validation::{Location, WarehouseId};
use serde::Serialize;

use crate::domain::name::{AddressLine, Name};

/// A warehouse.
#[derive(Clone, Debug, PartialEq)]
pub struct Warehouse {
    /// Its ID.
    pub id: WarehouseId,
    /// Its name, unique within the tenant.
    pub name: Name,
    /// Its address, for people. `None` if unknown.
    pub address: Option<AddressLine>,
    /// Its location, for routing.
    pub location: Location,
    /// Whether routing may choose it. Deactivating it keeps the stock that orders hold in it.
    pub active: bool,
    /// Starts at 1 and increments with each change.
    pub version: i32,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

/// A warehouse to create. Without a location, its address is geocoded.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct NewWarehouse {
    /// Its name.
    pub name: Name,
    /// Its address, for people.
    pub address: Option<AddressLine>,
    /// Its location, for routing.
    pub location: Option<Location>,
    /// Whether routing may choose it.
    pub active: bool,
}

/// A change of a warehouse. Fields that are `None` stay as they are. A new address without a location is geocoded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WarehouseChange {
    /// Its new name.
    pub name: Option<Name>,
    /// Its new address.
    pub address: Option<AddressLine>,
    /// Its new location.
    pub location: Option<Location>,
    /// Whether routing may choose it.
    pub active: Option<bool>,
}

impl WarehouseChange {
    /// Whether the change is empty.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the warehouse with this change.
    pub(crate) fn applied_to(self, warehouse: Warehouse) -> Warehouse {
        Warehouse {
            name: self.name.unwrap_or(warehouse.name),
            address: self.address.or(warehouse.address),
            location: self.location.unwrap_or(warehouse.location),
            active: self.active.unwrap_or(warehouse.active),
            ..warehouse
        }
    }
}
