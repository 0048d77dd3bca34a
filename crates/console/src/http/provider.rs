//! Signing in at the identity provider: OpenID Connect's authorization code flow.

use oms_access::sign_in_at_provider;
use oms_errors::{Problem, ROUTE_NOT_FOUND, UNAUTHENTICATED};

use super::page::{Answer, see_with_cookie};
use super::page_request::PageRequest;
use super::session_cookie::SessionCookie;
use super::sign_in::{enter, is_of_the_console, refuse_at_provider};

/// `GET /console/sign-in/provider`: sends the browser to the identity provider.
pub(super) async fn begin(request: Box<PageRequest>) -> Answer {
    let query = request.query();
    let console = &request.console;
    let Some(provider) = &console.provider else {
        return Err(Problem::of(&ROUTE_NOT_FOUND));
    };
    let (address, awaited) = match provider.begin().await {
        Ok(begun) => begun,
        Err(error) => return refuse_at_provider(error.into(), &request),
    };
    let cookie = SessionCookie::new(console.settings.is_secure());
    let next = query.text("next").filter(|next| is_of_the_console(next));
    let cookie = cookie.keep_awaited(&awaited, next.unwrap_or_default());
    see_with_cookie(&address, &cookie)
}

/// `GET /console/sign-in/provider/back`.
pub(super) async fn back(request: Box<PageRequest>) -> Answer {
    let query = request.query();
    let console = &request.console;
    let Some(provider) = &console.provider else {
        return Err(Problem::of(&ROUTE_NOT_FOUND));
    };
    let cookie = SessionCookie::new(console.settings.is_secure());
    let Some((awaited, next)) = cookie.read_awaited(request.headers()) else {
        let problem = Problem::of(&UNAUTHENTICATED).with_source("the browser began no sign-in");
        return refuse_at_provider(problem, &request);
    };
    let (address, said) = (
        request.client.0,
        (query.value("code"), query.value("state")),
    );
    let signed_in = sign_in_at_provider(&console.sessions, provider, address, &awaited, said).await;
    match signed_in {
        Ok(session) => {
            let next = Some(next.as_str()).filter(|next| is_of_the_console(next));
            enter(&request, &session, next).await
        }
        Err(error) => refuse_at_provider(error.into(), &request),
    }
}
