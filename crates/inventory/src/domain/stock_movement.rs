//! Movements: the audit trail of stock.

use chrono::{DateTime, Utc};
use oms_validation::newer_word;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::id::{MovementId, StockChangeId};
use crate::{ProductId, WarehouseId};

/// Why pieces came or went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MovementKind {
    /// They came from a supplier.
    Receipt,
    /// They were counted anew, found or lost.
    Adjustment,
    /// They went to a customer.
    Shipment,
    /// They came back from a customer.
    Return,
    /// They came from another warehouse.
    TransferIn,
    /// They went to another warehouse.
    TransferOut,
    /// What a newer version of the program has stored, in its words.
    Other(&'static str),
}

oms_validation::schema_of! {
    MovementKind,
    "Why pieces came or went.",
    oms_validation::openapi::words(MovementKind::ALL.map(MovementKind::as_str))
}

impl MovementKind {
    const ALL: [Self; 6] = [
        Self::Receipt,
        Self::Adjustment,
        Self::Shipment,
        Self::Return,
        Self::TransferIn,
        Self::TransferOut,
    ];

    /// Its name in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Receipt => "receipt",
            Self::Adjustment => "adjustment",
            Self::Shipment => "shipment",
            Self::Return => "return",
            Self::TransferIn => "transfer_in",
            Self::TransferOut => "transfer_out",
            Self::Other(word) => word,
        }
    }

    /// What the database has, also where a newer version of the program wrote it.
    pub(crate) fn stored(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|| Self::Other(newer_word(text)))
    }

    /// The kind of a name.
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

/// Pieces that came to a warehouse, or went from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockMovement {
    /// Its id; later movements have higher ones.
    pub id: MovementId,
    /// What it is part of: both ends of a transfer are one change. None for what was loaded with a catalogue.
    pub change_id: Option<StockChangeId>,
    /// The warehouse.
    pub warehouse_id: WarehouseId,
    /// The product.
    pub product_id: ProductId,
    /// Why.
    pub kind: MovementKind,
    /// How many came; below zero, how many went.
    pub quantity: i32,
    /// Why, in words.
    pub reason: String,
    /// Who did it.
    pub actor: String,
    /// When.
    pub occurred_at: DateTime<Utc>,
}

/// Which movements a list shall have; all of it has to hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MovementFilter {
    /// Those of this warehouse.
    pub warehouse_id: Option<WarehouseId>,
    /// Those of this product.
    pub product_id: Option<ProductId>,
    /// Those of this kind.
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
