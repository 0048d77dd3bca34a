//! Warehouses, as operators see and change them.

use chrono::{DateTime, Utc};
use oms_validation::Location;
use serde::Serialize;

use crate::WarehouseId;
use crate::domain::name::{AddressLine, Name};

/// A warehouse.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Warehouse {
    /// Its id.
    pub id: WarehouseId,
    /// Its name, unique within the tenant.
    pub name: Name,
    /// Where it is, for people. It may be unknown.
    pub address: Option<AddressLine>,
    /// Where it is, for routing.
    pub location: Location,
    /// Whether routing may choose it. What orders hold in it stays held when it is switched off.
    pub active: bool,
    /// Counts its changes, from 1.
    pub version: i32,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

/// A warehouse that shall be created. Without a location, the address is looked up.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct NewWarehouse {
    /// Its name.
    pub name: Name,
    /// Where it is, for people.
    pub address: Option<AddressLine>,
    /// Where it is, for routing.
    pub location: Option<Location>,
    /// Whether routing may choose it.
    pub active: bool,
}

/// What shall be different of a warehouse; the rest stays. A new address without a location is looked up.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct WarehouseChange {
    /// Its new name.
    pub name: Option<Name>,
    /// Its new address.
    pub address: Option<AddressLine>,
    /// Its new place.
    pub location: Option<Location>,
    /// Whether routing may choose it from now on.
    pub active: Option<bool>,
}

impl WarehouseChange {
    /// Whether nothing shall be different.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The warehouse with this change.
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
