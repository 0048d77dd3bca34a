//! The span and the one log line of a request. Neither has a query, a header or a body: they may hold personal data.

use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::{Error, HttpMessage};
use oms_errors::http::RequestId;
use tracing::Span;
use tracing_actix_web::RootSpanBuilder;
use uuid::Uuid;

use crate::routes::MatchedRoute;

/// Builds the span of a request.
pub(crate) struct RequestSpan;

#[derive(Clone, Copy)]
struct StartedAt(Instant);

impl RootSpanBuilder for RequestSpan {
    fn on_request_start(request: &ServiceRequest) -> Span {
        let id = Uuid::now_v7().to_string();
        let (method, route) = (request.method(), request.match_pattern());
        let route = route.unwrap_or_default();
        let span = tracing::info_span!("request", request_id = %id, %method, route);
        let matched = MatchedRoute::find(method.as_str(), &route);
        let mut extensions = request.extensions_mut();
        extensions.insert(RequestId(id));
        extensions.insert(StartedAt(Instant::now()));
        if let Some(route) = matched {
            extensions.insert(route);
        }
        drop(extensions);
        span
    }

    fn on_request_end<B: MessageBody>(_: Span, outcome: &Result<ServiceResponse<B>, Error>) {
        let Ok(response) = outcome else { return };
        let started_at = response.request().extensions().get::<StartedAt>().copied();
        let duration_ms = started_at.map(|at| at.0.elapsed().as_secs_f64() * 1000.0);
        tracing::info!(status = response.status().as_u16(), duration_ms, "served");
    }
}
