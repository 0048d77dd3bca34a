//! The document of the API, for programs and for people. What people see is served from this program: it asks no other host for
//! anything.

use std::sync::{Arc, LazyLock};

use actix_web::http::header::{self, CacheControl, CacheDirective, ContentType};
use actix_web::web::{self, Bytes, ServiceConfig};
use actix_web::{HttpResponse, Responder};
use oms_errors::http::method_not_allowed;
use oms_errors::{Problem, ROUTE_NOT_FOUND};
use utoipa::OpenApi;
use utoipa_swagger_ui::Config;

use crate::document;

static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(document::text()));

/// Relative to this page, so that it works behind a proxy that adds a prefix.
const PAGE: &str = r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>oms API</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="icon" href="docs/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/swagger-initializer.js"></script>
</body>
</html>
"#;

/// What the page may load: nothing from elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'";

/// The endpoints of this module, as the document describes them.
#[derive(OpenApi)]
#[openapi(paths(openapi, page, file))]
pub(crate) struct DocsDocument;

oms_errors::refusals! { NoSuchFile: [ROUTE_NOT_FOUND] }

/// The routes of the documentation.
pub(crate) fn configure(config: &mut ServiceConfig) {
    for (path, route) in [
        ("/openapi.json", web::get().to(openapi)),
        ("/docs", web::get().to(page)),
        ("/docs/{file}", web::get().to(file)),
    ] {
        config.service(
            web::resource(path)
                .route(route)
                .default_service(method_not_allowed("GET")),
        );
    }
}

#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "getOpenApi",
    tag = "documentation",
    summary = "This document",
    responses((status = 200, description = "OpenAPI 3.1.", body = serde_json::Value)),
)]
async fn openapi() -> impl Responder {
    HttpResponse::Ok()
        .insert_header(ContentType::json())
        .body(DOCUMENT.clone())
}

#[utoipa::path(
    get,
    path = "/docs",
    operation_id = "getDocs",
    tag = "documentation",
    summary = "This document, to read and to try out",
    responses((status = 200, description = "A page for browsers.", body = String, content_type = "text/html")),
)]
async fn page() -> impl Responder {
    HttpResponse::Ok()
        .insert_header(ContentType::html())
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .body(PAGE)
}

/// A script, style or image of Swagger UI.
#[utoipa::path(
    get,
    path = "/docs/{file}",
    operation_id = "getDocsFile",
    tag = "documentation",
    summary = "What the page at /docs is made of",
    params(("file" = String, Path, example = "swagger-ui.css")),
    responses(
        (status = 200, description = "The file.", content(
            (String = "text/css"), (String = "text/javascript"), (String = "text/html"), (String = "image/png"),
        )),
        NoSuchFile,
    ),
)]
async fn file(name: web::Path<String>) -> Result<HttpResponse, Problem> {
    // "none": else the page would ask a validator of its makers' for a badge.
    let config = Config::from("openapi.json")
        .use_base_layout()
        .validator_url("none");
    let config = Arc::new(config);
    let found = utoipa_swagger_ui::serve(&name, config);
    let found =
        found.map_err(|error| Problem::of(&oms_errors::INTERNAL).with_source(error.to_string()))?;
    let found = found.ok_or_else(|| Problem::of(&ROUTE_NOT_FOUND))?;
    Ok(HttpResponse::Ok()
        .content_type(found.content_type)
        .insert_header(CacheControl(vec![CacheDirective::MaxAge(3600)]))
        .body(found.bytes.into_owned()))
}
