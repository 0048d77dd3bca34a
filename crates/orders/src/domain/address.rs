//! Shipping addresses.

use std::fmt;

use oms_geocoding::{Address, InvalidAddress};
use oms_validation::Location;
use oms_validation::openapi::{READABLE_LINES, text};
use oms_validation::text::one_line;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use utoipa::ToSchema;

/// A shipping address: free text, or its parts. Never logged.
#[derive(Clone, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum ShippingAddress {
    /// As the customer wrote it.
    Text(AddressText),
    /// In parts, with coordinates if the storefront knows them.
    Parts(Box<AddressParts>),
}

/// An address or a part of one, validated as an [`Address`].
#[derive(Clone, PartialEq, Eq)]
pub struct AddressText(Address);

oms_validation::schema_of! {
    AddressText,
    "An address or a part of one. Surrounding blanks are removed, and line breaks become commas.",
    text(1..=Address::MAX_CHARACTERS, READABLE_LINES).examples(["191 Peachtree St NE, Atlanta, GA"])
}

/// The parts of an address.
#[derive(Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddressParts {
    /// Recipient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<AddressText>,
    /// Street and number.
    pub line1: AddressText,
    /// Flat, floor, building.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line2: Option<AddressText>,
    /// City.
    pub city: AddressText,
    /// State or province.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<AddressText>,
    /// Postal code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<AddressText>,
    /// Country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<AddressText>,
    /// Coordinates. Without them the address is looked up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

impl ShippingAddress {
    /// Reads a stored address. Leaves out parts that only a newer version of the program knows.
    ///
    /// # Errors
    /// If the value is not an address.
    pub(crate) fn stored(mut value: Value) -> Result<Self, serde_json::Error> {
        if let Some(parts) = value.as_object_mut() {
            parts.retain(|part, _| AddressParts::NAMES.contains(&part.as_str()));
        }
        serde_json::from_value(value)
    }

    /// The coordinates that came with the address.
    pub fn location(&self) -> Option<Location> {
        match self {
            Self::Text(_) => None,
            Self::Parts(parts) => parts.location,
        }
    }

    /// The text to look up: the address text, or the parts that give the location, joined by commas.
    ///
    /// # Errors
    /// If the parts together are longer than an address may be.
    pub(crate) fn query(&self) -> Result<Address, InvalidAddress> {
        let parts = match self {
            Self::Text(text) => return Ok(text.0.clone()),
            Self::Parts(parts) => parts,
        };
        let says_where = [
            Some(&parts.line1),
            Some(&parts.city),
            parts.region.as_ref(),
            parts.postal_code.as_ref(),
            parts.country.as_ref(),
        ];
        let texts: Vec<&str> = says_where
            .into_iter()
            .flatten()
            .map(|part| part.0.as_str())
            .collect();
        Address::new(&texts.join(", "))
    }
}

impl AddressParts {
    /// The names of all parts, as JSON has them.
    const NAMES: [&'static str; 8] = [
        "name",
        "line1",
        "line2",
        "city",
        "region",
        "postalCode",
        "country",
        "location",
    ];
}

impl fmt::Debug for ShippingAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ShippingAddress(…)")
    }
}

impl<'de> Deserialize<'de> for AddressText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Address::new(&one_line(&text))
            .map(Self)
            .map_err(Error::custom)
    }
}

impl Serialize for AddressText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

impl<'de> Deserialize<'de> for ShippingAddress {
    // By hand instead of `untagged`, which would lose the path of the invalid part.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrParts;

        impl<'de> Visitor<'de> for TextOrParts {
            type Value = ShippingAddress;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an object")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<ShippingAddress, E> {
                let deserializer = serde::de::value::StrDeserializer::new(text);
                AddressText::deserialize(deserializer).map(ShippingAddress::Text)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ShippingAddress, A::Error> {
                let parts = AddressParts::deserialize(MapAccessDeserializer::new(map))?;
                Ok(ShippingAddress::Parts(Box::new(parts)))
            }
        }

        deserializer.deserialize_any(TextOrParts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<ShippingAddress, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn text_and_parts_survive_a_round_trip() {
        let text = read(r#"" 191 Peachtree St NE, Atlanta, GA ""#).unwrap();
        assert_eq!(
            text.query().unwrap().as_str(),
            "191 Peachtree St NE, Atlanta, GA"
        );
        let json = r#"{"line1":"1 Main St","city":"Denver","region":"CO","location":{"lat":39.7,"lng":-105.0}}"#;
        let parts = read(json).unwrap();
        assert_eq!(parts.query().unwrap().as_str(), "1 Main St, Denver, CO");
        assert_eq!(parts.location(), Location::new(39.7, -105.0).ok());
        assert_eq!(serde_json::to_string(&parts).unwrap(), json);
    }

    #[test]
    fn an_address_is_one_line_of_visible_characters() {
        let lines = read(r#""1 Main St\r\nZu\u0308rich\u200b\n""#).unwrap();
        assert_eq!(lines.query().unwrap().as_str(), "1 Main St, Zürich");
        assert!(read(r#""\u200b\u202e""#).is_err());
    }

    #[test]
    fn empty_long_and_strange_addresses_are_refused() {
        let long = format!("\"{}\"", "x".repeat(501));
        for json in ["\"\"", "\"  \"", "\"a\\u0000b\"", "17", "null", "{}", &long] {
            assert!(read(json).is_err(), "{json}");
        }
        let off = r#"{"line1":"a","city":"b","location":{"lat":91,"lng":0}}"#;
        assert!(read(off).unwrap_err().contains("lat must be between"));
        assert!(read(r#"{"line1":"a","city":"b","planet":"Mars"}"#).is_err());
    }

    #[test]
    fn unknown_parts_of_a_stored_address_are_left_out() {
        let stored = serde_json::json!({"line1": "a", "city": "b", "planet": "Mars"});
        let address = ShippingAddress::stored(stored).unwrap();
        assert_eq!(
            serde_json::to_value(&address).unwrap(),
            serde_json::json!({"line1": "a", "city": "b"})
        );
        assert!(ShippingAddress::stored(serde_json::json!({"line1": "a"})).is_err());
        let all = AddressParts::NAMES.map(|name| match name {
            "location" => (name.to_owned(), serde_json::json!({"lat": 1.0, "lng": 2.0})),
            name => (name.to_owned(), "x".into()),
        });
        let all = Value::Object(all.into_iter().collect());
        let address = ShippingAddress::stored(all.clone()).unwrap();
        assert_eq!(serde_json::to_value(&address).unwrap(), all);
    }

    #[test]
    fn an_address_does_not_show_in_debug_output() {
        let address = read(r#""742 Evergreen Terrace""#).unwrap();
        assert!(!format!("{address:?}").contains("Evergreen"));
    }
}
