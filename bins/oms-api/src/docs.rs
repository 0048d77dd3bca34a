//! The documentation pages and the OpenAPI document. The program contains all of their files: a page loads nothing from
//! another host.

mod landing;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use actix_web::http::header::{self, CacheControl, CacheDirective, ContentType};
use actix_web::web::{self, Bytes, Redirect};
use actix_web::{Either, HttpResponse, Responder};
use oms_errors::{Problem, ROUTE_NOT_FOUND};
use oms_web::{Access, ProblemResponse, Route, route};
use utoipa_swagger_ui::Config;

use crate::document;

static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(document::text()));

/// Its links are relative, so that the page works behind a proxy that adds a path prefix.
const PAGE: &str = include_str!("docs/page.html");

/// The page may load files of this server only, and no inline script or style.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Relative to any address below `/docs/`.
const TO_PAGE: &str = "../docs";

/// The files of the pages that we wrote.
const OWN_FILES: [(&str, &str, &str); 2] = [
    ("index.css", "text/css", include_str!("docs/index.css")),
    ("start.js", "text/javascript", include_str!("docs/start.js")),
];

/// The files of Swagger UI that the pages load. Swagger UI's own pages are excluded, because they expect another
/// layout.
const SWAGGER_FILES: [&str; 3] = ["swagger-ui.css", "swagger-ui-bundle.js", ICON];
const ICON: &str = "favicon-32x32.png";

oms_web::refusals! { NoSuchFile: [ROUTE_NOT_FOUND] }

/// The routes of the documentation.
pub(crate) static ROUTES: &[Route] = &[
    route!(GET "/", Access::Open, landing::landing),
    route!(GET "/openapi.json", Access::Open, openapi),
    route!(GET "/docs", Access::Open, page),
    route!(GET "/docs/", Access::Open, redirect),
    route!(GET "/docs/{file}", Access::Open, file),
    route!(GET "/favicon.ico", Access::Open, icon),
];

#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "getOpenApi",
    tag = "documentation",
    summary = "Get the OpenAPI document",
    responses((status = 200, description = "The OpenAPI 3.1 document.", body = serde_json::Value)),
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
    summary = "Get the documentation page",
    responses((status = 200, description = "A page to read the API's documentation and to try requests.", body = String, content_type = "text/html")),
)]
async fn page() -> impl Responder {
    html(PAGE)
}

/// The page is at `/docs`, without a trailing slash.
#[utoipa::path(
    get,
    path = "/docs/",
    operation_id = "redirectToDocs",
    tag = "documentation",
    summary = "Redirect to the page at /docs",
    responses((status = 308, description = "The page is at `/docs`.", headers(("Location" = String, description = "Relative address of the page.")))),
)]
async fn redirect() -> impl Responder {
    to_page()
}

/// A script, style or image of the pages. `index.html`, Swagger UI's page on other servers, redirects to `/docs`.
#[utoipa::path(
    get,
    path = "/docs/{file}",
    operation_id = "getDocsFile",
    tag = "documentation",
    summary = "Get a file of the page at /docs",
    params(("file" = String, Path, example = "swagger-ui.css")),
    responses(
        (status = 200, description = "The file.", content(
            (String = "text/css"), (String = "text/javascript"), (String = "image/png"),
        )),
        NoSuchFile,
    ),
)]
async fn file(name: web::Path<String>) -> Result<Either<HttpResponse, Redirect>, ProblemResponse> {
    if *name == "index.html" {
        return Ok(Either::Right(to_page()));
    }
    let (content_type, bytes) = own_file(&name).map_or_else(|| swagger_file(&name), Ok)?;
    Ok(Either::Left(cacheable(content_type, bytes)))
}

/// Browsers request it for documents that can't name an icon, such as JSON.
#[utoipa::path(
    get,
    path = "/favicon.ico",
    operation_id = "getIcon",
    tag = "documentation",
    summary = "Get the icon for browsers",
    responses((status = 200, description = "The icon.", body = String, content_type = "image/png")),
)]
async fn icon() -> Result<HttpResponse, ProblemResponse> {
    let (content_type, bytes) = swagger_file(ICON)?;
    Ok(cacheable(content_type, bytes))
}

fn own_file(name: &str) -> Option<(String, Bytes)> {
    let (_, content_type, text) = OWN_FILES.iter().find(|(own, ..)| *own == name)?;
    Some((
        (*content_type).to_owned(),
        Bytes::from_static(text.as_bytes()),
    ))
}

fn swagger_file(name: &str) -> Result<(String, Bytes), Problem> {
    let file = FILES.get(name).cloned();
    file.ok_or_else(|| Problem::of(&ROUTE_NOT_FOUND))
}

/// Kept in memory once for all clients. A debug build would read them from disk.
static FILES: LazyLock<HashMap<&str, (String, Bytes)>> = LazyLock::new(|| {
    let file = |name| {
        let found = utoipa_swagger_ui::serve(name, Arc::new(Config::default())).ok()??;
        let bytes = match found.bytes {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => bytes.into(),
        };
        Some((name, (found.content_type, bytes)))
    };
    SWAGGER_FILES.into_iter().filter_map(file).collect()
});

fn cacheable(content_type: String, bytes: Bytes) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(content_type)
        .insert_header(CacheControl(vec![CacheDirective::MaxAge(3600)]))
        .body(bytes)
}

fn html(text: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(ContentType::html())
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .body(text)
}

fn to_page() -> Redirect {
    Redirect::new("", TO_PAGE).permanent()
}
