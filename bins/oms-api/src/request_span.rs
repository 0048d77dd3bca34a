//! The span and the log line of a request: its caller, its address, and the status of its answer. Neither contains a
//! query, a header or a body, which may hold personal data.

use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::{Error, HttpMessage};
use oms_monitoring::traces::{self, Brought};
use oms_web::RequestId;
use tracing::Span;
use tracing::field::Empty;
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
        let (method, route) = (request.method(), resource_of(request));
        let route = route.unwrap_or_default();
        // Fields that only a collector reads are left out of log lines while no collector is configured.
        let sent = traces::are_sent();
        let span = tracing::info_span!(
            "request",
            request_id = %id,
            %method,
            route,
            client = Empty,
            tenant = Empty,
            credential = Empty,
            trace_id = Empty,
            otel.kind = sent.then_some("server"),
            otel.name = sent.then(|| format!("{method} {route}")),
            otel.status_code = Empty,
        );
        if let Some(trace_id) = traces::join(&span, &brought(request)) {
            span.record("trace_id", trace_id);
        }
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

    fn on_request_end<B: MessageBody>(span: Span, outcome: &Result<ServiceResponse<B>, Error>) {
        let Ok(response) = outcome else { return };
        if traces::are_sent() && response.status().is_server_error() {
            span.record("otel.status_code", "error");
        }
        let started_at = response.request().extensions().get::<StartedAt>().copied();
        let duration_ms = started_at.map(|at| at.0.elapsed().as_secs_f64() * 1000.0);
        tracing::info!(status = response.status().as_u16(), duration_ms, "served");
    }
}

/// The pattern of the resource that a request is routed to. Escapes are decoded before routing: `/%6frders` is
/// `/orders`. Before that, actix-web's own `match_pattern` compares the text as it was sent.
pub(crate) fn resource_of(request: &ServiceRequest) -> Option<String> {
    let path = request.match_info().as_str();
    request.resource_map().match_pattern(path)
}

fn brought(request: &ServiceRequest) -> Brought<'_> {
    let values = |name| {
        let values = request.headers().get_all(name);
        values.filter_map(|value| value.to_str().ok()).collect()
    };
    Brought {
        traceparent: values("traceparent"),
        tracestate: values("tracestate"),
    }
}
