//! The door: signing in with an API key, or with a link that works once.

use actix_web::http::StatusCode;
use askama::Template;
use oms_access::{NewSession, sign_in, sign_in_with_link, sign_out};
use oms_errors::{Kind, Problem};

use super::frame::{Frame, Section};
use super::page::{Answer, page, page_with, see_with_cookie};
use super::page_request::PageRequest;
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

impl Door {
    fn of(request: &PageRequest) -> Self {
        Self {
            frame: request.frame(Section::Elsewhere, "Sign in"),
            next: None,
            link: None,
            refusal: None,
            has_ended: false,
            provider: request.console.provider.is_some(),
            development: request.console.settings.development,
        }
    }
}

/// `GET /console/sign-in`.
pub(super) async fn door(request: Box<PageRequest>) -> Answer {
    let query = request.query();
    let next = query.text("next").filter(|next| is_of_the_console(next));
    page(&Door {
        next: next.map(str::to_owned),
        has_ended: query.is_ticked("out"),
        ..Door::of(&request)
    })
}

/// `POST /console/sign-in`.
pub(super) async fn with_key(request: Box<PageRequest>) -> Answer {
    let form = request.form()?;
    let key = form.value("api_key");
    let next = form.text("next").filter(|next| is_of_the_console(next));
    match sign_in(&request.console.sessions, request.client.0, key).await {
        Ok(session) => enter(&request, &session, next).await,
        Err(error) => {
            let door = Door {
                next: next.map(str::to_owned),
                ..Door::of(&request)
            };
            refuse(error.into(), door, "This key is not valid here.")
        }
    }
}

/// Shows the door after a sign-in at the identity provider that failed.
pub(super) fn refuse_at_provider(problem: Problem, request: &PageRequest) -> Answer {
    let unknown = "The identity provider did not sign you in.";
    refuse(problem, Door::of(request), unknown)
}

/// `GET /console/sign-in/link`: asks for a confirmation.
pub(super) async fn link(request: Box<PageRequest>) -> Answer {
    let token = request.query().required("token")?;
    page(&Door {
        link: Some(token.to_owned()),
        ..Door::of(&request)
    })
}

/// `POST /console/sign-in/link`.
pub(super) async fn with_link(request: Box<PageRequest>) -> Answer {
    let token = request.form()?.value("token");
    match sign_in_with_link(&request.console.sessions, request.client.0, token).await {
        Ok(session) => enter(&request, &session, None).await,
        Err(error) => {
            let unknown = "This link was used or has expired.";
            refuse(error.into(), Door::of(&request), unknown)
        }
    }
}

/// Gives the browser the cookie of a new session, and ends the one that it had: nothing that it sent before is kept.
pub(super) async fn enter(
    request: &PageRequest,
    session: &NewSession,
    next: Option<&str>,
) -> Answer {
    let console = &request.console;
    let cookie = SessionCookie::new(console.settings.is_secure());
    if let Some(earlier) = cookie.read(request.headers()) {
        sign_out(&console.sessions, &earlier).await?;
    }
    let credential = &session.session.credential;
    tracing::info!(tenant = %credential.tenant, name = credential.name.as_str(), "signed in to the console");
    see_with_cookie(next.unwrap_or("/console"), &cookie.keep(&session.secret))
}

/// Shows the door again with the reason. What is not about the credential is an error like any other.
fn refuse(problem: Problem, door: Door, unknown: &str) -> Answer {
    let (status, text) = match problem.problem_type().kind {
        Kind::Unauthorized => (StatusCode::UNPROCESSABLE_ENTITY, unknown.to_owned()),
        Kind::TooManyRequests => {
            let seconds = problem.retry_after_s().unwrap_or(60);
            let text = format!("Too many attempts. Try again in {seconds} s.");
            (StatusCode::TOO_MANY_REQUESTS, text)
        }
        _ => return Err(problem),
    };
    tracing::warn!(
        cause = problem.cause_chain(),
        "sign-in to the console refused"
    );
    let refusal = Some(text);
    page_with(status, &Door { refusal, ..door })
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
