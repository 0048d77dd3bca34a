//! Signing out, here or everywhere.

use actix_web::HttpResponse;
use actix_web::http::header::{LOCATION, SET_COOKIE};
use actix_web::web;

use super::Console;
use super::operator::Operator;
use super::page::Answer;
use super::session_cookie::SessionCookie;

/// `POST /console/sign-out`.
pub(super) async fn sign_out(console: web::Data<Console>, operator: Operator) -> Answer {
    let ending = console
        .sessions
        .run(|context| async move { oms_access::sign_out(&context, &operator.secret).await });
    ending.await?;
    Ok(leave(&console))
}

/// `POST /console/sign-out/everywhere`.
pub(super) async fn everywhere(console: web::Data<Console>, operator: Operator) -> Answer {
    let ending = console.sessions.run(|context| async move {
        oms_access::sign_out_everywhere(&context, operator.credential()).await
    });
    ending.await?;
    Ok(leave(&console))
}

fn leave(console: &Console) -> HttpResponse {
    let cookie = SessionCookie::new(console.settings.is_secure());
    HttpResponse::SeeOther()
        .insert_header((LOCATION, "/console/sign-in?out=1"))
        .insert_header((SET_COOKIE, cookie.forget()))
        .finish()
}
