//! JSON with stricter or more lenient rules than serde's: whole numbers may be written in any notation, an array is
//! never an object, and a blank text counts as absent where a value is optional.

use std::fmt;

use oms_errors::FieldError;
use serde::de::value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{
    self, Deserialize, DeserializeOwned, Deserializer, Expected, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, Visitor,
};
use serde_json::{Error, Number};

use crate::text::is_blank;

mod field_error;

pub use field_error::member_of;

/// Largest magnitude up to which every whole number has an exact double.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// Why a text could not be read as JSON of some type.
#[derive(Debug)]
pub enum InvalidJson {
    /// The text is not JSON.
    Syntax(Error),
    /// A member has a wrong value. The value is not repeated, because it may be a card number.
    Member(FieldError),
}

/// Parses a value from UTF-8 JSON, which may begin with a byte order mark.
///
/// # Errors
/// [`InvalidJson`], which names the invalid member.
pub fn from_slice<T: DeserializeOwned>(text: &[u8]) -> Result<T, InvalidJson> {
    let tree: Tree = serde_json::from_slice(without_mark(text)).map_err(InvalidJson::Syntax)?;
    serde_path_to_error::deserialize(tree)
        .map_err(|error| InvalidJson::Member(field_error::of(&error)))
}

/// The body without the byte order mark that some programs put before it.
pub fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text)
}

/// Reads an optional boolean that defaults to `false`, also if it is blank or null.
///
/// # Errors
/// If it is anything other than `true`, `false`, null or blank.
pub fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Option::<bool>::deserialize(deserializer)?.unwrap_or_default())
}

/// Reads an optional object. A blank text does not count as absent here: where absence means *more*, such as a full
/// refund, it must not happen by accident.
///
/// # Errors
/// If it is neither an object nor null.
pub fn object_or_null<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct ObjectOrNull<T>(std::marker::PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectOrNull<T> {
        type Value = Option<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_unit<E: de::Error>(self) -> Result<Option<T>, E> {
            Ok(None)
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Option<T>, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map)).map(Some)
        }
    }

    deserializer.deserialize_any(ObjectOrNull(std::marker::PhantomData))
}

/// A JSON value with its members in their order, including duplicates, so that types can refuse them.
enum Tree {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    Array(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

impl Tree {
    fn unexpected(&self) -> Unexpected<'_> {
        match self {
            Self::Null => Unexpected::Unit,
            Self::Bool(value) => Unexpected::Bool(*value),
            Self::Number(_) => Unexpected::Other("number"),
            Self::Text(text) => Unexpected::Str(text),
            Self::Array(_) => Unexpected::Seq,
            Self::Object(_) => Unexpected::Map,
        }
    }

    fn refuse<T>(&self, wanted: &dyn Expected) -> Result<T, Error> {
        Err(de::Error::invalid_type(self.unexpected(), wanted))
    }

    fn visit_whole<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self {
            Self::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
                Some(value) if value.fract() == 0.0 && value.abs() <= MAX_EXACT =>
                {
                    #[expect(clippy::cast_possible_truncation, reason = "it is whole and in range")]
                    visitor.visit_i64(value as i64)
                }
                _ => self.deserialize_any(visitor),
            },
            _ => self.deserialize_any(visitor),
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Tree;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }

            fn visit_unit<E>(self) -> Result<Tree, E> {
                Ok(Tree::Null)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
                Ok(Tree::Bool(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
                Ok(Tree::Number(value.into()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
                Ok(Tree::Number(value.into()))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Tree, E> {
                // Adding zero turns negative zero, which is the same number in another notation, into zero.
                let number = Number::from_f64(value + 0.0);
                number
                    .map(Tree::Number)
                    .ok_or_else(|| E::custom("must be a number"))
            }

            fn visit_str<E>(self, text: &str) -> Result<Tree, E> {
                Ok(Tree::Text(text.to_owned()))
            }

            fn visit_string<E>(self, text: String) -> Result<Tree, E> {
                Ok(Tree::Text(text))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Tree, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = array.next_element()? {
                    values.push(value);
                }
                Ok(Tree::Array(values))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Tree, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = object.next_entry()? {
                    members.push(member);
                }
                Ok(Tree::Object(members))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

macro_rules! whole_numbers {
    ($($method:ident)+) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.visit_whole(visitor)
        })+
    };
}

impl<'de> Deserializer<'de> for Tree {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Null => visitor.visit_unit(),
            Self::Bool(value) => visitor.visit_bool(value),
            Self::Number(number) => number.deserialize_any(visitor),
            Self::Text(text) => visitor.visit_string(text),
            Self::Array(values) => {
                let mut values = SeqDeserializer::new(values.into_iter());
                let read = visitor.visit_seq(&mut values)?;
                values.end().map(|()| read)
            }
            Self::Object(members) => {
                let mut members = MapDeserializer::new(members.into_iter());
                let read = visitor.visit_map(&mut members)?;
                members.end().map(|()| read)
            }
        }
    }

    whole_numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self {
            Self::Null => visitor.visit_none(),
            Self::Text(text) if is_blank(text) => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self {
            // serde would also read a struct from an array of its field values.
            Self::Array(_) => self.refuse(&visitor),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self {
            Self::Text(text) => {
                let text: de::value::StringDeserializer<Error> = text.into_deserializer();
                text.deserialize_enum(name, variants, visitor)
            }
            Self::Object(members) => {
                let members = MapDeserializer::new(members.into_iter());
                MapAccessDeserializer::new(members).deserialize_enum(name, variants, visitor)
            }
            _ => self.refuse(&visitor),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

impl IntoDeserializer<'_, Error> for Tree {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests;
