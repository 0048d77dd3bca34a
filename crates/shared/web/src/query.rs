//! The parameters of a query string, read into the struct that documents them.

use std::fmt::{self, Display};
use std::future::{Ready, ready};
use std::vec;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use oms_errors::{Problem, invalid_field};
use oms_validation::text::is_blank;
use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, Visitor,
};

use crate::ProblemResponse;

/// The parameters of a query string. Each may be given once. A blank parameter counts as absent, because forms send all
/// of their fields. The fields of `T` are the known parameters, and their types determine how values are read.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> Query<T> {
    /// Parses the text after the question mark.
    ///
    /// # Errors
    /// 400 that names a parameter that is unknown, given twice, or invalid.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let pairs = web::Query::<Vec<(String, String)>>::from_query(text);
        let pairs = pairs.map_err(|_| invalid_field("query", "is not a query string"))?;
        let read = T::deserialize(Parameters(pairs.into_inner()));
        read.map(Self).map_err(Problem::from)
    }
}

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = ProblemResponse;
    type Future = Ready<Result<Self, ProblemResponse>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::parse(request.query_string()).map_err(ProblemResponse))
    }
}

/// The problem of one parameter.
#[derive(Debug)]
struct InvalidParameter {
    name: String,
    message: String,
}

impl InvalidParameter {
    fn new(name: &str, message: impl Display) -> Self {
        Self {
            name: name.to_owned(),
            message: message.to_string(),
        }
    }
}

impl Display for InvalidParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.message)
    }
}

impl std::error::Error for InvalidParameter {}

impl Error for InvalidParameter {
    /// The name is added later, where the value is read.
    fn custom<T: Display>(message: T) -> Self {
        Self::new("", message)
    }

    fn unknown_variant(_: &str, words: &'static [&'static str]) -> Self {
        Self::custom(format!("must be {}", one_of(words)))
    }

    fn missing_field(name: &'static str) -> Self {
        Self::new(name, "is required")
    }
}

impl From<InvalidParameter> for Problem {
    fn from(error: InvalidParameter) -> Self {
        invalid_field(error.name, error.message)
    }
}

fn one_of(words: &[&str]) -> String {
    match words {
        [all @ .., last] if !all.is_empty() && all.len() < 3 => {
            format!("{} or {last}", all.join(", "))
        }
        _ => format!("one of {}", words.join(", ")),
    }
}

struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// The parameters that are not blank, in the order of the fields, so that the first reported mistake does not
    /// depend on the order in the query string.
    fn of_fields(self, fields: &'static [&'static str]) -> Result<Given, InvalidParameter> {
        for (index, (name, _)) in self.0.iter().enumerate() {
            if !fields.contains(&name.as_str()) {
                return Err(InvalidParameter::new(name, "is not a known parameter"));
            }
            if self.0[..index].iter().any(|(earlier, _)| earlier == name) {
                return Err(InvalidParameter::new(name, "is given twice"));
            }
        }
        let mut pairs = self.0;
        pairs.retain(|(_, value)| !is_blank(value));
        pairs.sort_by_key(|(name, _)| fields.iter().position(|field| field == name));
        Ok(Given {
            pairs: pairs.into_iter(),
            value: None,
        })
    }
}

impl<'de> Deserializer<'de> for Parameters {
    type Error = InvalidParameter;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, InvalidParameter> {
        visitor.visit_map(self.of_fields(fields)?)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, InvalidParameter> {
        Err(Error::custom("can only be read into a struct"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

struct Given {
    pairs: vec::IntoIter<(String, String)>,
    value: Option<(String, String)>,
}

impl<'de> MapAccess<'de> for Given {
    type Error = InvalidParameter;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, InvalidParameter> {
        self.value = self.pairs.next();
        let name = self.value.as_ref().map(|(name, _)| name.as_str());
        let name = name.map(IntoDeserializer::into_deserializer);
        name.map(|name: StrDeserializer<'_, _>| seed.deserialize(name))
            .transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, InvalidParameter> {
        let (name, value) = self.value.take().expect("a value is read after its name");
        let read = seed.deserialize(Value(value));
        read.map_err(|error| InvalidParameter { name, ..error })
    }
}

/// The value of one parameter.
struct Value(String);

macro_rules! whole_numbers {
    ($($method:ident $visit:ident $type:ty)+) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InvalidParameter> {
            match self.0.parse::<$type>() {
                Ok(number) => visitor.$visit(number),
                Err(_) => Err(Error::custom("must be a whole number")),
            }
        })+
    };
}

impl<'de> Deserializer<'de> for Value {
    type Error = InvalidParameter;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InvalidParameter> {
        visitor.visit_string(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InvalidParameter> {
        visitor.visit_some(self)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InvalidParameter> {
        match self.0.parse() {
            Ok(flag) => visitor.visit_bool(flag),
            Err(_) => Err(Error::custom("must be true or false")),
        }
    }

    whole_numbers! {
        deserialize_i32 visit_i32 i32
        deserialize_i64 visit_i64 i64
        deserialize_u32 visit_u32 u32
        deserialize_u64 visit_u64 u64
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, InvalidParameter> {
        visitor.visit_enum(self.0.into_deserializer())
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, InvalidParameter> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i128 u8 u16 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use oms_validation::{OrderId, PageSize};
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Listing {
        sku: Option<String>,
        order_id: Option<OrderId>,
        active: Option<bool>,
        most: Option<u32>,
        state: Option<State>,
        #[serde(default)]
        limit: PageSize,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum State {
        Open,
        Resolved,
        All,
    }

    fn refused(text: &str) -> (String, String) {
        let body = Query::<Listing>::parse(text).unwrap_err().body(None);
        let error = &body["errors"][0];
        let text = |member: &str| error[member].as_str().unwrap().to_owned();
        (text("field"), text("message"))
    }

    #[test]
    fn an_unknown_repeated_or_invalid_parameter_is_named() {
        for (text, field, message) in [
            ("page=2", "page", "is not a known parameter"),
            ("order_id=2", "order_id", "is not a known parameter"),
            ("sku=a&sku=a", "sku", "is given twice"),
            ("sku=&sku=a", "sku", "is given twice"),
            ("sku=&sku=", "sku", "is given twice"),
            ("limit=0", "limit", "must be a whole number from 1 to 100"),
            ("limit=101", "limit", "must be a whole number from 1 to 100"),
            ("limit=x", "limit", "must be a whole number from 1 to 100"),
            ("most=-1", "most", "must be a whole number"),
            ("active=yes", "active", "must be true or false"),
            ("state=OPEN", "state", "must be open, resolved or all"),
            (
                "orderId=7",
                "orderId",
                "must be a UUID, and not the nil UUID",
            ),
        ] {
            let expected = (field.to_owned(), message.to_owned());
            assert_eq!(refused(text), expected, "{text}");
        }
    }

    #[test]
    fn of_several_mistakes_that_of_the_first_field_is_reported() {
        for text in ["active=x&limit=0", "limit=0&active=x"] {
            assert_eq!(refused(text).0, "active", "{text}");
        }
    }

    #[test]
    fn parameters_are_decoded_and_a_blank_one_counts_as_absent() {
        let query = Query::<Listing>::parse("limit=&sku=%20%E2%80%8B+").unwrap();
        assert_eq!(query.0, Listing::default());
        let query = Query::<Listing>::parse("sku=a%20b&state=all&active=true&limit=7").unwrap();
        let expected = Listing {
            sku: Some("a b".to_owned()),
            state: Some(State::All),
            active: Some(true),
            limit: PageSize::new(7).unwrap(),
            ..Listing::default()
        };
        assert_eq!(query.0, expected);
    }
}
