//! The shared parts of the document: its introduction, the credentials, the headers, and the schema of a problem.

use oms_errors::ProblemBody;
use oms_orders::http::ProblemMembers;
use oms_validation::Scope;
use oms_web::REQUEST_ID;
use serde_json::{Value, json};
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, OpenApi, RefOr};
use utoipa::{OpenApi as Document, PartialSchema, ToSchema};

use super::{example, problem_types};

pub(super) const API_KEY: &str = "apiKey";
pub(super) const TOKEN: &str = "token";
pub(super) const SIGNATURE: &str = "stripeSignature";

/// The document without its operations.
#[derive(Document)]
#[openapi(
    info(
        title = "oms",
        description = "Order management: orders are routed to the nearest warehouse that can fill them, their stock is held, and their \
            payment is collected, each exactly once.\n\nEvery error is `application/problem+json` (RFC 9457) with a stable `code`. A method that an \
            address does not support is answered 405 `request.method_not_allowed` with `Allow`. A member without a value is absent, not null, \
            except where its schema allows null. Times are RFC 3339 in UTC. Money is in whole minor units with a currency.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    tags(
        (name = "orders", description = "Placing, reading, cancelling and refunding orders."),
        (name = "inventory", description = "Warehouses, products and stock."),
        (name = "fulfilment", description = "What warehouses have to send, and what they have sent."),
        (name = "returns", description = "What customers send back, from the request to the refund."),
        (name = "events", description = "What has changed, in order: the feed of events."),
        (name = "webhook-endpoints", description = "Where events are sent, signed as Standard Webhooks says."),
        (name = "operations", description = "What an operator must settle: dead letters and findings."),
        (name = "webhooks", description = "Events that the payment gateway reports."),
        (name = "health", description = "Health checks of the process and of its database."),
        (name = "documentation", description = "The documentation of this API."),
    ),
)]
pub(super) struct Overview;

/// Adds the components that operations refer to.
pub(super) fn add_components(document: &mut OpenApi) {
    let components = document.components.get_or_insert_with(Components::new);
    let problem = ProblemBody::name().into_owned();
    components.schemas.insert(problem, problem_schema().into());
    let mut referred = Vec::new();
    ProblemBody::schemas(&mut referred);
    ProblemMembers::schemas(&mut referred);
    oms_inventory::http::ProblemMembers::schemas(&mut referred);
    oms_fulfilment::http::ProblemMembers::schemas(&mut referred);
    components.schemas.extend(referred);
    let examples = problem_types().map(|it| (it.code.to_owned(), example(it)));
    components.examples.extend(examples);
    let headers = headers().map(|(name, header)| (name.to_owned(), header.into()));
    components.headers.extend(headers);
    for (name, scheme) in security_schemes() {
        components.add_security_scheme(name, scheme);
    }
}

/// The schema of a problem, with the members that the contexts add.
fn problem_schema() -> Schema {
    let mut problem = ProblemBody::schema();
    let RefOr::T(Schema::Object(problem_fields)) = &mut problem else {
        unreachable!("structs are objects");
    };
    for members in [
        ProblemMembers::schema(),
        oms_inventory::http::ProblemMembers::schema(),
        oms_fulfilment::http::ProblemMembers::schema(),
    ] {
        let RefOr::T(Schema::Object(members)) = members else {
            unreachable!("structs are objects");
        };
        problem_fields.properties.extend(members.properties);
    }
    let scope = ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(Scope::ALL.map(Scope::as_str)))
        .description(Some(
            "The scope that the credential lacks, with `access.forbidden`.",
        ));
    problem_fields
        .properties
        .insert("scope".into(), scope.into());
    if let Some(RefOr::T(Schema::Object(code))) = problem_fields.properties.get_mut("code") {
        code.enum_values = Some(problem_types().map(|it| json!(it.code)).collect());
    }
    Schema::Object(problem_fields.clone())
}

fn security_schemes() -> [(&'static str, SecurityScheme); 3] {
    let scopes = Scope::ALL.map(|scope| format!("`{scope}`")).join(", ");
    let bearer = |format: &str, description: String| {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
        let scheme = scheme.bearer_format(format).description(Some(description));
        SecurityScheme::Http(scheme.build())
    };
    let of_stripe = ApiKeyValue::with_description(
        "Stripe-Signature",
        "An HMAC of the body and its timestamp, made with a secret of the webhook endpoint (<https://docs.stripe.com/webhooks/signature>).",
    );
    [
        (
            API_KEY,
            bearer(
                "oms_live_… or oms_test_…",
                format!("A key created with `oms-api keys create`. Scopes: {scopes}."),
            ),
        ),
        (
            TOKEN,
            bearer(
                "JWT",
                format!(
                    "A token of the configured OpenID Connect issuer. Its claim `scope` or `scp` holds the scopes: {scopes}."
                ),
            ),
        ),
        (SIGNATURE, SecurityScheme::ApiKey(ApiKey::Header(of_stripe))),
    ]
}

/// All headers of answers.
fn headers() -> impl Iterator<Item = (&'static str, Header)> {
    let rows: [(&str, &str, ObjectBuilder, Value); 9] = [
        (
            "X-Request-Id",
            "The ID of this request in the log.",
            uuid(),
            json!("01a2057d-fe5d-7050-af7b-45db7b8dc4a3"),
        ),
        (
            "RateLimit-Policy",
            "The rate limit of the credential, if it has one (draft-ietf-httpapi-ratelimit-headers).",
            text(r#"^"credential";q=[0-9]+;w=[0-9]+$"#),
            json!("\"credential\";q=10000;w=10"),
        ),
        (
            "RateLimit",
            "The remaining quota of that limit.",
            text(r#"^"credential";r=[0-9]+;t=[0-9]+$"#),
            json!("\"credential\";r=9998;t=1"),
        ),
        (
            "Retry-After",
            "Seconds to wait before the next attempt.",
            whole_number(),
            json!(2),
        ),
        (
            "Location",
            "The address of the resource.",
            text("^/(orders|warehouses|products|imports)/[0-9a-f-]{36}$|^/stock-movements$"),
            json!("/orders/01a2057d-fe6d-70bb-8eed-a7de1ae0065e"),
        ),
        (
            "ETag",
            "The version of the resource. Send it as `If-None-Match` when reading, or as `If-Match` when changing the resource.",
            text("^\"([0-9a-f]{32}|[0-9]+)\"$"),
            json!("\"0f3c2b7d9a5e4c1f8b6d0f3c2b7d9a5e\""),
        ),
        (
            "Idempotent-Replayed",
            "`true` when this response replays an earlier request.",
            text("^true$"),
            json!("true"),
        ),
        (
            "WWW-Authenticate",
            "The authentication scheme.",
            text("^Bearer$"),
            json!("Bearer"),
        ),
        (
            "Allow",
            "The methods that the address supports.",
            text("^[A-Z]+(, [A-Z]+)*$"),
            json!("GET, POST"),
        ),
    ];
    assert!(rows[0].0.eq_ignore_ascii_case(REQUEST_ID.as_str()));
    rows.into_iter()
        .map(|(name, description, schema, example)| {
            let header = HeaderBuilder::new()
                .schema(Some(schema))
                .description(Some(description));
            (name, header.example(Some(example)).build())
        })
}

fn text(pattern: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(pattern))
}

fn uuid() -> ObjectBuilder {
    text("^[0-9a-f-]{36}$")
}

fn whole_number() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1))
}
