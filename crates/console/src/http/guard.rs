//! The middleware of every page: refuses what another site's page sent, recognises the session, requires the scope of
//! the route, and shows errors as pages.

use std::sync::Arc;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, web};
use oms_access::{Presence, TenantSecret, resume_session};
use oms_errors::{FORBIDDEN, Problem, UNAUTHENTICATED};
use oms_web::{Detached, ProblemResponse, answer_problem};

use super::operator::Operator;
use super::part_request::is_for_a_part;
use super::session_cookie::SessionCookie;
use super::{Console, ConsoleRoute, PageAccess, ROUTES, error_page, same_origin};

const HX_REDIRECT: HeaderName = HeaderName::from_static("hx-redirect");

/// Guards a request, and shows the error that it is answered with, if any, as a page.
pub(super) async fn guard(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let response = match admit(&request).await {
        Ok(()) => next.call(request).await?,
        Err(problem) if problem.problem_type() == &UNAUTHENTICATED => {
            let door = to_the_door(&request);
            return Ok(request.into_response(door));
        }
        Err(problem) => request.error_response(ProblemResponse(problem)),
    };
    Ok(answer_problem(response, error_page::render))
}

async fn admit(request: &ServiceRequest) -> Result<(), Problem> {
    let detached = console_of(request);
    let settings = &detached.context().settings;
    if !same_origin::is_allowed(request.method(), request.headers(), &settings.origin) {
        let detail = "the request was not sent by a page of this console";
        return Err(Problem::new(&FORBIDDEN, detail));
    }
    let access = access_of(request);
    if access == PageAccess::Public {
        return Ok(());
    }
    let cookie = SessionCookie::new(settings.is_secure());
    let secret = cookie.read(request.headers());
    let secret = secret.ok_or_else(|| Problem::of(&UNAUTHENTICATED))?;
    let presence = match is_for_a_part(request.headers()) {
        true => Presence::Page,
        false => Presence::Operator,
    };
    let resuming = detached.run(|console| resume(console, secret, presence));
    let operator = resuming.await.map_err(|ProblemResponse(problem)| problem)?;
    let span = tracing::Span::current();
    span.record("tenant", tracing::field::display(operator.tenant()));
    span.record("credential", operator.name.as_str());
    request.extensions_mut().insert(operator.clone());
    match access {
        PageAccess::Scope(scope) => operator.require(scope),
        PageAccess::Public | PageAccess::SignedIn => Ok(()),
    }
}

/// Recognises the operator of a session.
async fn resume(
    console: Arc<Console>,
    secret: TenantSecret,
    presence: Presence,
) -> Result<Operator, Problem> {
    let session = resume_session(&console.sessions, &secret, presence).await?;
    let session = session.ok_or_else(|| Problem::of(&UNAUTHENTICATED))?;
    Operator::of(session, secret)
}

/// The access of the route. An address that does not exist is only told to those who are signed in.
fn access_of(request: &ServiceRequest) -> PageAccess {
    let path = request
        .resource_map()
        .match_pattern(request.match_info().as_str());
    let method = request.method().as_str();
    let row = |row: &&ConsoleRoute| Some(row.path) == path.as_deref() && row.method == method;
    let found = ROUTES.iter().find(row);
    found.map_or(PageAccess::SignedIn, |row| row.access)
}

/// Shows the door to those who are not signed in. They come back afterwards.
fn to_the_door(request: &ServiceRequest) -> HttpResponse {
    let is_for_a_part = is_for_a_part(request.headers());
    // The page around a part; a form that was sent can't be sent again by itself.
    let back = match request.method().is_safe() && !is_for_a_part {
        true => request.uri().path_and_query().map(|path| path.as_str()),
        false => None,
    };
    let door = match back.filter(|back| *back != "/console") {
        Some(back) => {
            let query = form_urlencoded::Serializer::new(String::new())
                .append_pair("next", back)
                .finish();
            format!("/console/sign-in?{query}")
        }
        None => "/console/sign-in".to_owned(),
    };
    let settings = &console_of(request).context().settings;
    let forget = SessionCookie::new(settings.is_secure()).forget();
    let mut response = HttpResponse::build(StatusCode::SEE_OTHER);
    if is_for_a_part {
        // htmx would follow a redirect, and show the door as a part of the page.
        response.status(StatusCode::NO_CONTENT);
        response.insert_header((HX_REDIRECT, door));
    } else {
        response.insert_header((header::LOCATION, door));
    }
    if request.headers().contains_key(header::COOKIE)
        && let Ok(forget) = HeaderValue::try_from(forget)
    {
        response.insert_header((header::SET_COOKIE, forget));
    }
    response.finish()
}

fn console_of(request: &ServiceRequest) -> &Detached<Console> {
    let console = request.app_data::<web::Data<Detached<Console>>>();
    console.expect("configure() registers it")
}
