//! Request parameters as Stripe's clients send them: `application/x-www-form-urlencoded` with nested keys
//! (`metadata[order_id]=…`), in a body or in a query string. The code that reads the request must take every parameter.
//! The rest is unknown and rejected, as by Stripe.
//!
//! Never `Debug`: a card number may be among the values.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::api_error::ApiError;

/// Parameters that have not been read yet.
#[derive(Default)]
pub(crate) struct Params(BTreeMap<String, String>);

/// Metadata limits: <https://docs.stripe.com/api/metadata>.
const METADATA_KEYS: usize = 50;
const METADATA_KEY_CHARS: usize = 40;
const METADATA_VALUE_CHARS: usize = 500;

impl Params {
    /// Decodes a form. The last of several values of one key counts; `name[]` becomes `name[0]`, `name[1]` and so on.
    pub(crate) fn parse(form: &[u8]) -> Self {
        let mut values = BTreeMap::new();
        let mut lengths: BTreeMap<String, usize> = BTreeMap::new();
        for (key, value) in form_urlencoded::parse(form) {
            let key = match key.strip_suffix("[]") {
                Some(name) => {
                    let next = lengths.entry(name.to_owned()).or_default();
                    *next += 1;
                    format!("{name}[{}]", *next - 1)
                }
                None => key.into_owned(),
            };
            values.insert(key, value.into_owned());
        }
        Self(values)
    }

    /// Identifies these parameters for an idempotency key. It is a hash, so that no sent value can be read from it. The
    /// order of the parameters does not matter.
    pub(crate) fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for text in self.0.iter().flat_map(|(key, value)| [key, value]) {
            hash.update(text.len().to_le_bytes());
            hash.update(text.as_bytes());
        }
        hex::encode(hash.finalize())
    }

    /// Takes one value.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// Takes one value that must be present and not empty.
    ///
    /// # Errors
    /// 400 `parameter_missing`.
    pub(crate) fn take_required(&mut self, name: &str) -> Result<String, ApiError> {
        self.take(name)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| ApiError::missing(name))
    }

    /// Takes an integer.
    ///
    /// # Errors
    /// 400 `parameter_invalid_integer`.
    pub(crate) fn take_integer(&mut self, name: &str) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.take(name) else {
            return Ok(None);
        };
        let number = text.parse().map_err(|_| {
            ApiError::parameter(name, format!("Invalid integer: {text}"))
                .with_code("parameter_invalid_integer")
        })?;
        Ok(Some(number))
    }

    /// Takes a boolean, `false` when absent.
    ///
    /// # Errors
    /// 400 when it is neither `true` nor `false`.
    pub(crate) fn take_flag(&mut self, name: &str) -> Result<bool, ApiError> {
        match self.take(name).as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(ApiError::parameter(
                name,
                format!("Invalid boolean: {other}"),
            )),
        }
    }

    /// Takes one of several words.
    ///
    /// # Errors
    /// 400 naming the allowed words.
    pub(crate) fn take_choice(
        &mut self,
        name: &str,
        allowed: &[&str],
    ) -> Result<Option<String>, ApiError> {
        let Some(value) = self.take(name).filter(|value| !value.is_empty()) else {
            return Ok(None);
        };
        if allowed.contains(&value.as_str()) {
            return Ok(Some(value));
        }
        let allowed = allowed.join(", ");
        Err(ApiError::parameter(
            name,
            format!("Invalid {name}: must be one of {allowed}"),
        ))
    }

    /// Takes everything under `name[…]`, by the text between the outermost brackets.
    pub(crate) fn take_nested(&mut self, name: &str) -> Self {
        let prefix = format!("{name}[");
        let keys: Vec<String> = self
            .0
            .keys()
            .filter(|key| key.starts_with(&prefix))
            .cloned()
            .collect();
        let mut nested = BTreeMap::new();
        for key in keys {
            let (Some((inner, rest)), Some(value)) =
                (key[prefix.len()..].split_once(']'), self.0.remove(&key))
            else {
                continue;
            };
            nested.insert(format!("{inner}{rest}"), value);
        }
        Self(nested)
    }

    /// Takes a list, in order.
    pub(crate) fn take_list(&mut self, name: &str) -> Vec<String> {
        let mut indexed: Vec<(usize, String)> = self
            .take_nested(name)
            .0
            .into_iter()
            .map(|(index, value)| (index.parse().unwrap_or(usize::MAX), value))
            .collect();
        indexed.sort_by_key(|(index, _)| *index);
        indexed.into_iter().map(|(_, value)| value).collect()
    }

    /// Takes `metadata`.
    ///
    /// # Errors
    /// 400 when it exceeds Stripe's limits.
    pub(crate) fn take_metadata(&mut self) -> Result<BTreeMap<String, String>, ApiError> {
        let metadata = self.take_nested("metadata").0;
        let too_long = metadata.iter().any(|(key, value)| {
            key.chars().count() > METADATA_KEY_CHARS || value.chars().count() > METADATA_VALUE_CHARS
        });
        if metadata.len() > METADATA_KEYS || too_long {
            return Err(ApiError::parameter(
                "metadata",
                "Metadata can have up to 50 keys, with names up to 40 and values up to 500 \
                 characters long.",
            ));
        }
        Ok(metadata
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .collect())
    }

    /// Takes and drops parameters, including nested ones, that Stripe documents and that have no effect here.
    pub(crate) fn ignore(&mut self, names: &[&str]) {
        for name in names {
            self.take(name);
            self.take_nested(name);
        }
    }

    /// Rejects parameters that were not taken.
    ///
    /// # Errors
    /// 400 `parameter_unknown`.
    pub(crate) fn finish(self, path: &str) -> Result<(), ApiError> {
        match self.0.into_keys().next() {
            None => Ok(()),
            Some(key) => {
                let name = if path.is_empty() {
                    key
                } else {
                    format!("{path}[{key}]")
                };
                Err(
                    ApiError::parameter(&name, format!("Received unknown parameter: {name}"))
                        .with_code("parameter_unknown"),
                )
            }
        }
    }

    /// Whether nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_code(error: &ApiError) -> String {
        let body: serde_json::Value = serde_json::from_str(&error.answer().body).unwrap();
        body["error"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    #[test]
    fn nested_keys_lists_and_escapes_are_decoded() {
        let mut params = Params::parse(
            b"metadata[order_id]=o%201&metadata%5Bnote%5D=a%26b&payment_method_types[]=card\
              &payment_method_types[]=link&payment_method_data[card][number]=4242",
        );
        let metadata = params.take_metadata().unwrap();
        assert_eq!(metadata["order_id"], "o 1");
        assert_eq!(metadata["note"], "a&b");
        assert_eq!(params.take_list("payment_method_types"), ["card", "link"]);
        let mut data = params.take_nested("payment_method_data");
        assert_eq!(
            data.take_nested("card").take("number").as_deref(),
            Some("4242")
        );
        assert!(params.is_empty() && data.is_empty());
    }

    #[test]
    fn a_parameter_that_is_not_taken_is_unknown() {
        let error = Params::parse(b"amout=3").finish("").unwrap_err();
        assert_eq!(
            (error.status, error_code(&error).as_str()),
            (400, "parameter_unknown")
        );
        assert!(
            error
                .answer()
                .body
                .contains("Received unknown parameter: amout")
        );
    }

    #[test]
    fn a_fingerprint_ignores_order_and_depends_on_every_value() {
        let of = |form: &str| Params::parse(form.as_bytes()).fingerprint();
        assert_eq!(of("a=1&b=2"), of("b=2&a=1"));
        assert_ne!(of("a=1&b=2"), of("a=1&b=3"));
        assert_ne!(of("ab=c"), of("a=bc"));
    }

    #[test]
    fn an_integer_parameter_must_be_an_integer() {
        let error = Params::parse(b"amount=12.5")
            .take_integer("amount")
            .unwrap_err();
        assert_eq!(error_code(&error), "parameter_invalid_integer");
    }
}
