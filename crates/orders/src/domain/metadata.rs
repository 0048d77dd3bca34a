//! Metadata that clients store with their orders.

use std::collections::BTreeMap;
use std::fmt;

use oms_validation::openapi::text;
use oms_validation::text::visible;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;
use utoipa::openapi::ObjectBuilder;
use utoipa::openapi::schema::Type;

/// Maximum number of keys. All limits are Stripe's (<https://docs.stripe.com/api/metadata>).
const MAX_KEYS: usize = 50;
/// Maximum length of a key, in characters.
const MAX_KEY: usize = 40;
/// Maximum length of a value, in characters.
const MAX_VALUE: usize = 500;

/// Data that a client stores with an order for its own use: at most 50 keys of 1–40 printable characters, with values
/// of at most 500 characters. oms does not interpret it, and never logs it.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Metadata(BTreeMap<String, String>);

oms_validation::schema_of! {
    Metadata,
    "Data that the client stores with an order for its own use.",
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .max_properties(Some(MAX_KEYS))
        .property_names(Some(text(1..=MAX_KEY, r"^[^\u0000-\u001f\u007f-\u009f]*$")))
        .additional_properties(Some(text(
            0..=MAX_VALUE,
            r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$",
        )))
        .examples([json!({ "gift": "yes" })])
}

impl Metadata {
    /// Reads stored metadata without validating it: it may be older than the rule about hidden characters.
    ///
    /// # Errors
    /// If the value is not an object of strings.
    pub(crate) fn stored(value: serde_json::Value) -> Result<Self, serde_json::Error> {
        serde_json::from_value(value).map(Self)
    }

    /// Whether it has no keys.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keys and values, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Metadata({} keys)", self.0.len())
    }
}

/// A value. It has its own type so that an error names its key.
struct Value(String);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = visible(&String::deserialize(deserializer)?).into_owned();
        let unreadable = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        if text.chars().count() > MAX_VALUE || text.contains(unreadable) {
            return Err(Error::custom("must be a string of at most 500 characters"));
        }
        Ok(Self(text))
    }
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Metadata;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of strings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Metadata, A::Error> {
                let mut pairs = BTreeMap::new();
                while let Some(key) = map.next_key::<String>()? {
                    let key = visible(&key).into_owned();
                    if !(1..=MAX_KEY).contains(&key.chars().count())
                        || key.contains(char::is_control)
                    {
                        return Err(A::Error::custom(
                            "must have keys of 1 to 40 printable characters",
                        ));
                    }
                    let Value(value) = map.next_value()?;
                    if pairs.insert(key, value).is_some() {
                        return Err(A::Error::custom("must not repeat a key"));
                    }
                    if pairs.len() > MAX_KEYS {
                        return Err(A::Error::custom("must have at most 50 keys"));
                    }
                }
                Ok(Metadata(pairs))
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;

    fn read(json: &Value) -> Result<Metadata, String> {
        serde_json::from_str(&json.to_string()).map_err(|error| error.to_string())
    }

    /// Metadata with this number of keys, and keys and values of these lengths.
    fn sized(keys: usize, key: usize, value: usize) -> Value {
        let pair = |number: usize| (format!("{number:0key$}"), json!("ä".repeat(value)));
        Value::Object((0..keys).map(pair).collect::<Map<_, _>>())
    }

    #[test]
    fn metadata_reads_back_as_it_was_written() {
        for json in [
            json!({}),
            json!({ "gift": "yes", "note": "ring\ntwice", "empty": "" }),
            sized(50, 40, 500),
        ] {
            let metadata = read(&json).unwrap();
            assert_eq!(serde_json::to_value(&metadata).unwrap(), json);
            assert_eq!(metadata.is_empty(), json == json!({}));
        }
    }

    #[test]
    fn metadata_that_looks_the_same_is_the_same() {
        let hidden = read(&json!({ "no\u{200B}te": " Zoe\u{308}\u{202E} " })).unwrap();
        assert_eq!(hidden, read(&json!({ "note": " Zoë " })).unwrap());
        let twice = read(&json!({ "a": "", "a\u{200B}": "" }));
        assert!(twice.unwrap_err().contains("repeat"));
        let stored = json!({ "a": "", "a\u{200B}": "\u{202E}" });
        let read = Metadata::stored(stored.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), stored);
    }

    #[test]
    fn metadata_beyond_its_limits_is_refused() {
        for json in [
            sized(51, 40, 0),
            sized(1, 41, 0),
            sized(1, 1, 501),
            json!({ "": "x" }),
            json!({ "a\u{0}": "x" }),
            json!({ "a": "x\u{0}" }),
            json!({ "a": 1 }),
            json!({ "a": null }),
            json!({ "a": { "b": "c" } }),
            json!(["a"]),
            json!("a"),
        ] {
            assert!(read(&json).is_err(), "{json}");
        }
        let twice = serde_json::from_str::<Metadata>(r#"{"a":"1","a":"1"}"#);
        assert!(twice.unwrap_err().to_string().contains("repeat"));
    }

    #[test]
    fn metadata_does_not_show_in_debug_output() {
        let metadata = read(&json!({ "secret": "hidden" })).unwrap();
        assert_eq!(format!("{metadata:?}"), "Metadata(1 keys)");
    }
}
