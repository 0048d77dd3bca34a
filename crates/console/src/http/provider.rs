//! Signing in at the identity provider: OpenID Connect's authorization code flow.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::header::{LOCATION, SET_COOKIE};
use actix_web::web;
use oms_access::sign_in_at_provider;
use oms_errors::{Problem, ROUTE_NOT_FOUND, UNAUTHENTICATED};
use oms_web::ProblemResponse;
use serde::Deserialize;

use super::Console;
use super::client_address::ClientAddress;
use super::frame::View;
use super::page::Answer;
use super::session_cookie::SessionCookie;
use super::sign_in::{enter, is_of_the_console, refuse_at_provider};

/// Where to go after signing in.
#[derive(Deserialize)]
pub(super) struct Wanted {
    next: Option<String>,
}

/// What the identity provider sends the browser back with.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Back {
    code: String,
    state: String,
}

/// `GET /console/sign-in/provider`: sends the browser to the identity provider.
pub(super) async fn begin(
    console: web::Data<Console>,
    view: View,
    wanted: web::Query<Wanted>,
) -> Answer {
    let Some(provider) = console.provider.clone() else {
        return Err(Problem::of(&ROUTE_NOT_FOUND).into());
    };
    let beginning = console
        .sessions
        .run(|_| async move { provider.begin().await });
    let (address, awaited) = match beginning.await {
        Ok(begun) => begun,
        Err(ProblemResponse(problem)) => return refuse_at_provider(problem, &view, &console),
    };
    let cookie = SessionCookie::new(console.settings.is_secure());
    let next = wanted
        .next
        .as_deref()
        .filter(|next| is_of_the_console(next));
    Ok(HttpResponse::SeeOther()
        .insert_header((LOCATION, address))
        .insert_header((
            SET_COOKIE,
            cookie.keep_awaited(&awaited, next.unwrap_or_default()),
        ))
        .finish())
}

/// `GET /console/sign-in/provider/back`.
pub(super) async fn back(
    console: web::Data<Console>,
    view: View,
    address: ClientAddress,
    request: HttpRequest,
    back: web::Query<Back>,
) -> Answer {
    let Some(provider) = console.provider.clone() else {
        return Err(Problem::of(&ROUTE_NOT_FOUND).into());
    };
    let cookie = SessionCookie::new(console.settings.is_secure());
    let Some((awaited, next)) = cookie.read_awaited(request.headers()) else {
        let problem = Problem::of(&UNAUTHENTICATED).with_source("the browser began no sign-in");
        return refuse_at_provider(problem, &view, &console);
    };
    let Back { code, state } = back.into_inner();
    let signing_in = console.sessions.run(|context| async move {
        let said = (code.as_str(), state.as_str());
        sign_in_at_provider(&context, &provider, address.0, &awaited, said).await
    });
    match signing_in.await {
        Ok(session) => {
            let next = Some(next.as_str()).filter(|next| is_of_the_console(next));
            enter(&console, &request, &session, next).await
        }
        Err(ProblemResponse(problem)) => refuse_at_provider(problem, &view, &console),
    }
}
