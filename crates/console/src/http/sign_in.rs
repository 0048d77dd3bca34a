//! The door: signing in with an API key, or with a link that works once.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{LOCATION, SET_COOKIE};
use actix_web::web;
use askama::Template;
use oms_access::{NewSession, sign_in, sign_in_with_link, sign_out};
use oms_errors::{Kind, Problem};
use oms_web::ProblemResponse;
use serde::Deserialize;

use super::Console;
use super::client_address::ClientAddress;
use super::form::Form;
use super::frame::{Frame, Section, View};
use super::page::{Answer, page, page_with};
use super::session_cookie::SessionCookie;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct Door {
    frame: Frame,
    next: Option<String>,
    /// The token of a link, to be confirmed with a button: what only looks at links must not use it up.
    link: Option<String>,
    refusal: Option<String>,
    has_ended: bool,
    provider: bool,
    development: bool,
}

/// Where to go after signing in, and whether somebody has just signed out.
#[derive(Deserialize)]
pub(super) struct Wanted {
    next: Option<String>,
    out: Option<String>,
}

/// The token of a link.
#[derive(Deserialize)]
pub(super) struct LinkToken {
    token: String,
}

impl Door {
    fn of(view: &View, console: &Console) -> Self {
        Self {
            frame: view.frame(Section::Elsewhere, "Sign in"),
            next: None,
            link: None,
            refusal: None,
            has_ended: false,
            provider: console.provider.is_some(),
            development: console.settings.development,
        }
    }
}

/// `GET /console/sign-in`.
pub(super) async fn door(
    console: web::Data<Console>,
    view: View,
    wanted: web::Query<Wanted>,
) -> Answer {
    page(&Door {
        next: wanted.next.clone().filter(|next| is_of_the_console(next)),
        has_ended: wanted.out.is_some(),
        ..Door::of(&view, &console)
    })
}

/// `POST /console/sign-in`.
pub(super) async fn with_key(
    console: web::Data<Console>,
    view: View,
    address: ClientAddress,
    request: actix_web::HttpRequest,
    form: Form,
) -> Answer {
    let key = form.text("api_key").unwrap_or_default().to_owned();
    let signing_in = console
        .sessions
        .run(|context| async move { sign_in(&context, address.0, &key).await });
    let next = form.text("next").filter(|next| is_of_the_console(next));
    match signing_in.await {
        Ok(session) => enter(&console, &request, &session, next).await,
        Err(ProblemResponse(problem)) => refuse(
            problem,
            |refusal| Door {
                next: next.map(str::to_owned),
                refusal: Some(refusal),
                ..Door::of(&view, &console)
            },
            "This key is not valid here.",
        ),
    }
}

/// Shows the door after a sign-in at the identity provider that failed.
pub(super) fn refuse_at_provider(problem: Problem, view: &View, console: &Console) -> Answer {
    let door = |refusal| Door {
        refusal: Some(refusal),
        ..Door::of(view, console)
    };
    refuse(problem, door, "The identity provider did not sign you in.")
}

/// `GET /console/sign-in/link`: asks for a confirmation.
pub(super) async fn link(
    console: web::Data<Console>,
    view: View,
    link: web::Query<LinkToken>,
) -> Answer {
    page(&Door {
        link: Some(link.into_inner().token),
        ..Door::of(&view, &console)
    })
}

/// `POST /console/sign-in/link`.
pub(super) async fn with_link(
    console: web::Data<Console>,
    view: View,
    address: ClientAddress,
    request: actix_web::HttpRequest,
    form: Form,
) -> Answer {
    let token = form.text("token").unwrap_or_default().to_owned();
    let signing_in = console
        .sessions
        .run(|context| async move { sign_in_with_link(&context, address.0, &token).await });
    match signing_in.await {
        Ok(session) => enter(&console, &request, &session, None).await,
        Err(ProblemResponse(problem)) => refuse(
            problem,
            |refusal| Door {
                refusal: Some(refusal),
                ..Door::of(&view, &console)
            },
            "This link was used or has expired.",
        ),
    }
}

/// Gives the browser the cookie of a new session, and ends the one that it had: nothing that it sent before is kept.
pub(super) async fn enter(
    console: &Console,
    request: &actix_web::HttpRequest,
    session: &NewSession,
    next: Option<&str>,
) -> Answer {
    let cookie = SessionCookie::new(console.settings.is_secure());
    if let Some(earlier) = cookie.read(request.headers()) {
        let ending = console
            .sessions
            .run(|context| async move { sign_out(&context, &earlier).await });
        ending.await?;
    }
    let credential = &session.session.credential;
    tracing::info!(tenant = %credential.tenant, name = credential.name.as_str(), "signed in to the console");
    Ok(HttpResponse::SeeOther()
        .insert_header((LOCATION, next.unwrap_or("/console")))
        .insert_header((SET_COOKIE, cookie.keep(&session.secret)))
        .finish())
}

/// Shows the door again with the reason. What is not about the credential is an error like any other.
fn refuse(problem: Problem, door: impl FnOnce(String) -> Door, unknown: &str) -> Answer {
    let (status, text) = match problem.problem_type().kind {
        Kind::Unauthorized => (StatusCode::UNPROCESSABLE_ENTITY, unknown.to_owned()),
        Kind::TooManyRequests => {
            let seconds = problem.retry_after_s().unwrap_or(60);
            let text = format!("Too many attempts. Try again in {seconds} s.");
            (StatusCode::TOO_MANY_REQUESTS, text)
        }
        _ => return Err(problem.into()),
    };
    tracing::warn!(
        cause = problem.cause_chain(),
        "sign-in to the console refused"
    );
    page_with(status, &door(text))
}

/// Whether a text is an address of the console, so that signing in leads to no other site.
pub(super) fn is_of_the_console(next: &str) -> bool {
    let rest = next.strip_prefix("/console");
    let is_below = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    is_below
        && next.len() <= 1000
        && next
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_leads_to_the_console_only() {
        for next in ["/console", "/console?x=1", "/console/orders/1?page=2"] {
            assert!(is_of_the_console(next), "{next}");
        }
        for next in [
            "",
            "/",
            "//evil.example/console",
            "https://evil.example/console",
            "/consoles",
            "/console\\..\\..",
            "/console/\r\nset-cookie: a=b",
            "/console.evil.example",
        ] {
            assert!(!is_of_the_console(next), "{next:?}");
        }
    }
}
