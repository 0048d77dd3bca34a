//! Signing out, here or everywhere.

use super::page::{Answer, see_with_cookie};
use super::page_request::PageRequest;
use super::session_cookie::SessionCookie;

/// `POST /console/sign-out`.
pub(super) async fn sign_out(request: Box<PageRequest>) -> Answer {
    let (sessions, operator) = (&request.console.sessions, request.operator()?);
    oms_access::sign_out(sessions, &operator.secret).await?;
    leave(&request)
}

/// `POST /console/sign-out/everywhere`.
pub(super) async fn everywhere(request: Box<PageRequest>) -> Answer {
    let (sessions, operator) = (&request.console.sessions, request.operator()?);
    oms_access::sign_out_everywhere(sessions, operator.credential()).await?;
    leave(&request)
}

fn leave(request: &PageRequest) -> Answer {
    let cookie = SessionCookie::new(request.console.settings.is_secure());
    see_with_cookie("/console/sign-in?out=1", &cookie.forget())
}
