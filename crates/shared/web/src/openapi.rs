//! Refusals in the OpenAPI document.
//!
//! An endpoint declares its refusals with [`refusals!`](crate::refusals), using the constants that it refuses with.
//! Codes, statuses, titles and examples are derived from them.

use std::collections::BTreeMap;

use oms_errors::{Kind, Problem, ProblemType};
use serde_json::json;
use utoipa::Modify;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::header::Header;
use utoipa::openapi::schema::{AllOfBuilder, ArrayItems, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{Object, OpenApi, Ref, RefOr, Response, ResponseBuilder};

#[doc(hidden)]
pub use utoipa as reexport;

/// The media type of problems.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// The refusals of an endpoint by status. Those of `located` have a `Location` header.
pub fn refusals(
    plain: &[&ProblemType],
    located: &[&ProblemType],
) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status: BTreeMap<u16, Vec<&ProblemType>> = BTreeMap::new();
    for problem_type in plain.iter().chain(located) {
        let status = by_status.entry(problem_type.kind.status()).or_default();
        if !status.contains(problem_type) {
            status.push(problem_type);
        }
    }
    let response = |(status, types): (u16, Vec<&ProblemType>)| {
        let mut response = refusal(status, &types);
        if types.iter().any(|it| located.contains(it)) {
            response
                .headers
                .insert("Location".into(), header("Location"));
        }
        (status.to_string(), response.into())
    };
    by_status.into_iter().map(response).collect()
}

/// The codes of a response that [`refusals`] created; empty for any other response.
pub fn codes_of(response: &Response) -> Vec<&str> {
    let content = response.content.get(PROBLEM_JSON);
    let content = content.and_then(|content| match content {
        RefOr::T(content) => Some(content),
        RefOr::Ref(_) => None,
    });
    let examples = content.into_iter().flat_map(|it| it.examples.keys());
    examples.map(String::as_str).collect()
}

/// An example of a refusal, which responses refer to by its code.
pub fn example(problem_type: &'static ProblemType) -> RefOr<utoipa::openapi::example::Example> {
    let body = Problem::of(problem_type).body(Some("01a2057d-fe5d-7050-af7b-45db7b8dc4a3"));
    let example = ExampleBuilder::new().summary(problem_type.title);
    example.value(Some(body)).build().into()
}

fn refusal(status: u16, types: &[&ProblemType]) -> Response {
    let lines = types
        .iter()
        .map(|it| format!("- `{}`: {}", it.code, it.title));
    let codes: Vec<&str> = types.iter().map(|it| it.code).collect();
    let of_this_status = ObjectBuilder::new()
        .schema_type(Type::Object)
        .property(
            "status",
            ObjectBuilder::new()
                .schema_type(SchemaType::AnyValue)
                .enum_values(Some([json!(status)])),
        )
        .property("code", text_of(&codes));
    let schema = AllOfBuilder::new()
        .item(Ref::from_schema_name("Problem"))
        .item(of_this_status);
    let mut content = ContentBuilder::new().schema(Some(schema));
    for code in &codes {
        let example = Ref::new(format!("#/components/examples/{code}"));
        content = content.examples_from_iter([(*code, RefOr::Ref(example))]);
    }
    let mut response = ResponseBuilder::new()
        .description(lines.collect::<Vec<_>>().join("\n"))
        .content(PROBLEM_JSON, content.build())
        .build();
    let mut add = |name: &str| response.headers.insert(name.to_owned(), header(name));
    if types.iter().any(|it| says_when(it.kind)) {
        add("Retry-After");
    }
    if types.iter().any(|it| it.kind == Kind::Unauthorized) {
        add("WWW-Authenticate");
    }
    response
}

/// Whether at least some refusals of this kind have `Retry-After`.
fn says_when(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Conflict | Kind::TooManyRequests | Kind::Unavailable
    )
}

/// A reference to a response header by its name. The components have its description.
pub fn header(name: &str) -> RefOr<Header> {
    RefOr::Ref(Ref::new(format!("#/components/headers/{name}")))
}

fn text_of(values: &[&str]) -> Object {
    let values = values.iter().map(|value| json!(value));
    let text = ObjectBuilder::new().schema_type(Type::String);
    text.enum_values(Some(values)).build()
}

/// Replaces the item schemas that utoipa copies into page schemas by references.
#[derive(Clone, Copy, Debug)]
pub struct PagesOfNamedItems;

impl Modify for PagesOfNamedItems {
    fn modify(&self, document: &mut OpenApi) {
        let schemas = document.components.as_mut().map(|it| &mut it.schemas);
        for (name, schema) in schemas.into_iter().flatten() {
            if let Some(item) = name.strip_prefix("Page_")
                && let RefOr::T(Schema::Object(page)) = schema
                && let Some(RefOr::T(Schema::Array(items))) = page.properties.get_mut("items")
            {
                items.items = ArrayItems::RefOrSchema(Box::new(Ref::from_schema_name(item).into()));
            }
        }
    }
}

/// Declares the refusals of an endpoint, besides those that all endpoints share, as a type for `responses(…)` of
/// `utoipa::path`.
///
/// ```
/// oms_web::refusals! { Refusals: [oms_errors::INVALID_REQUEST] }
/// ```
#[macro_export]
macro_rules! refusals {
    ($name:ident: [$($plain:expr),* $(,)?] $(, with a location: [$($located:expr),* $(,)?])?) => {
        enum $name {}

        impl $crate::openapi::reexport::IntoResponses for $name {
            fn responses() -> ::std::collections::BTreeMap<
                String,
                $crate::openapi::reexport::openapi::RefOr<$crate::openapi::reexport::openapi::Response>,
            > {
                $crate::openapi::refusals(&[$(&$plain),*], &[$($(&$located),*)?])
            }
        }
    };
}
