//! Routes as rows: the access that each requires, the handler that serves it, and its part of the document.

use std::future::ready;

use actix_web::http::{Method, header};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Route as ActixRoute};
use oms_errors::{METHOD_NOT_ALLOWED, Problem};
use oms_validation::Scope;
use utoipa::openapi::OpenApi;

use crate::ProblemResponse;

/// The access that a route requires of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// None, regardless of the load.
    Open,
    /// A signature over the body, which the handler verifies. The request acts for the installation's own tenant,
    /// unless the signed content names another.
    Signed,
    /// A credential with this scope.
    Scope(Scope),
}

/// A route: one row of the table of a context or a program. Created by [`route!`](crate::route).
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// Such as `GET`, which also serves `HEAD`.
    pub method: &'static str,
    /// The registered path, such as `/orders/{id}`.
    pub path: &'static str,
    /// The access that it requires.
    pub access: Access,
    #[doc(hidden)]
    pub handler: fn() -> ActixRoute,
    #[doc(hidden)]
    pub document: fn() -> OpenApi,
}

impl Route {
    /// The operation and the schemas that it refers to.
    pub fn document(&self) -> OpenApi {
        (self.document)()
    }
}

/// Creates a row from a method, a path, the access, and the handler, whose `utoipa::path` describes the operation.
///
/// A table is a `static`. The handlers of a `const` table would be compiled once more in each crate that uses it, with
/// all that they call.
///
/// ```
/// use oms_web::{Access, Route, route};
///
/// #[utoipa::path(get, path = "/health/live", responses((status = 200, description = "The process is alive.")))]
/// async fn live() -> &'static str {
///     "alive"
/// }
///
/// static ROUTES: &[Route] = &[route!(GET "/health/live", Access::Open, live)];
/// assert_eq!(ROUTES[0].document().paths.paths.len(), 1);
/// ```
#[macro_export]
macro_rules! route {
    ($method:ident $path:literal, $access:expr, $($handler:ident)::+) => {{
        #[derive($crate::openapi::reexport::OpenApi)]
        #[openapi(paths($($handler)::+))]
        enum Document {}

        $crate::Route {
            method: stringify!($method),
            path: $path,
            access: $access,
            handler: || {
                let route = $crate::reexport::web::method($crate::reexport::Method::$method);
                route.to($($handler)::+)
            },
            document: <Document as $crate::openapi::reexport::OpenApi>::openapi,
        }
    }};
}

/// Registers the rows of a table: one resource per path, which refuses the methods that it has no row for. The rows of
/// a path must be adjacent.
pub fn registered(rows: &'static [Route]) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        for rows in rows.chunk_by(|one, next| one.path == next.path) {
            let methods: Vec<&str> = rows.iter().map(|row| row.method).collect();
            let refusing =
                web::resource(rows[0].path).default_service(method_not_allowed(&methods));
            let routes = rows.iter().map(|row| (row.handler)());
            config.service(routes.fold(refusing, |resource, route| resource.route(route)));
        }
    }
}

/// Answers methods that a resource does not support with 405 and `Allow`, and `OPTIONS` with 204 and `Allow`. `HEAD` is
/// allowed if `GET` is.
pub fn method_not_allowed(methods: &[&str]) -> ActixRoute {
    let allowed = allowed(methods);
    web::to(move |method: Method| ready(refuse(&method, &allowed)))
}

fn allowed(methods: &[&str]) -> String {
    let mut allowed = methods.to_vec();
    if let Some(get) = allowed.iter().position(|method| *method == "GET") {
        allowed.insert(get + 1, "HEAD");
    }
    allowed.push("OPTIONS");
    allowed.join(", ")
}

fn refuse(method: &Method, allowed: &str) -> Result<HttpResponse, ProblemResponse> {
    if method == Method::OPTIONS {
        let mut response = HttpResponse::NoContent();
        return Ok(response.insert_header((header::ALLOW, allowed)).finish());
    }
    let problem = Problem::new(&METHOD_NOT_ALLOWED, format!("use {allowed}"));
    Err(problem.with_allow(allowed).into())
}

#[cfg(test)]
mod tests {
    use actix_web::http::StatusCode;

    use super::*;

    #[test]
    fn head_is_allowed_with_get_and_options_everywhere() {
        assert_eq!(allowed(&["GET", "POST"]), "GET, HEAD, POST, OPTIONS");
        assert_eq!(allowed(&["POST"]), "POST, OPTIONS");
        let told = refuse(&Method::OPTIONS, "GET, OPTIONS").unwrap();
        assert_eq!(told.status(), StatusCode::NO_CONTENT);
        assert_eq!(told.headers().get(header::ALLOW).unwrap(), "GET, OPTIONS");
        let refused = refuse(&Method::PUT, "GET, OPTIONS").unwrap_err();
        assert_eq!(refused.0.allow(), Some("GET, OPTIONS"));
    }
}
