//! The header by which a change says what it believes to change.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::IF_MATCH;
use actix_web::{FromRequest, HttpRequest};
use oms_errors::{INVALID_HEADER, PRECONDITION_FAILED, PRECONDITION_REQUIRED, Problem};
use utoipa::IntoParams;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};

use crate::ExpectedVersion;

/// The `ETag` of a thing in its `version`.
pub fn etag(version: i32) -> (&'static str, String) {
    ("ETag", format!("\"{version}\""))
}

/// The versions that a change is for (RFC 9110, section 13.1.1). A request without the header is refused with 428. Tags that
/// are not of ours, weak ones above all, match nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IfMatch(pub ExpectedVersion);

/// The refusal of a change that is for another version than the one that there is.
pub fn version_mismatch(version: i32) -> Problem {
    let detail = "it was changed meanwhile: read it again, and send its ETag in If-Match";
    Problem::new(&PRECONDITION_FAILED, detail).with_extension("version", version)
}

impl FromRequest for IfMatch {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read(request).map(Self))
    }
}

impl IntoParams for IfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let tag = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^(\\*|\"[0-9]+\")$"))
            .examples(["\"1\""]);
        let parameter = ParameterBuilder::new()
            .name("If-Match")
            .parameter_in(ParameterIn::Header)
            .required(Required::True)
            .description(Some(
                "The `ETag` of what was read, or `*` for whatever there is.",
            ))
            .schema(Some(tag));
        vec![parameter.build()]
    }
}

fn read(request: &HttpRequest) -> Result<ExpectedVersion, Problem> {
    let invalid = || Problem::new(&INVALID_HEADER, "the header If-Match must be an ETag, or *");
    let mut tags = Vec::new();
    for value in request.headers().get_all(IF_MATCH) {
        let text = value.to_str().map_err(|_| invalid())?;
        tags.extend(text.split(',').map(str::trim));
    }
    if tags.is_empty() {
        let detail = "send the ETag of what you have read in the header If-Match";
        return Err(Problem::new(&PRECONDITION_REQUIRED, detail));
    }
    if tags == ["*"] {
        return Ok(ExpectedVersion::Any);
    }
    let is_tag = |tag: &&str| {
        let opaque = tag.strip_prefix("W/").unwrap_or(tag);
        opaque.len() >= 2 && opaque.starts_with('"') && opaque.ends_with('"')
    };
    if !tags.iter().all(is_tag) {
        return Err(invalid());
    }
    let version = |tag: &&str| tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok();
    Ok(ExpectedVersion::OneOf(
        tags.iter().filter_map(version).collect(),
    ))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn of(values: &[&str]) -> Result<ExpectedVersion, &'static str> {
        let request = values
            .iter()
            .fold(TestRequest::default(), |request, value| {
                request.append_header((IF_MATCH, *value))
            });
        read(&request.to_http_request()).map_err(|problem| problem.problem_type().code)
    }

    #[test]
    fn tags_name_versions_and_a_star_names_all() {
        assert_eq!(of(&["\"3\""]), Ok(ExpectedVersion::OneOf(vec![3])));
        assert_eq!(
            of(&["\"3\", \"4\"", "\"5\""]),
            Ok(ExpectedVersion::OneOf(vec![3, 4, 5]))
        );
        assert_eq!(of(&["*"]), Ok(ExpectedVersion::Any));
        assert!(ExpectedVersion::Any.allows(7) && ExpectedVersion::OneOf(vec![7]).allows(7));
        for foreign in ["W/\"3\"", "\"abc\"", "\"\""] {
            assert!(!of(&[foreign]).unwrap().allows(3), "{foreign}");
        }
    }

    #[test]
    fn without_the_header_a_change_is_refused_and_so_is_what_is_no_tag() {
        assert_eq!(of(&[]), Err("request.precondition_required"));
        for text in ["3", "", "\"", "*, \"3\""] {
            assert_eq!(of(&[text]), Err("request.invalid_header"), "{text:?}");
        }
    }
}
