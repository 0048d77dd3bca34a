//! Identifiers: UUIDs of distinct types, so that they can't be confused.

use uuid::Uuid;

/// The text is not a UUID, or it is the nil UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a UUID, and not the nil UUID")]
pub struct InvalidId;

/// Parses a UUID in any of its usual notations, in upper or lower case. The nil UUID is refused.
///
/// # Errors
/// [`InvalidId`] for any other text.
pub fn parse_uuid(text: &str) -> Result<Uuid, InvalidId> {
    match Uuid::try_parse(text) {
        Ok(uuid) if !uuid.is_nil() => Ok(uuid),
        _ => Err(InvalidId),
    }
}

/// Declares an identifier type over a UUID.
#[macro_export]
macro_rules! define_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, $crate::reexport::utoipa::ToSchema)]
        #[schema(value_type = String, format = "uuid", examples("01a2057d-fe6d-70bb-8eed-a7de1ae0065e"))]
        pub struct $name($crate::reexport::uuid::Uuid);

        impl $name {
            /// Generates a new ID: a UUIDv7, so that IDs sort by creation time.
            pub fn generate() -> Self {
                Self($crate::reexport::uuid::Uuid::now_v7())
            }

            /// The ID as the database stores it.
            pub const fn as_uuid(self) -> $crate::reexport::uuid::Uuid {
                self.0
            }
        }

        impl From<$crate::reexport::uuid::Uuid> for $name {
            fn from(uuid: $crate::reexport::uuid::Uuid) -> Self {
                Self(uuid)
            }
        }

        impl $crate::CursorKey for $name {
            fn write(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $crate::CursorKey::write(&self.0, f)
            }

            fn read(text: &mut &str) -> Result<Self, $crate::InvalidCursor> {
                $crate::CursorKey::read(text).map(Self)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&self.0, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::InvalidId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::parse_uuid(text).map(Self)
            }
        }

        impl $crate::reexport::serde::Serialize for $name {
            fn serialize<S: $crate::reexport::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::reexport::serde::Serialize::serialize(&self.0, serializer)
            }
        }

        impl<'de> $crate::reexport::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::reexport::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as $crate::reexport::serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err($crate::reexport::serde::de::Error::custom)
            }
        }
    };
}

define_id! {
    /// The tenant that a row belongs to. Comes first in every key.
    TenantId
}

define_id! {
    /// An installation of oms. The metadata of its payments contains it, so that an operator can tell which
    /// installation made a charge.
    InstallationId
}

define_id! {
    /// An order. Shared, because reservations and payment attempts refer to it.
    OrderId
}

define_id! {
    // Shared, because stock, orders and shipments refer to it.
    /// A warehouse.
    WarehouseId
}

define_id! {
    // Shared, because stock, orders and shipments refer to it.
    /// A product.
    ProductId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_in_upper_case_is_the_same_id() {
        let lower: OrderId = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa".parse().unwrap();
        let upper: OrderId = "AAAAAAAA-AAAA-4AAA-8AAA-AAAAAAAAAAAA".parse().unwrap();
        assert_eq!(lower, upper);
    }

    #[test]
    fn text_that_is_not_a_uuid_and_the_nil_uuid_are_refused() {
        for text in ["", "order-1", "00000000-0000-0000-0000-000000000000"] {
            assert_eq!(text.parse::<OrderId>(), Err(InvalidId), "{text:?}");
        }
    }

    #[test]
    fn newer_ids_sort_after_older_ones() {
        let first = OrderId::generate();
        assert!(first < OrderId::generate());
    }
}
