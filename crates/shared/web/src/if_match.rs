//! The header `If-Match`, with which a change names the version that it is for.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::IF_MATCH;
use actix_web::{FromRequest, HttpRequest};
use oms_errors::{INVALID_HEADER, PRECONDITION_REQUIRED, Problem};
use oms_validation::ExpectedVersion;
use utoipa::IntoParams;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};

use crate::ProblemResponse;
use crate::entity_tags::EntityTags;

/// The `ETag` of a resource at this `version`.
pub fn etag(version: i32) -> (&'static str, String) {
    ("ETag", format!("\"{version}\""))
}

/// The versions that a change is for (RFC 9110, section 13.1.1). A request without the header is refused with 428. Weak
/// tags are accepted: proxies that compress answers weaken the tags in them, and a tag names a version, not the bytes
/// in which it was sent. Tags that oms did not issue match nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IfMatch(pub ExpectedVersion);

impl FromRequest for IfMatch {
    type Error = ProblemResponse;
    type Future = Ready<Result<Self, ProblemResponse>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read(request).map(Self).map_err(ProblemResponse))
    }
}

/// Like [`IfMatch`], for a change that is safe for any version: without the header, all versions are allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionalIfMatch(pub ExpectedVersion);

impl FromRequest for OptionalIfMatch {
    type Error = ProblemResponse;
    type Future = Ready<Result<Self, ProblemResponse>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        if !request.headers().contains_key(IF_MATCH) {
            return ready(Ok(Self(ExpectedVersion::Any)));
        }
        ready(read(request).map(Self).map_err(ProblemResponse))
    }
}

impl IntoParams for IfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![parameter(Required::True)]
    }
}

impl IntoParams for OptionalIfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![parameter(Required::False)]
    }
}

fn parameter(required: Required) -> Parameter {
    let tag = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some("^(\\*|(W/)?\"[0-9]+\"(, *(W/)?\"[0-9]+\")*)$"))
        .examples(["\"1\""]);
    let parameter = ParameterBuilder::new()
        .name("If-Match")
        .parameter_in(ParameterIn::Header)
        .required(required)
        .description(Some(
            "The `ETag` of the version that was read, or `*` for any version.",
        ))
        .schema(Some(tag));
    parameter.build()
}

fn read(request: &HttpRequest) -> Result<ExpectedVersion, Problem> {
    let invalid = || Problem::new(&INVALID_HEADER, "the header If-Match must be an ETag, or *");
    let values = request.headers().get_all(IF_MATCH);
    match EntityTags::read(values).ok_or_else(invalid)? {
        None => {
            let detail = "send the ETag of the version that you have read in the header If-Match";
            Err(Problem::new(&PRECONDITION_REQUIRED, detail))
        }
        Some(EntityTags::Any) => Ok(ExpectedVersion::Any),
        Some(EntityTags::OneOf(tags)) => {
            let versions = tags.iter().filter_map(|tag| tag.parse().ok());
            Ok(ExpectedVersion::OneOf(versions.collect()))
        }
    }
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
    fn a_tag_names_a_version_and_a_star_names_all() {
        assert_eq!(of(&["\"3\""]), Ok(ExpectedVersion::OneOf(vec![3])));
        assert_eq!(
            of(&["\"3\", \"4\"", "\"5\""]),
            Ok(ExpectedVersion::OneOf(vec![3, 4, 5]))
        );
        assert_eq!(of(&["*"]), Ok(ExpectedVersion::Any));
        assert!(ExpectedVersion::Any.allows(7) && ExpectedVersion::OneOf(vec![7]).allows(7));
        assert_eq!(of(&["W/\"3\""]), Ok(ExpectedVersion::OneOf(vec![3])));
        assert_eq!(
            of(&["W/\"3\",\"4\"", "\"5-gzip\""]),
            Ok(ExpectedVersion::OneOf(vec![3, 4, 5]))
        );
        for foreign in ["\"abc\"", "\"\"", "\"3,4\"", "\"3-x\""] {
            assert!(!of(&[foreign]).unwrap().allows(3), "{foreign}");
        }
    }

    #[test]
    fn a_missing_header_and_text_that_is_not_a_tag_are_refused() {
        assert_eq!(of(&[]), Err("request.precondition_required"));
        for text in [
            "3",
            "",
            "\"",
            "*, \"3\"",
            "W/3",
            "w/\"3\"",
            "\"3\" \"4\"",
            ",",
        ] {
            assert_eq!(of(&[text]), Err("request.invalid_header"), "{text:?}");
        }
    }
}
