//! Stock movements, the audit trail of stock.

use chrono::{DateTime, Utc};
use oms_validation::{ProductId, WarehouseId, newer_word};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::id::{MovementId, StockChangeId};

/// The reason for a movement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MovementKind {
    /// Units arrived from a supplier.
    Receipt,
    /// Units were recounted, found or lost.
    Adjustment,
    /// Units were shipped to a customer.
    Shipment,
    /// Units of a shipment that never left, so that they are back.
    ShipmentCancelled,
    /// A customer returned units.
    Return,
    /// Units arrived from another warehouse.
    TransferIn,
    /// Units left for another warehouse.
    TransferOut,
    /// Units were damaged or lost.
    WriteOff,
    /// Units were set aside. The stock on hand stays the same.
    Quarantine,
    /// Units that were set aside are for sale again. The stock on hand stays the same.
    QuarantineRelease,
    /// A value that a newer version of the program stored.
    Other(&'static str),
}

oms_validation::schema_of! {
    MovementKind,
    "Reason for the movement.",
    oms_validation::openapi::words(MovementKind::ALL.map(MovementKind::as_str))
}

impl MovementKind {
    const ALL: [Self; 10] = [
        Self::Receipt,
        Self::Adjustment,
        Self::Shipment,
        Self::ShipmentCancelled,
        Self::Return,
        Self::TransferIn,
        Self::TransferOut,
        Self::WriteOff,
        Self::Quarantine,
        Self::QuarantineRelease,
    ];

    /// Its name in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Receipt => "receipt",
            Self::Adjustment => "adjustment",
            Self::Shipment => "shipment",
            Self::ShipmentCancelled => "shipment_cancelled",
            Self::Return => "return",
            Self::TransferIn => "transfer_in",
            Self::TransferOut => "transfer_out",
            Self::WriteOff => "write_off",
            Self::Quarantine => "quarantine",
            Self::QuarantineRelease => "quarantine_release",
            Self::Other(word) => word,
        }
    }

    /// Reads a stored value, including one that a newer version of the program wrote.
    pub(crate) fn stored(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|| Self::Other(newer_word(text)))
    }

    /// Parses a name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl<'de> Deserialize<'de> for MovementKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let kind = Self::parse(&String::deserialize(deserializer)?);
        kind.ok_or_else(|| D::Error::custom("is not a kind of movement"))
    }
}

impl Serialize for MovementKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Units of a product that entered or left a warehouse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockMovement {
    /// Its ID. Later movements have higher IDs.
    pub id: MovementId,
    /// The change that it is part of. Both sides of a transfer belong to one change. `None` for stock loaded from a
    /// catalogue.
    pub change_id: Option<StockChangeId>,
    /// The warehouse.
    pub warehouse_id: WarehouseId,
    /// The product.
    pub product_id: ProductId,
    /// The kind of reason.
    pub kind: MovementKind,
    /// Units that entered the warehouse; negative for units that left.
    pub quantity: i32,
    /// Units that entered quarantine in the warehouse; negative for units that left it.
    pub quarantined: i32,
    /// The reason as text.
    pub reason: String,
    /// The actor that made it.
    pub actor: String,
    /// When it was made.
    pub occurred_at: DateTime<Utc>,
}

/// What all movements of one change of stock share.
#[derive(Clone, Copy, Debug)]
pub struct ChangeRecord<'a> {
    /// The change, such as a shipment or a receipt of a return. It makes each of its movements once.
    pub change_id: StockChangeId,
    /// The reason, 1 to 500 characters.
    pub reason: &'a str,
    /// The actor, 1 to 300 characters.
    pub actor: &'a str,
}

/// Filters of a list of movements. A movement must match all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MovementFilter {
    /// Movements of this warehouse.
    pub warehouse_id: Option<WarehouseId>,
    /// Movements of this product.
    pub product_id: Option<ProductId>,
    /// Movements of this kind.
    pub kind: Option<MovementKind>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_reads_back_as_it_is_written() {
        for kind in MovementKind::ALL {
            assert_eq!(MovementKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(MovementKind::parse("theft"), None);
    }
}
