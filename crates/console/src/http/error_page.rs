//! The pages of errors.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use askama::Template;
use oms_errors::{INTERNAL, Problem};
use oms_web::RequestId;

use super::frame::{Frame, Section};
use super::operator::Operator;
use super::page::html_answer;
use crate::display;

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    frame: Frame,
    status: u16,
    title: &'static str,
    text: String,
    hint: &'static str,
    code: &'static str,
    request_id: String,
    /// The list to which the address belongs: its address and its name.
    list: Option<(&'static str, &'static str)>,
}

/// Shows a problem as a page. htmx leaves a page as it is when a part that it asked for was refused.
pub(super) fn render(request: &HttpRequest, problem: &Problem) -> HttpResponse {
    let kind = problem.problem_type();
    let status = StatusCode::from_u16(kind.kind.status());
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let extensions = request.extensions();
    let id = extensions.get::<RequestId>().map(|id| id.0.clone());
    let operator = extensions.get::<Operator>().cloned();
    let frame = Frame::new(operator, Section::Elsewhere, kind.title);
    let page = ErrorPage {
        list: frame.list_of(request.path()),
        frame,
        status: status.as_u16(),
        title: kind.title,
        text: text_of(problem),
        hint: hint_for(status),
        code: kind.code,
        request_id: id.unwrap_or_default(),
    };
    let html = page.render();
    let html = html.unwrap_or_else(|_| INTERNAL.title.to_owned());
    let mut response = html_answer(status, html);
    if let Some(seconds) = problem.retry_after_s() {
        response = response.with(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Some(methods) = problem.allow()
        && let Ok(methods) = HeaderValue::try_from(methods)
    {
        response = response.with(header::ALLOW, methods);
    }
    response.into()
}

/// What a problem says besides its title: the fields that it names, or its detail.
pub(crate) fn text_of(problem: &Problem) -> String {
    let body = problem.body(None);
    let fields = body["errors"].as_array().into_iter().flatten();
    let fields = fields.filter_map(|error| {
        Some(format!(
            "{}: {}",
            error["field"].as_str()?,
            error["message"].as_str()?
        ))
    });
    let fields: Vec<String> = fields.collect();
    let text = match fields.as_slice() {
        [] => match body["detail"].as_str() {
            Some(detail) if detail != problem.problem_type().title => detail.to_owned(),
            _ => String::new(),
        },
        _ => fields.join("; "),
    };
    match text.trim_end_matches('.') {
        "" => String::new(),
        text => format!("{}.", display::capital(text)),
    }
}

fn hint_for(status: StatusCode) -> &'static str {
    match status.as_u16() {
        403 => {
            "Ask the person who manages the keys of this installation, or sign in with another key."
        }
        404 => "It was deleted, belongs to another tenant, or the address is incomplete.",
        429 => "Wait a minute, then try again.",
        503 => "Nothing was changed. Try again in a few seconds.",
        500..=599 => "The log of the server has the cause. Quote the ID of the request.",
        _ => "Go back, and try again.",
    }
}
