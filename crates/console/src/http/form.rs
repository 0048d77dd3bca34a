//! The fields of a form that was sent, as the query of a `GET` or the body of a `POST`.

use std::collections::HashSet;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap};
use oms_errors::{Problem, invalid_field};
use oms_validation::{ExpectedVersion, IdempotencyKey, Reason};
use oms_web::{BodyLimits, read_body};

use super::listing::read;

/// The fields of a form, in the order in which they were sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads the form that a request sends. `None` if it sends something else, which is not read.
    ///
    /// # Errors
    /// Those of a body that is too large or too slow.
    pub(super) async fn read(
        request: &HttpRequest,
        payload: Payload,
    ) -> Result<Option<Self>, Problem> {
        if !is_form(request.headers()) {
            return Ok(None);
        }
        let body = read_body(payload, BodyLimits::of(request)).await?;
        Ok(Some(Self::parse(&body)))
    }

    /// Reads the fields of a form or a query.
    pub(crate) fn parse(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().collect())
    }

    /// The text of a field without surrounding white space; blank if it is missing.
    // In each of the many places that read a field, a copy of it would be larger than a call.
    #[inline(never)]
    pub(crate) fn value(&self, name: &str) -> &str {
        let field = self.0.iter().find(|(field, _)| field == name);
        field.map_or("", |(_, text)| text.trim())
    }

    /// The text of a field without surrounding white space. `None` if it is blank or missing.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        Some(self.value(name)).filter(|text| !text.is_empty())
    }

    /// Reads a field; blank counts as missing.
    ///
    /// # Errors
    /// 400 that names the field.
    pub(crate) fn parsed<T>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        read(name, self.value(name), parse)
    }

    /// Whether a field was sent more than once.
    pub(crate) fn repeats_a_field(&self) -> bool {
        let mut seen = HashSet::new();
        self.0.iter().any(|(name, _)| !seen.insert(name.as_str()))
    }

    /// The text of a field that must be filled in.
    ///
    /// # Errors
    /// 400 that names the field.
    #[inline(never)]
    pub(crate) fn required(&self, name: &str) -> Result<&str, Problem> {
        let text = self.text(name);
        text.ok_or_else(|| invalid_field(name, "is required"))
    }

    /// Whether a box is ticked.
    pub(crate) fn is_ticked(&self, name: &str) -> bool {
        self.text(name).is_some()
    }

    /// The fields whose name begins with a prefix, without it, that are filled in.
    pub(crate) fn fields<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        let fields = self.0.iter().filter_map(move |(name, text)| {
            let name = name.strip_prefix(prefix)?;
            Some((name, text.trim()))
        });
        fields.filter(|(_, text)| !text.is_empty())
    }

    /// The hidden idempotency key.
    ///
    /// # Errors
    /// 400 if it is missing or not valid, which no browser does by itself.
    pub(crate) fn key(&self) -> Result<IdempotencyKey, Problem> {
        let key = IdempotencyKey::parse(self.required("key")?);
        key.map_err(|error| invalid_field("key", error.to_string()))
    }

    /// The version that the operator has seen. A change of another one is refused.
    ///
    /// # Errors
    /// 400 if it is missing or not a number, which no browser does by itself.
    #[inline(never)]
    pub(crate) fn version(&self) -> Result<ExpectedVersion, Problem> {
        let version = self.required("version")?.parse();
        let version = version.map_err(|_| invalid_field("version", "must be a whole number"))?;
        Ok(ExpectedVersion::OneOf(vec![version]))
    }

    /// The reason, which is required.
    ///
    /// # Errors
    /// 400 if it is missing or not valid.
    pub(crate) fn reason(&self) -> Result<Reason, Problem> {
        oms_web::reason_of(self.required("reason")?)
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| {
        let essence = value.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> Form {
        Form::parse(text.as_bytes())
    }

    #[test]
    fn a_blank_field_counts_as_missing() {
        let form = form("a=1&b=+&reason=no+stock&line.1=2&line.2=&tick=on");
        assert_eq!(
            (form.text("a"), form.text("b"), form.text("c")),
            (Some("1"), None, None)
        );
        assert!(form.required("b").is_err() && form.required("a").is_ok());
        assert!(form.is_ticked("tick") && !form.is_ticked("b"));
        assert_eq!(form.fields("line.").collect::<Vec<_>>(), [("1", "2")]);
        assert_eq!(form.reason().unwrap().as_str(), "no stock");
    }

    #[test]
    fn a_field_that_was_sent_twice_is_found() {
        assert!(form("a=1&b=2&a=1").repeats_a_field());
        assert!(!form("a=1&b=1").repeats_a_field());
        assert!(!form("").repeats_a_field());
    }

    #[test]
    fn a_form_without_its_idempotency_key_is_refused() {
        assert!(form("a=1").key().is_err());
        assert!(form("key=%00").key().is_err());
        assert_eq!(form("key=console-1").key().unwrap().as_str(), "console-1");
    }
}
