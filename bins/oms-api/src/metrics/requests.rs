//! What is measured of HTTP requests: how many, how they ended, how long they took.
//!
//! The series of every route are there from the start, so that counting a request looks nothing up and makes nothing.

use std::sync::Arc;
use std::time::Instant;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};
use oms_monitoring::metrics::{
    CounterSeries, HistogramSeries, LATENCY_BUCKETS_S, Metrics, MetricsError,
};

use crate::routes::{MatchedRoute, ROUTES};

/// The classes of answers. The last one is a client that went away before there was one.
const STATUSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "none"];
const GONE: usize = STATUSES.len() - 1;

/// The route and the method of what is not served: a client may send any text.
const OTHER: &str = "other";

/// The series of every route, and at last those of requests that fit none.
pub(crate) struct RequestMetrics(Vec<RouteSeries>);

struct RouteSeries {
    requests: [CounterSeries; STATUSES.len()],
    seconds: HistogramSeries,
}

impl RequestMetrics {
    pub(crate) fn register(metrics: &Metrics) -> Result<Self, MetricsError> {
        let requests = metrics.counter(
            "oms_http_requests_total",
            "Requests by registered route, such as `/orders/{id}`, and class of answer. The status is `none` when the client disconnected first; the route is `other` for anything that is not served.",
            &["route", "method", "status"],
        )?;
        let seconds = metrics.histogram(
            "oms_http_request_duration_seconds",
            "Duration of requests, from the head of the request to the head of the answer.",
            &["route", "method"],
            &LATENCY_BUCKETS_S,
        )?;
        let routes = ROUTES.iter().map(|route| (route.path, route.method));
        let series = routes.chain([(OTHER, OTHER)]).map(|(route, method)| {
            let requests = STATUSES.map(|status| requests.series(&[route, method, status]));
            RouteSeries {
                requests,
                seconds: seconds.series(&[route, method]),
            }
        });
        Ok(Self(series.collect()))
    }

    fn of(&self, route: Option<MatchedRoute>) -> &RouteSeries {
        let index = route.map_or(ROUTES.len(), MatchedRoute::index);
        &self.0[index]
    }
}

/// A request that is being served: counted when this is dropped, also when its client went away.
struct UnderWay<'a> {
    series: &'a RouteSeries,
    since: Instant,
    status: usize,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.series.requests[self.status].increment();
        self.series
            .seconds
            .observe(self.since.elapsed().as_secs_f64());
    }
}

/// Middleware: counts requests. Wants to be around all others but the one that matches routes.
pub(crate) async fn measure(
    metrics: Arc<RequestMetrics>,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let route = request.extensions().get::<MatchedRoute>().copied();
    let mut under_way = UnderWay {
        series: metrics.of(route),
        since: Instant::now(),
        status: GONE,
    };
    let answered = next.call(request).await;
    let status = match &answered {
        Ok(response) => response.status(),
        Err(error) => error.as_response_error().status_code(),
    };
    under_way.status = usize::from(status.as_u16() / 100 - 1).min(GONE);
    answered
}
